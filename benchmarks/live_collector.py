"""A real collector in a process of its own, for benchmarks to send to or read from."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

STOP_TIMEOUT_S = 120
SETTLING_S, SETTLED_SHARE = 1.0, 0.1
LISTENERS = ("--otlp-http", "--otlp-grpc", "--http")


def processor_s(pid: int) -> float:
    """Return the processor time that a process has used, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Collector:
    """A running `otel-eventlog serve`.

    Attributes:
        process: its process.
        data: its data directory.
        urls: base URL of each listener: `otlp-http`, `http`.

    """

    process: subprocess.Popen[str]
    data: Path
    urls: dict[str, str]
    _api: HTTPConnection | None = field(default=None)

    @property
    def otlp_host(self) -> str:
        """`127.0.0.1:port` of OTLP/HTTP."""
        return urlsplit(self.urls["otlp-http"]).netloc

    @property
    def api_host(self) -> str:
        """`127.0.0.1:port` of the API."""
        return urlsplit(self.urls["http"]).netloc

    def get(self, path: str, parameters: Sequence[tuple[str, str]] = ()) -> dict[str, Any]:
        """Return an answer of the API, over one connection that stays open.

        Raises:
            RuntimeError: it is not 200.

        """
        asked = f"{path}?{urlencode(parameters)}" if parameters else path
        content: dict[str, Any] = json.loads(self.text(asked))
        return content

    def text(self, path: str) -> str:
        """Return any page of the API's listener, as above.

        Raises:
            RuntimeError: it is not 200.

        """
        if self._api is None:
            self._api = HTTPConnection(self.api_host, timeout=120)
        self._api.request("GET", path)
        answer = self._api.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body[:300]!r}")
        return body.decode()

    def memory_mb(self, what: str = "VmRSS") -> float:
        """Return resident memory now, or its peak (`VmHWM`), in MB (10^6 bytes)."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(what):
                return int(line.split()[1]) * 1024 / 1e6
        raise RuntimeError(f"{what} is not in /proc/{self.process.pid}/status")

    def processor_s(self) -> float:
        """Return the processor time that it has used, all threads."""
        return processor_s(self.process.pid)

    def settle(self, seconds_max: float = 900.0) -> None:
        """Wait until it does next to nothing any more, as after the work that follows a start."""
        until_s = time.monotonic() + seconds_max
        used_s = self.processor_s()
        while time.monotonic() < until_s:
            time.sleep(SETTLING_S)
            used_s, before_s = self.processor_s(), used_s
            if used_s - before_s < SETTLED_SHARE * SETTLING_S:
                return

    def bytes_on_disk(self) -> int:
        """Return the size of everything in its data directory."""
        return sum(file.stat().st_size for file in self.data.rglob("*") if file.is_file())

    def stop(self) -> None:
        """Let it drain and end; safe to call twice."""
        if self._api is not None:
            self._api.close()
            self._api = None
        self.process.terminate()
        self.process.wait(STOP_TIMEOUT_S)


@contextmanager
def running_collector(
    data: Path, *options: str, command: Sequence[str | Path] = ()
) -> Iterator[Collector]:
    """Run `otel-eventlog serve` on free ports.

    Args:
        data: the data directory.
        options: of `serve`, besides the listeners and the directory.
        command: what to run in place of the command `otel-eventlog`.

    """
    program = command or [Path(sys.executable).parent / "otel-eventlog"]
    listeners = [part for name in LISTENERS for part in (name, "127.0.0.1:0")]
    process = subprocess.Popen(
        [*program, "serve", "--data", data, *listeners, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    collector = Collector(process, data, {})
    try:
        for line in process.stdout or ():
            words = line.split()
            if words[:1] == ["listening"]:
                collector.urls[words[1]] = words[2]
            if words == ["ready"]:
                break
        else:
            raise RuntimeError("the collector did not start")
        yield collector
    finally:
        collector.stop()


@contextmanager
def live_collector(folder: Path) -> Iterator[str]:
    """Run a collector; yield the base URL for OTLP/HTTP."""
    with running_collector(folder / "data") as collector:
        yield collector.urls["otlp-http"]
