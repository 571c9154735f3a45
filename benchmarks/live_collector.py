"""A real collector in a process of its own, for benchmarks that need one to send to."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def live_collector(folder: Path) -> Iterator[str]:
    """Run `otel-eventlog serve` on free ports; yield the base URL for OTLP/HTTP."""
    command = Path(sys.executable).parent / "otel-eventlog"
    listeners = [
        part for name in ("--otlp-http", "--otlp-grpc", "--http") for part in (name, "127.0.0.1:0")
    ]
    process = subprocess.Popen(
        [command, "serve", "--data", folder / "data", *listeners],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield _otlp_http(process)
    finally:
        process.terminate()
        process.wait(30)


def _otlp_http(process: subprocess.Popen[str]) -> str:
    url = ""
    for line in process.stdout or ():
        words = line.split()
        if words[:2] == ["listening", "otlp-http"]:
            url = words[2]
        if words == ["ready"]:
            return url
    message = "the collector did not start"
    raise RuntimeError(message)
