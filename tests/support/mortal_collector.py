"""A real collector that is stopped, killed, and started again on the same ports and data."""

from __future__ import annotations

import json
import random
import signal
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.support import collector

STOP_S_MAX = 60.0
_PORTS = range(20_000, 30_000)
"""Below those that the system gives to clients, which could take one while nobody listens."""


class MortalCollector:
    """`otel-eventlog serve`, running while in `with`, except between its end and `start`."""

    def __init__(
        self, data: Path, *options: str, environment: Mapping[str, str] | None = None
    ) -> None:
        self.data = data
        self._environment = environment
        names = ("--otlp-http", "--otlp-grpc", "--http")
        addresses = [f"127.0.0.1:{quiet_port()}" for _ in names]
        listeners = [part for pair in zip(names, addresses, strict=True) for part in pair]
        self._options = [*listeners, *options]
        self.otlp_http, self.otlp_grpc, self.http = (f"http://{where}" for where in addresses)
        self.otlp_grpc_address = addresses[1]
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Start it and wait until it is ready."""
        self._process = collector.start(self.data, *self._options, environment=self._environment)
        collector.ready(self._process, self.data)

    @property
    def process(self) -> subprocess.Popen[str]:
        """The running process."""
        assert self._process is not None
        return self._process

    @property
    def log(self) -> str:
        """What all its lives have logged."""
        return self.data.with_suffix(".log").read_text()

    def stop(self) -> None:
        """End it as an operator does; it must end well."""
        assert self._end_with(signal.SIGTERM) == 0

    def kill(self) -> None:
        """End it as the kernel does."""
        self._end_with(signal.SIGKILL)

    def _end_with(self, signum: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(signum)
        code = process.wait(STOP_S_MAX)
        if process.stdout is not None:
            process.stdout.close()
        return code

    def rows(self) -> list[dict[str, Any]]:
        """Return every event log in the database, as its API exports them."""
        with httpx.Client(trust_env=False, timeout=60) as client:
            answer = client.get(f"{self.http}/api/v1/export", params={"format": "jsonl"})
            answer.raise_for_status()
        return [json.loads(line) for line in answer.text.splitlines()]


def quiet_port() -> int:
    """Return a port of the loopback that stays free while nobody listens on it."""
    while True:
        port = random.choice(_PORTS)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
