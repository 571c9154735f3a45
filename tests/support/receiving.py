"""Both OTLP receivers on real sockets, before a consumer that writes down what it gets."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from google.rpc.status_pb2 import Status as RpcStatus

from otel_eventlog.model import EventLog, SpanData
from otel_eventlog_collector.metrics import Metrics
from otel_eventlog_collector.protocols import ConsumeResult, SpansToConsume
from otel_eventlog_collector.receiver.grpc import GrpcReceiver
from otel_eventlog_collector.receiver.http import HttpReceiver
from otel_eventlog_collector.receiver.intake import Intake
from tests.support import otlp_requests as otlp

TIMEOUT_S = 20
PROTOBUF = "application/x-protobuf"
JSON = "application/json"
REQUEST = otlp.traces([otlp.span(1), otlp.span(2)])
BODY = REQUEST.SerializeToString()


@dataclass
class ListConsumer:
    """A consumer that keeps everything in a list, after whatever `before` does or raises."""

    before: Callable[[Sequence[Any]], ConsumeResult | None] = lambda _records: None
    spans: list[SpanData] = field(default_factory=list)
    events: list[EventLog] = field(default_factory=list)

    async def consume_spans(self, spans: SpansToConsume) -> ConsumeResult:
        """Keep spans."""
        result = self.before(spans.spans)
        self.spans.extend(spans.spans)
        return result or ConsumeResult(len(spans))

    async def consume_event_logs(self, events: Sequence[EventLog]) -> ConsumeResult:
        """Keep event logs."""
        result = self.before(events)
        self.events.extend(events)
        return result or ConsumeResult(len(events))


@dataclass
class Answer:
    """An HTTP answer, read whole."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiving:
    """Two running receivers."""

    consumer: Any
    metrics: Metrics
    intake: Intake
    http_port: int
    grpc_port: int
    over_grpc: GrpcReceiver
    over_http: HttpReceiver
    loop: asyncio.AbstractEventLoop

    def post(self, path: str, body: Any, method: str = "POST", **headers: str) -> Answer:
        """Send one HTTP request; header names are given with underscores."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=TIMEOUT_S)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            response = connection.getresponse()
            lower = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, lower, response.read())
        finally:
            connection.close()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine on the receivers' loop and return its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(TIMEOUT_S)


@contextmanager
def receiving(consumer: Any = None, **options: Any) -> Iterator[Receiving]:
    """Run both receivers on free ports until the end of the block; `options` go to the intake."""
    consumer = consumer or ListConsumer()
    metrics = Metrics()
    with loop_in_thread() as loop:

        def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
            return asyncio.run_coroutine_threadsafe(coroutine, loop).result(TIMEOUT_S)

        intake = Intake(consumer, metrics, **options)
        over_http = HttpReceiver(intake, "127.0.0.1", 0)
        over_grpc = GrpcReceiver(intake, "127.0.0.1", 0)
        ports = run(over_http.start())[1], run(over_grpc.start())[1]
        try:
            yield Receiving(consumer, metrics, intake, *ports, over_grpc, over_http, loop)
        finally:
            run(over_http.stop(1))
            run(over_grpc.stop(1))
            intake.close()


@contextmanager
def loop_in_thread() -> Iterator[asyncio.AbstractEventLoop]:
    """Run an event loop in a thread of its own, so that clients may block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(TIMEOUT_S)
        loop.close()


def post_traces(
    running: Receiving, body: Any = BODY, kind: str = PROTOBUF, **headers: str
) -> Answer:
    """Send a trace request."""
    return running.post("/v1/traces", body, content_type=kind, **headers)


def status_of(answer: Answer) -> RpcStatus:
    """Return the error that an answer's body is, whichever its encoding."""
    if answer.headers["content-type"] == JSON:
        document = json.loads(answer.body)
        return RpcStatus(code=document["code"], message=document["message"])
    assert answer.headers["content-type"] == PROTOBUF
    return RpcStatus.FromString(answer.body)
