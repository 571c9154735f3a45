"""OTLP over HTTP within bounds: of bytes, of requests, of time; and hostile clients."""

from __future__ import annotations

import asyncio
import gzip
import socket
import time
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from otel_eventlog_collector.limits import BODY_BYTES_MAX
from otel_eventlog_collector.metrics import Metrics
from otel_eventlog_collector.protocols import ConsumeResult
from otel_eventlog_collector.receiver import body as body_module
from otel_eventlog_collector.receiver import http_connection
from otel_eventlog_collector.receiver import intake as intake_module
from otel_eventlog_collector.receiver.admission import Admission
from tests.support import otlp_requests as otlp
from tests.support.receiving import (
    BODY,
    ListConsumer,
    Receiving,
    post_traces,
    receiving,
    status_of,
)
from tests.support.waiting import eventually


@pytest.fixture
def running() -> Iterator[Receiving]:
    """Both receivers before a list."""
    with receiving() as found:
        yield found


def exchange(port: int, request: bytes, until: float = 5.0) -> bytes:
    """Write bytes to a socket as they are and return everything that comes until it closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=until) as connection:
        connection.sendall(request)
        received = b""
        try:
            while piece := connection.recv(65536):
                received += piece
        except (TimeoutError, ConnectionResetError):
            pass
        return received


def test_a_bomb_is_refused_while_decompressing(running: Receiving) -> None:
    """A small body that unfolds beyond the limit is a 413, and gives back all that it took."""
    compressor = zlib.compressobj(wbits=31)
    bomb = b"".join(compressor.compress(bytes(1 << 24)) for _ in range(6)) + compressor.flush()
    answer = post_traces(running, bomb, content_encoding="gzip")
    assert (answer.status, status_of(answer).code) == (413, 8)
    assert running.metrics.value("eventlog_limits_hit_total", limit="size") == 1
    assert running.intake.admission.bytes == 0


def test_a_length_over_the_limit_is_refused_before_the_body_is_read(running: Receiving) -> None:
    """Content-Length alone decides; a client that waits for leave is told at once."""
    head = (
        "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"
        f"Expect: 100-continue\r\nContent-Length: {BODY_BYTES_MAX + 1}\r\n\r\n"
    )
    answer = exchange(running.http_port, head.encode())
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"100 Continue" not in answer


def test_a_chunked_body_over_the_limit_is_refused(
    running: Receiving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a length the bytes are counted as they come, compressed or not."""
    monkeypatch.setattr(body_module, "BODY_BYTES_MAX", 100_000)
    monkeypatch.setattr(body_module, "COMPRESSED_BYTES_MAX", 1_000)
    assert post_traces(running, iter([bytes(60_000)] * 2)).status == 413
    members = gzip.compress(b"") * 100
    assert post_traces(running, iter([members]), content_encoding="gzip").status == 413
    assert post_traces(running).status == 200


def test_too_many_bytes_in_flight_are_refused_retryably() -> None:
    """Over the byte budget the answer is 429 with a short Retry-After, and everything recovers."""
    metrics = Metrics()
    admission = Admission(metrics, bytes_max=len(BODY) + 10)
    with receiving(admission=admission) as running:
        answer = post_traces(running, BODY * 2)
        assert (answer.status, answer.headers["retry-after"]) == (429, "1")
        assert status_of(answer).code == 14
        assert post_traces(running).status == 200
        assert (admission.bytes, admission.requests) == (0, 0)
    assert metrics.value("eventlog_limits_hit_total", limit="bytes_in_flight") == 1


