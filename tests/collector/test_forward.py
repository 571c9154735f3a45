"""Passing traces on: byte for byte, and never in the way of storing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from otel_eventlog_collector import forward
from tests.support.builders import NOW
from tests.support.service import RunningService, running_service
from tests.support.waiting import eventually


class Destination(ThreadingHTTPServer):
    """Takes what is sent; answers with the next of `answers`, at last always with 200."""

    def __init__(self, *answers: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = list(answers)
        self.received: list[tuple[str, str, bytes]] = []

    @property
    def url(self) -> str:
        """Base address."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Destination

    def do_POST(self) -> None:
        """Keep path, media type and body."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, self.headers["Content-Type"], body))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Stay quiet."""


@contextmanager
def destination(*answers: int) -> Iterator[Destination]:
    """Run a destination until the end of the block."""
    server = Destination(*answers)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def send(running: RunningService, span_id: int = 1, route: str = "/login") -> bytes:
    """Send one login span as JSON; return the body."""
    span = {
        "traceId": f"{span_id:032x}",
        "spanId": f"{span_id:016x}",
        "name": "POST",
        "kind": 2,
        "startTimeUnixNano": str(NOW),
        "endTimeUnixNano": str(NOW + 10**6),
        "attributes": [
            {"key": "http.request.method", "value": {"stringValue": "POST"}},
            {"key": "http.route", "value": {"stringValue": route}},
        ],
    }
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}, indent=1).encode()
    url = running.service.listeners["otlp-http"] + "/v1/traces"
    headers = {"Content-Type": "application/json"}
    assert httpx.post(url, content=body, headers=headers, trust_env=False).status_code == 200
    return body


def stored(running: RunningService) -> int:
    """Return how many event logs are stored."""
    return len(running.get("events")["events"])


def forwarded(running: RunningService, result: str) -> float:
    """Return how many requests were passed on with this result."""
    return running.service.metrics.value("eventlog_forwarded_total", result=result)


def test_every_trace_request_arrives_byte_for_byte(tmp_path: Path) -> None:
    """Wanted or not, a request comes out as it came in, in order, at the destination's path."""
    with (
        destination() as jaeger,
        running_service(tmp_path / "data", forward_traces_to=jaeger.url) as running,
    ):
        bodies = [send(running, 1), send(running, 2, route="/cart"), send(running, 3)]
        assert eventually(lambda: len(jaeger.received) == 3)
        assert jaeger.received == [("/v1/traces", "application/json", body) for body in bodies]
        assert stored(running) == 4
        assert eventually(lambda: forwarded(running, "sent") == 3)


def test_a_busy_destination_is_tried_again(tmp_path: Path) -> None:
    """503 and 429 are passing troubles; a refusal is final, and counted."""
    with (
        destination(503, 429, 200, 400) as jaeger,
        running_service(tmp_path / "data", forward_traces_to=jaeger.url) as running,
    ):
        send(running, 1)
        assert eventually(lambda: forwarded(running, "sent") == 1)
        assert len(jaeger.received) == 3
        send(running, 2)
        assert eventually(lambda: forwarded(running, "refused") == 1)


def test_a_missing_destination_hinders_nothing(tmp_path: Path) -> None:
    """Event logs are stored at once, and the collector stops orderly, though nobody listens."""
    with running_service(tmp_path / "data", forward_traces_to="http://127.0.0.1:9") as running:
        send(running)
        assert stored(running) == 2
        assert eventually(lambda: forwarded(running, "refused") == 1)


def test_what_waits_is_bounded(tmp_path: Path, monkeypatch: Any) -> None:
    """More than the limit is dropped and counted, and still stored."""
    monkeypatch.setattr(forward, "WAITING_BYTES_MAX", 10)
    with (
        destination() as jaeger,
        running_service(tmp_path / "data", forward_traces_to=jaeger.url) as running,
    ):
        send(running)
        assert forwarded(running, "queue_full") == 1
        assert stored(running) == 2
        assert jaeger.received == []
