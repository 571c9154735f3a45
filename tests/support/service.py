"""The whole collector inside the test's process: real sockets and a real store, a clock to turn."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from otel_eventlog.model import EventLog
from otel_eventlog_collector.config import Settings
from otel_eventlog_collector.service import Service
from tests.support.builders import NOW
from tests.support.clock import HOUR, HandClock

START_S_MAX = 20.0


@dataclass(frozen=True)
class RunningService:
    """A collector that listens.

    Attributes:
        service: the collector.
        url: base address of the API.
        clock: its clock.
        http: a client of the API.

    """

    service: Service
    url: str
    clock: HandClock
    http: httpx.Client

    def write(self, events: Sequence[EventLog]) -> None:
        """Store event logs the way the pipeline does: commit, then wake the tail."""
        self.service._store.write(events).result()
        self.service._tail.wake()

    def get(self, path: str, *parameters: tuple[str, str], **more: str) -> dict[str, Any]:
        """Return the answer to a GET below /api/v1, which must be 200."""
        answer = self.http.get(f"/api/v1/{path}", params=[*parameters, *more.items()])
        assert answer.status_code == 200, answer.text
        content: dict[str, Any] = answer.json()
        return content


@contextmanager
def running_service(
    data: Path, clock: HandClock | None = None, **settings: Any
) -> Iterator[RunningService]:
    """Run a collector on free ports until the end of the block."""
    clock = clock or HandClock(NOW + HOUR)
    free = dict.fromkeys(("otlp_http", "otlp_grpc", "http"), "127.0.0.1:0")
    service = Service(Settings(data=data, **{**free, **settings}), clock)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="service")
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(service.start(), loop).result(START_S_MAX)
        url = service.listeners["http"]
        with httpx.Client(base_url=url, timeout=20, trust_env=False) as http:
            yield RunningService(service, url, clock, http)
    finally:
        asyncio.run_coroutine_threadsafe(service.stop(), loop).result(START_S_MAX)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(START_S_MAX)
        loop.close()
