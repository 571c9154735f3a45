"""OTLP over HTTP on real sockets: what is accepted, and the right answer to everything else."""

from __future__ import annotations

import gzip
import http.client
import json
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from otel_eventlog_collector.errors import PermanentError, StoreUnavailable
from otel_eventlog_collector.protocols import ConsumeResult
from tests.support import otlp_requests as otlp
from tests.support.builders import event_log
from tests.support.receiving import (
    BODY,
    JSON,
    PROTOBUF,
    REQUEST,
    ListConsumer,
    Receiving,
    post_traces,
    receiving,
    status_of,
)


@pytest.fixture
def running() -> Iterator[Receiving]:
    """Both receivers before a list."""
    with receiving() as found:
        yield found


@pytest.fixture(scope="module")
def kept() -> Iterator[Receiving]:
    """Receivers that many tests share."""
    with receiving() as found:
        yield found


@pytest.fixture
def cleared(kept: Receiving) -> Receiving:
    """The shared receivers, their list empty."""
    kept.consumer.spans.clear()
    return kept


def raw_deflate(data: bytes) -> bytes:
    """Return raw deflate, without zlib's header."""
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        ("identity", bytes),
        ("", bytes),
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("gzip", lambda data: gzip.compress(data[:50]) + gzip.compress(data[50:]) + bytes(9)),
        ("deflate", zlib.compress),
        ("deflate", raw_deflate),
    ],
)
@pytest.mark.parametrize("chunk_bytes", [0, 1, 7])
def test_every_compression_is_understood(
    cleared: Receiving, encoding: str, compress: Any, chunk_bytes: int
) -> None:
    """None, gzip (one member or several) and both deflates arrive, whole or in chunks."""
    data = compress(BODY)
    pieces = [data[at : at + chunk_bytes] for at in range(0, len(data), chunk_bytes or len(data))]
    answer = post_traces(cleared, iter(pieces) if chunk_bytes else data, content_encoding=encoding)
    assert (answer.status, answer.body) == (200, b"")
    assert [span.span_id for span in cleared.consumer.spans] == [1, 2]


@pytest.mark.parametrize("kind", [JSON, "Application/JSON; charset=utf-8", PROTOBUF])
def test_the_answer_comes_in_the_requests_encoding(cleared: Receiving, kind: str) -> None:
    """Full success is an empty message of the same content type."""
    is_json = kind != PROTOBUF
    answer = post_traces(cleared, otlp.as_json(REQUEST) if is_json else BODY, kind)
    assert answer.status == 200
    assert answer.headers["content-type"] == (JSON if is_json else PROTOBUF)
    assert answer.body == (b"{}" if is_json else b"")
    assert len(cleared.consumer.spans) == 2


def test_logs_arrive_and_metrics_are_dropped(running: Receiving) -> None:
    """Event logs reach the consumer; metrics are accepted, whatever they are."""
    body = otlp.logs_of([event_log()]).SerializeToString()
    assert running.post("/v1/logs", body, content_type=PROTOBUF).status == 200
    assert [event.user_id for event in running.consumer.events] == [None]
    assert running.post("/v1/metrics", b"anything", content_type=PROTOBUF).status == 200
    answer = running.post("/v1/metrics", b"{}", content_type=JSON)
    assert (answer.status, answer.body) == (200, b"{}")


@pytest.mark.parametrize(("body", "kind"), [(b"", PROTOBUF), (b"{}", JSON)])
def test_an_empty_request_is_a_success(cleared: Receiving, body: bytes, kind: str) -> None:
    """A request without any span is answered 200."""
    assert post_traces(cleared, body, kind).status == 200


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status", "code"),
    [
        ("POST", "/v1/nothing", {"content_type": JSON}, b"{}", 404, 5),
        ("GET", "/v1/traces", {}, None, 405, 12),
        ("PUT", "/v1/logs", {"content_type": JSON}, b"{}", 405, 12),
        ("POST", "/v1/traces", {}, BODY, 415, 3),
        ("POST", "/v1/traces", {"content_type": "text/plain"}, BODY, 415, 3),
        ("POST", "/v1/traces", {"content_type": PROTOBUF, "content_encoding": "br"}, b"x", 415, 3),
        (
            *("POST", "/v1/traces", {"content_type": PROTOBUF, "content_encoding": "gzip, gzip"}),
            *(BODY, 415, 3),
        ),
        ("POST", "/v1/traces", {"content_type": PROTOBUF}, b"\xff\xff", 400, 3),
        ("POST", "/v1/traces", {"content_type": JSON}, b"{", 400, 3),
        ("POST", "/v1/logs", {"content_type": JSON}, b"[]", 400, 3),
        (
            "POST",
            "/v1/traces",
            {"content_type": PROTOBUF, "content_encoding": "gzip"},
            BODY,
            400,
            3,
        ),
        (
            *("POST", "/v1/traces", {"content_type": PROTOBUF, "content_encoding": "gzip"}),
            *(gzip.compress(BODY)[:-12], 400, 3),
        ),
        (
            *("POST", "/v1/traces", {"content_type": PROTOBUF, "content_encoding": "deflate"}),
            *(zlib.compress(BODY) + b"more", 400, 3),
        ),
        (
            *("POST", "/v1/traces", {"content_type": PROTOBUF, "content_encoding": "deflate"}),
            *(b"\x78", 400, 3),
        ),
    ],
)
def test_each_mistake_has_its_status(
    cleared: Receiving,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes | None,
    status: int,
    code: int,
) -> None:
    """A wrong path, method, type, compression or body gets its code and a Status that explains."""
    answer = cleared.post(path, body, method, **headers)
    assert answer.status == status
    error = status_of(answer)
    assert (error.code, bool(error.message)) == (code, True)
    expected = headers.get("content_type")
    assert answer.headers["content-type"] == (expected if expected in (PROTOBUF, JSON) else JSON)
    assert "retry-after" not in answer.headers
    assert not cleared.consumer.spans
    assert ("allow" in answer.headers) == (status == 405)


