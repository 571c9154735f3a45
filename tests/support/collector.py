"""A real collector: `otel-eventlog serve` in a process of its own, on free ports."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND = Path(sys.executable).parent / "otel-eventlog"
STOP_S_MAX = 20.0


@dataclass(frozen=True)
class Collector:
    """A running collector.

    Attributes:
        otlp_http: base URL for OTLP/HTTP.
        otlp_grpc: HOST:PORT for OTLP/gRPC.
        http: base URL of dashboard and API.
        data: its data directory.
        process: to signal it.

    """

    otlp_http: str
    otlp_grpc: str
    http: str
    data: Path
    process: subprocess.Popen[str]


@contextmanager
def serving(data: Path, *options: str) -> Iterator[Collector]:
    """Run a collector until the end of the block, then stop it with SIGTERM and expect 0."""
    process = start(data, *options)
    try:
        yield ready(process, data)
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_S_MAX) == 0
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def start(
    data: Path, *options: str, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start a collector without waiting for it; its log goes to `DATA.log`."""
    listeners = [
        part for name in ("--otlp-http", "--otlp-grpc", "--http") for part in (name, "127.0.0.1:0")
    ]
    with data.with_suffix(".log").open("ab") as log:
        return subprocess.Popen(
            [COMMAND, "serve", "--data", data, *listeners, *options],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=clean_environment(**(environment or {})),
        )


def ready(process: subprocess.Popen[str], data: Path) -> Collector:
    """Read the lines that a starting collector prints, up to `ready`."""
    listening: dict[str, str] = {}
    assert process.stdout is not None
    for line in process.stdout:
        words = line.split()
        if words == ["ready"]:
            return Collector(
                listening["otlp-http"], listening["otlp-grpc"], listening["http"], data, process
            )
        _, name, where = words
        listening[name] = where
    process.stdout.close()
    log = data.with_suffix(".log").read_text()
    msg = f"the collector ended with {process.wait()} before it was ready:\n{log}"
    raise AssertionError(msg)


def run(
    *arguments: str | Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command and return what it printed."""
    return subprocess.run(
        [COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=clean_environment(**(environment or {})),
        check=False,
    )


def query(*arguments: str | Path) -> list[dict[str, Any]]:
    """Return the event logs that `otel-eventlog query --json` prints."""
    done = run("query", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def clean_environment(**more: str) -> dict[str, str]:
    """Return this environment without any telemetry settings of the machine's own."""
    ours = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OTEL_", "COVERAGE_"))
    }
    return ours | more


def without(rows: Sequence[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
    """Return rows without some fields, sorted by event id, to be compared."""
    kept = [{k: v for k, v in row.items() if k not in names} for row in rows]
    return sorted(kept, key=lambda row: str(row["event_id"]))
