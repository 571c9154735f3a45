"""Clients of a collector that send as real exporters do; an oracle notes what is acknowledged."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Self, TypeAlias

import httpx
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (
    OTLPSpanExporter as GrpcSpanExporter,
)
from opentelemetry.exporter.otlp.proto.http.trace_exporter import (
    OTLPSpanExporter as HttpSpanExporter,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags

from tests.support import otlp_requests as otlp
from tests.support.oracle import DURATION_NS, Oracle

Send: TypeAlias = Callable[[Sequence[int]], bool]
"""Sends the requests of some numbers once; whether all were acknowledged."""
Client: TypeAlias = tuple[Send, Callable[[], None]]
"""How to send, and how to end."""

ANSWER_S_MAX = 12.0
BATCH_MAX = 12
RESENT_SHARE = 0.1
PAUSE_S = 0.02


class Senders:
    """Clients of every kind, sending while in `with`; each keeps at a batch until it is taken."""

    def __init__(self, oracle: Oracle, http: str, grpc: str) -> None:
        self._oracle = oracle
        self.resent = 0
        """Event logs that were sent again after they had been acknowledged."""
        self._stopping = threading.Event()
        makers = [
            lambda: stock_http(oracle, http),
            lambda: stock_grpc(oracle, grpc),
            lambda: json_client(oracle, http),
            lambda: protobuf_client(oracle, http),
        ]
        self._threads = [
            threading.Thread(target=self._run, args=(make, seed), name=f"sender-{seed}")
            for seed, make in enumerate(makers)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Give up what is not acknowledged yet, and send no more."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _run(self, make: Callable[[], Client], seed: int) -> None:
        rng = random.Random(seed)
        send, close = make()
        with ExitStack() as stack:
            stack.callback(close)
            while not self._stopping.is_set():
                numbers = self._oracle.issue(rng.randint(1, BATCH_MAX))
                while not (taken := send(numbers)) and not self._stopping.wait(PAUSE_S):
                    pass
                if not taken:
                    return
                self._oracle.acknowledge(numbers)
                if rng.random() < RESENT_SHARE and send(numbers):
                    self.resent += 2 * len(numbers)


def stock_http(oracle: Oracle, url: str) -> Client:
    """Return the SDK's own exporter over HTTP."""
    return _stock(oracle, HttpSpanExporter(endpoint=f"{url}/v1/traces", timeout=2))


def stock_grpc(oracle: Oracle, address: str) -> Client:
    """Return the SDK's own exporter over gRPC."""
    exporter = GrpcSpanExporter(endpoint=f"http://{address}", insecure=True, timeout=2)
    return _stock(oracle, exporter)


def _stock(oracle: Oracle, exporter: SpanExporter) -> Client:
    def send(numbers: Sequence[int]) -> bool:
        spans = [sdk_span(oracle, number) for number in numbers]
        return exporter.export(spans) is SpanExportResult.SUCCESS

    return send, exporter.shutdown


def json_client(oracle: Oracle, url: str) -> Client:
    """Return a client that sends JSON, as browsers and Node do."""

    def body(numbers: Sequence[int]) -> bytes:
        return otlp.as_json(otlp.traces(wire_span(oracle, number) for number in numbers))

    return _plain(url, "application/json", body)


def protobuf_client(oracle: Oracle, url: str) -> Client:
    """Return a client that asks again at once, and more than the stock one."""

    def body(numbers: Sequence[int]) -> bytes:
        return otlp.traces(wire_span(oracle, number) for number in numbers).SerializeToString()

    return _plain(url, "application/x-protobuf", body)


def _plain(url: str, media_type: str, body: Callable[[Sequence[int]], bytes]) -> Client:
    client = httpx.Client(base_url=url, trust_env=False, timeout=ANSWER_S_MAX)

    def send(numbers: Sequence[int]) -> bool:
        with suppress(httpx.HTTPError):
            headers = {"Content-Type": media_type}
            answer = client.post("/v1/traces", content=body(numbers), headers=headers)
            return answer.status_code == httpx.codes.OK
        return False

    return send, client.close


def wire_span(oracle: Oracle, number: int) -> otlp.Span:
    """Return the span of a request as protobuf."""
    start = oracle.start_unix_nano(number)
    return otlp.span(
        number,
        trace_id=number.to_bytes(16),
        start_time_unix_nano=start,
        end_time_unix_nano=start + DURATION_NS,
        attributes=otlp.key_values(attributes(oracle, number)),
    )


def sdk_span(oracle: Oracle, number: int) -> ReadableSpan:
    """Return the span of a request as the SDK has it."""
    start = oracle.start_unix_nano(number)
    return ReadableSpan(
        "POST /login",
        SpanContext(number, number, is_remote=False, trace_flags=TraceFlags(1)),
        kind=SpanKind.SERVER,
        attributes=attributes(oracle, number),
        resource=Resource({"service.name": "shop"}),
        instrumentation_scope=InstrumentationScope("tests"),
        start_time=start,
        end_time=start + DURATION_NS,
    )


def attributes(oracle: Oracle, number: int) -> dict[str, str | int]:
    """Return what the instrumentation of an application would note of a request."""
    return {
        "http.request.method": "POST",
        "http.route": "/login",
        "http.response.status_code": oracle.http_status(number),
        "user.id": f"u-{number}",
    }
