"""OTLP over HTTP on real sockets: what is accepted, and the right answer to everything else."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import json
import socket
import time
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from google.rpc.status_pb2 import Status as RpcStatus
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from otel_eventlog_collector import asgi_server
from otel_eventlog_collector.errors import PermanentError, StoreUnavailable
from otel_eventlog_collector.limits import BODY_BYTES_MAX
from otel_eventlog_collector.metrics import Metrics
from otel_eventlog_collector.protocols import ConsumeResult
from otel_eventlog_collector.receiver import body as body_module
from otel_eventlog_collector.receiver import intake as intake_module
from otel_eventlog_collector.receiver.admission import Admission
from tests.support import otlp_requests as otlp
from tests.support.builders import event_log
from tests.support.receiving import Answer, ListConsumer, Receiving, receiving
from tests.support.waiting import eventually

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
REQUEST = otlp.traces([otlp.span(1), otlp.span(2)])
BODY = REQUEST.SerializeToString()


@pytest.fixture
def running() -> Iterator[Receiving]:
    """Both receivers before a list."""
    with receiving() as found:
        yield found


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


def raw_deflate(data: bytes) -> bytes:
    """Return raw deflate, without zlib's header."""
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


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
    running: Receiving, encoding: str, compress: Any, chunk_bytes: int
) -> None:
    """None, gzip (one member or several) and both deflates arrive, whole or in chunks."""
    data = compress(BODY)
    pieces = [data[at : at + chunk_bytes] for at in range(0, len(data), chunk_bytes or len(data))]
    answer = post_traces(running, iter(pieces) if chunk_bytes else data, content_encoding=encoding)
    assert (answer.status, answer.body) == (200, b"")
    assert [span.span_id for span in running.consumer.spans] == [1, 2]


@pytest.mark.parametrize("kind", [JSON, "Application/JSON; charset=utf-8", PROTOBUF])
def test_the_answer_comes_in_the_requests_encoding(running: Receiving, kind: str) -> None:
    """Full success is an empty message of the same content type."""
    is_json = kind != PROTOBUF
    answer = post_traces(running, otlp.as_json(REQUEST) if is_json else BODY, kind)
    assert answer.status == 200
    assert answer.headers["content-type"] == (JSON if is_json else PROTOBUF)
    assert answer.body == (b"{}" if is_json else b"")
    assert len(running.consumer.spans) == 2


def test_logs_arrive_and_metrics_are_dropped(running: Receiving) -> None:
    """Event logs reach the consumer; metrics are accepted, whatever they are."""
    body = otlp.logs_of([event_log()]).SerializeToString()
    assert running.post("/v1/logs", body, content_type=PROTOBUF).status == 200
    assert [event.user_id for event in running.consumer.events] == [None]
    assert running.post("/v1/metrics", b"anything", content_type=PROTOBUF).status == 200
    answer = running.post("/v1/metrics", b"{}", content_type=JSON)
    assert (answer.status, answer.body) == (200, b"{}")


@pytest.mark.parametrize(("body", "kind"), [(b"", PROTOBUF), (b"{}", JSON)])
def test_an_empty_request_is_a_success(running: Receiving, body: bytes, kind: str) -> None:
    """A request without any span is answered 200."""
    assert post_traces(running, body, kind).status == 200


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
    running: Receiving,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes | None,
    status: int,
    code: int,
) -> None:
    """A wrong path, method, type, compression or body gets its code and a Status that explains."""
    answer = running.post(path, body, method, **headers)
    assert answer.status == status
    error = status_of(answer)
    assert (error.code, bool(error.message)) == (code, True)
    expected = headers.get("content_type")
    assert answer.headers["content-type"] == (expected if expected in (PROTOBUF, JSON) else JSON)
    assert "retry-after" not in answer.headers
    assert not running.consumer.spans
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
        async def consume_spans(self, spans: Sequence[Any]) -> ConsumeResult:
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


def test_a_retryable_error_says_when_to_retry() -> None:
    """A store that cannot commit is a 503 with Retry-After; nothing was stored."""

    def fail(_records: Sequence[Any]) -> None:
        raise StoreUnavailable("disk full")

    with receiving(ListConsumer(fail)) as running:
        answer = post_traces(running, otlp.as_json(REQUEST), JSON)
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert status_of(answer).message == "disk full"


def test_a_mistake_of_ours_is_a_500_without_details(caplog: pytest.LogCaptureFixture) -> None:
    """An unexpected error is logged with its traceback and told without it."""

    def fail(_records: Sequence[Any]) -> None:
        raise ZeroDivisionError("/secret/path")

    with receiving(ListConsumer(fail)) as running:
        answer = post_traces(running)
        assert answer.status == 500
        assert b"secret" not in answer.body
        assert "ZeroDivisionError: /secret/path" in caplog.text


def test_a_store_that_hangs_is_answered_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit that takes too long becomes a retryable refusal before clients give up."""
    monkeypatch.setattr(intake_module, "ANSWER_TIMEOUT_S", 0.1)

    class Hanging(ListConsumer):
        async def consume_spans(self, spans: Sequence[Any]) -> ConsumeResult:
            await asyncio.Event().wait()
            raise AssertionError

    with receiving(Hanging()) as running:
        assert post_traces(running).status == 503


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


def test_a_slow_body_is_cut(running: Receiving, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that trickles its body gets 408 and is closed; others are served meanwhile."""
    monkeypatch.setattr(body_module, "BODY_TIMEOUT_S", 0.2)
    monkeypatch.setattr(body_module, "DRAIN_TIMEOUT_S", 0.1)
    head = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    answer = exchange(running.http_port, head + b"Content-Length: 100\r\n\r\n{")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer
    assert post_traces(running).status == 200


def test_slow_and_silent_headers_are_cut(
    running: Receiving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection without complete headers is closed in time, the first request or a later one."""
    monkeypatch.setattr(asgi_server, "HEADER_TIMEOUT_S", 0.2)
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