def test_rejected_spans_are_a_partial_success(running: Receiving) -> None:
    """Bad spans are counted in the answer, the good ones stored, in both encodings."""
    request = otlp.traces([otlp.span(1), otlp.span(2, trace_id=b""), otlp.span(3)])
    answer = post_traces(running, request.SerializeToString())
    told = ExportTraceServiceResponse.FromString(answer.body).partial_success
    assert (answer.status, told.rejected_spans) == (200, 1)
    assert "trace id" in told.error_message
    answer = post_traces(running, otlp.as_json(request), JSON)
    assert json.loads(answer.body)["partialSuccess"]["rejectedSpans"] == "1"
    assert [span.span_id for span in running.consumer.spans] == [1, 3, 1, 3]
    rejected = running.metrics.value(
        "eventlog_records_rejected_total", signal="traces", reason="trace_id"
    )
    assert rejected == 2


def test_what_the_consumer_rejects_is_told_too() -> None:
    """Rejections of the next stage join those of decoding in one answer."""
    consumer = ListConsumer(lambda _spans: ConsumeResult(1, 1, "too old"))
    with receiving(consumer) as running:
        request = otlp.traces([otlp.span(1), otlp.span(2), otlp.span(3, span_id=b"")])
        answer = post_traces(running, otlp.as_json(request), JSON)
    told = json.loads(answer.body)["partialSuccess"]
    assert told["rejectedSpans"] == "2"
    assert told["errorMessage"].endswith("; too old")


def test_a_retryable_error_says_when_to_retry() -> None:
    """A store that cannot commit is a 503 with Retry-After; nothing was stored."""

    def fail(_records: Sequence[Any]) -> None:
        raise StoreUnavailable("disk full")

    with receiving(ListConsumer(fail)) as running:
        answer = post_traces(running, otlp.as_json(REQUEST), JSON)
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert status_of(answer).message == "disk full"


def test_a_mistake_of_ours_is_a_500_without_details(caplog: pytest.LogCaptureFixture) -> None:
    """It is told without details, and logged by type and place: its message may quote a secret."""

    def fail(_records: Sequence[Any]) -> None:
        raise ZeroDivisionError("s3cr3t-of-a-user")

    with receiving(ListConsumer(fail)) as running:
        answer = post_traces(running)
        assert answer.status == 500
        assert answer.body.count(b"s3cr3t") == 0
        assert "ZeroDivisionError" in caplog.text
        assert "in consume_spans" in caplog.text
        # What a traceback shows of the program's text is no value; this program's has the secret.
        assert "ZeroDivisionError: s3cr3t" not in caplog.text


def test_tokens_are_checked_before_the_body() -> None:
    """A wrong token is refused with 401 while its body, however long, is not even decoded."""

    class DeniedError(PermanentError):
        http_status = 401

    def authorize(header: str | None, peer: str) -> None:
        assert peer == "127.0.0.1"
        if header != "Bearer good":
            raise DeniedError("no valid token")

    with receiving(authorize=authorize) as running:
        answer = post_traces(running, b"\xff\xff")
        assert (answer.status, status_of(answer).code) == (401, 16)
        assert answer.headers["www-authenticate"] == "Bearer"
        assert post_traces(running, authorization="Bearer good").status == 200
        assert running.metrics.value("eventlog_access_denied_total", transport="http") == 1


def test_committed_bodies_are_shown_byte_for_byte() -> None:
    """What passes traces on sees exactly the committed bodies."""
    seen: list[Any] = []
    with receiving(on_accepted=lambda *what: seen.append(what)) as running:
        post_traces(running, gzip.compress(BODY), content_encoding="gzip")
        post_traces(running, b"\xff")
    assert seen == [("traces", BODY, PROTOBUF)]


def test_connections_are_kept_alive(running: Receiving) -> None:
    """Requests, refused ones among them, follow each other on one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", running.http_port, timeout=10)
    statuses = []
    for body in (BODY, b"\xff\xff", BODY):
        connection.request("POST", "/v1/traces", body, {"Content-Type": PROTOBUF})
        response = connection.getresponse()
        response.read()
        statuses.append((response.status, response.will_close))
    connection.close()
    assert statuses == [(200, False), (400, False), (200, False)]


def test_requests_are_counted(running: Receiving) -> None:
    """Every answer is counted by transport, signal and status, with its time and bytes."""
    post_traces(running)
    post_traces(running, b"\xff")
    running.post("/nowhere", b"", content_type=JSON)
    value = running.metrics.value
    assert value("eventlog_requests_total", transport="http", signal="traces", code=200) == 1
    assert value("eventlog_requests_total", transport="http", signal="traces", code=400) == 1
    assert value("eventlog_requests_total", transport="http", signal="none", code=404) == 1
    assert value("eventlog_request_seconds", transport="http", signal="traces") > 0
    assert value("eventlog_received_bytes_total", transport="http") == len(BODY) + 1
    assert value("eventlog_records_received_total", signal="traces") == 2