def test_too_many_requests_in_flight_are_refused_retryably() -> None:
    """The number of requests is bounded as well: the one too many is told to come back."""
    entered, release = asyncio.Event(), asyncio.Event()

    class Waiting(ListConsumer):
        async def consume_spans(self, spans: Any) -> ConsumeResult:
            entered.set()
            await release.wait()
            return await super().consume_spans(spans)

    with receiving(Waiting(), admission=Admission(Metrics(), requests_max=1)) as running:
        first = asyncio.run_coroutine_threadsafe(
            asyncio.to_thread(post_traces, running), running.loop
        )
        running.run(entered.wait())
        assert post_traces(running).status == 429
        running.loop.call_soon_threadsafe(release.set)
        assert first.result(10).status == 200


def test_a_store_that_hangs_is_answered_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit that takes too long becomes a retryable refusal before clients give up."""
    monkeypatch.setattr(intake_module, "ANSWER_TIMEOUT_S", 0.1)

    class Hanging(ListConsumer):
        async def consume_spans(self, spans: Any) -> ConsumeResult:
            await asyncio.Event().wait()
            raise AssertionError

    with receiving(Hanging()) as running:
        assert post_traces(running).status == 503


def test_a_slow_body_is_cut(running: Receiving, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that trickles its body gets 408 and is closed; others are served meanwhile."""
    monkeypatch.setattr(http_connection, "BODY_TIMEOUT_S", 0.2)
    monkeypatch.setattr(http_connection, "DRAIN_TIMEOUT_S", 0.1)
    head = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    answer = exchange(running.http_port, head + b"Content-Length: 100\r\n\r\n{")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer
    assert post_traces(running).status == 200


def test_slow_and_silent_headers_are_cut(
    running: Receiving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection without complete headers is closed in time, the first request or a later one."""
    monkeypatch.setattr(http_connection, "HEADER_TIMEOUT_S", 0.2)
    whole = b"GET /v1/traces HTTP/1.1\r\nHost: x\r\n\r\n"
    for sent, answers in ((b"", 0), (b"POST /v1/tra", 0), (whole + b"POST /", 1)):
        begun = time.monotonic()
        answer = exchange(running.http_port, sent, until=10)
        assert answer.count(b"HTTP/1.1 405 ") == answers
        assert time.monotonic() - begun < 5


def test_a_flood_of_headers_is_cut(running: Receiving) -> None:
    """Headers of a MiB close the connection instead of filling the memory."""
    flood = b"POST /v1/traces HTTP/1.1\r\n" + b"".join(
        b"X-%d: %s\r\n" % (n, b"a" * 1000) for n in range(1000)
    )
    try:
        answer = exchange(running.http_port, flood)
    except (BrokenPipeError, ConnectionResetError):
        answer = b""
    assert not answer.startswith(b"HTTP/1.1 2")
    assert post_traces(running).status == 200


def test_smuggling_is_refused(running: Receiving) -> None:
    """A length beside chunked encoding is refused: two servers may read it differently."""
    request = (
        b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    )
    assert exchange(running.http_port, request).startswith(b"HTTP/1.1 400 ")


def test_many_tiny_chunks_are_cheap(running: Receiving) -> None:
    """A body in chunks of one byte is read without trouble."""
    body = otlp.traces(otlp.span(n) for n in range(1, 60)).SerializeToString()
    begun = time.process_time()
    answer = post_traces(running, (body[at : at + 1] for at in range(len(body))))
    assert answer.status == 200
    assert len(running.consumer.spans) == 59
    assert time.process_time() - begun < 5


def test_a_client_that_hangs_up_leaves_nothing(running: Receiving) -> None:
    """A body that never completes stores nothing and gives its bytes back."""
    with socket.create_connection(("127.0.0.1", running.http_port)) as connection:
        connection.sendall(
            b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"
            b"Content-Length: 10000\r\n\r\n" + BODY
        )
        assert eventually(lambda: running.intake.admission.requests == 1)
    assert eventually(lambda: running.intake.admission.requests == 0)
    assert running.intake.admission.bytes == 0
    assert not running.consumer.spans
    hung_up = {"transport": "http", "signal": "traces", "code": 499}
    assert eventually(lambda: running.metrics.value("eventlog_requests_total", **hung_up) == 1)
