"""More comes than can be committed, or nothing can be: refused with a hint, lost nothing, over."""

from __future__ import annotations

import http.client
import resource
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from otel_eventlog_collector.store.sqlite import writer
from tests.support import otlp_requests as otlp
from tests.support.clock import HOUR, HandClock
from tests.support.collector import Collector, serving
from tests.support.service import running_service
from tests.support.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PROTOBUF = {"Content-Type": "application/x-protobuf"}
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
SERVICES = [
    "",
    *(f"opentelemetry.proto.collector.{n}Service" for n in ("trace.v1.Trace", "logs.v1.Logs")),
    "opentelemetry.proto.collector.metrics.v1.MetricsService",
]
SPANS_PER_REQUEST = 10
QUEUE_EVENTS_MAX = 1_000
REQUESTS = 10 * QUEUE_EVENTS_MAX // (2 * SPANS_PER_REQUEST)
CLIENTS = 64
PATIENCE_S = 60.0


def request_of(number: int, now: int) -> bytes:
    """Return a request of log-ins; a span of the same number is the same span."""
    first = number * SPANS_PER_REQUEST + 1
    spans = [
        otlp.span(
            first + n,
            trace_id=(first + n).to_bytes(16),
            start_time_unix_nano=now,
            end_time_unix_nano=now + 1_000_000,
        )
        for n in range(SPANS_PER_REQUEST)
    ]
    return otlp.traces(spans).SerializeToString()


def test_ten_times_too_much_is_refused_and_arrives_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the store stands still its queue fills up, the rest is told to come back, and does.

    What is acknowledged is in the store, each event log once; when the store goes on, so does the
    collector, without anybody's help.
    """
    monkeypatch.setattr(writer, "QUEUE_EVENTS_MAX", QUEUE_EVENTS_MAX)
    gate = threading.Event()
    acknowledged: set[int] = set()
    hints: list[int] = []

    with running_service(tmp_path / "data", HandClock(otlp.NOW + HOUR)) as running:
        port = int(running.service.listeners["otlp-http"].rsplit(":", 1)[1])

        def deliver(number: int) -> None:
            """Send one request until it is acknowledged, as an exporter does."""
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            body = request_of(number, otlp.NOW)
            for _ in range(60):
                connection.request("POST", "/v1/traces", body, PROTOBUF)
                response = connection.getresponse()
                response.read()
                if response.status == 200:
                    acknowledged.add(number)
                    break
                assert response.status in (429, 503)
                hints.append(int(response.headers["Retry-After"]))
                time.sleep(min(1.0, hints[-1]))
            connection.close()

        try:
            held = running.service._store._writer.order(gate.wait)
            with ThreadPoolExecutor(CLIENTS) as pool:
                sent = [pool.submit(deliver, number) for number in range(REQUESTS)]
                assert eventually(lambda: len(hints) > CLIENTS / 4, within_s=PATIENCE_S)
                assert not acknowledged
                gate.set()
                for one in sent:
                    one.result()
        finally:
            gate.set()
        held.result()
        assert acknowledged == set(range(REQUESTS))
        assert {1, 2} >= set(hints)
        value = running.service.metrics.total
        assert value("eventlog_limits_hit_total") == len(hints)
        assert value("eventlog_events_stored_total") == 2 * SPANS_PER_REQUEST * REQUESTS
        status = running.get("status")
        assert (status["ready"], status["store"]["events"]) == (
            True,
            2 * SPANS_PER_REQUEST * REQUESTS,
        )
        admission = running.service._intake.admission
        assert (admission.bytes, admission.requests) == (0, 0)


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    """Run a collector in a process of its own."""
    with serving(tmp_path / "data") as found:
        yield found


def answer_of(collector: Collector, number: int) -> httpx.Response:
    """Send one request over HTTP."""
    return httpx.post(
        f"{collector.otlp_http}/v1/traces",
        content=request_of(number, time.time_ns()),
        headers=PROTOBUF,
        timeout=20,
        trust_env=False,
    )


def code_of(collector: Collector, number: int) -> grpc.StatusCode:
    """Send one request over gRPC."""
    with grpc.insecure_channel(collector.otlp_grpc) as channel:
        try:
            channel.unary_unary(EXPORT)(request_of(number, time.time_ns()), timeout=20)
        except grpc.RpcError as error:
            code: grpc.StatusCode = error.code()
            return code
    return grpc.StatusCode.OK


def readiness(collector: Collector) -> set[bool]:
    """Ask /readyz and the health of each gRPC service; one answer if they agree."""
    told = {httpx.get(f"{collector.http}/readyz", trust_env=False).status_code == 200}
    with grpc.insecure_channel(collector.otlp_grpc) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for name in SERVICES:
            status = stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=10).status
            told.add(status == health_pb2.HealthCheckResponse.SERVING)
    return told


def test_a_store_that_cannot_commit_is_not_ready_until_it_can(collector: Collector) -> None:
    """The kernel refuses to let files grow: both transports say so, and so does readiness."""
    assert answer_of(collector, 1).status_code == 200
    assert eventually(lambda: readiness(collector) == {True})
    pid = collector.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1024, before[1]))
    try:
        answer = answer_of(collector, 2)
        assert (answer.status_code, int(answer.headers["retry-after"])) == (503, 1)
        assert code_of(collector, 2) is grpc.StatusCode.UNAVAILABLE
        assert readiness(collector) == {False}
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
    assert eventually(lambda: code_of(collector, 2) is grpc.StatusCode.OK, within_s=PATIENCE_S)
    assert eventually(lambda: readiness(collector) == {True})
    events = httpx.get(f"{collector.http}/api/v1/events?limit=100", trust_env=False).json()
    assert len(events["events"]) == 4 * SPANS_PER_REQUEST


def test_readiness_comes_back_though_nobody_sends(collector: Collector) -> None:
    """Whoever only sends to ready collectors is let in again, and then it is ready for good."""
    assert answer_of(collector, 1).status_code == 200
    pid = collector.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1024, before[1]))
    try:
        assert answer_of(collector, 2).status_code == 503
        assert readiness(collector) == {False}
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
    assert eventually(lambda: readiness(collector) == {True}, within_s=PATIENCE_S)
    assert answer_of(collector, 2).status_code == 200
