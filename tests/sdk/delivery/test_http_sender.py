"""One attempt over HTTP: what is sent, what is never sent, and answers nobody should trust."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry import context
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_eventlog.delivery.encode import encode_all, pack
from otel_eventlog.delivery.http_sender import HttpSender, parse_retry_after
from otel_eventlog.delivery.sender import RESPONSE_BYTES_MAX, Answer, SendResult, Transport
from otel_eventlog.delivery.suppress import suppressed
from otel_eventlog.settings import Settings
from tests.support.builders import event_log
from tests.support.fake_collector import FakeCollector, Reply


def body() -> bytes:
    """Return a request with one record."""
    (parcel,) = pack(encode_all([event_log()], on_failure=pytest.fail), "1.0")
    return parcel.body


def send(transport: Transport, timeout_s: float = 5.0) -> SendResult:
    """Make one attempt and close the connection."""
    sender = HttpSender(transport)
    try:
        return sender.send(body(), timeout_s)
    finally:
        sender.close()


@pytest.mark.parametrize("compression", ["none", "gzip", "deflate"])
def test_compression_follows_the_standard_variable(
    compression: str, collector: FakeCollector
) -> None:
    """The body is compressed as OTEL_EXPORTER_OTLP_COMPRESSION says, and says so itself."""
    environ = {"OTEL_EXPORTER_OTLP_COMPRESSION": compression}
    settings = Settings.from_env({"OTEL_EVENTLOG_ENDPOINT": collector.url, **environ})
    assert send(settings.transport()).answer is Answer.DELIVERED
    (received,) = collector.received
    assert received.headers.get("content-encoding", "none") == compression
    assert len(received.records) == 1


def test_only_our_own_headers_are_sent(
    collector: FakeCollector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Headers come from OTEL_EVENTLOG_HEADERS; a vendor's key and .netrc are not ours to send."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password netrc-secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    environ = {
        "OTEL_EVENTLOG_ENDPOINT": collector.url,
        "OTEL_EVENTLOG_HEADERS": "X-Tenant=acme%20inc,content-type=text/html",
        "OTEL_EXPORTER_OTLP_HEADERS": "api-key=vendor-secret",
        "OTEL_EXPORTER_OTLP_LOGS_HEADERS": "api-key=vendor-secret",
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    send(Settings.from_env(environ).transport())
    (received,) = collector.received
    assert received.headers["x-tenant"] == "acme inc"
    assert received.headers["content-type"] == "application/x-protobuf"
    assert "authorization" not in received.headers
    assert "secret" not in str(received.headers)


def test_a_redirect_is_not_followed(collector: FakeCollector) -> None:
    """Nothing is ever sent to where an answer points."""
    other = FakeCollector()
    try:
        collector.replies.append(Reply(307, {"location": f"{other.url}/v1/logs"}))
        result = send(Transport(base_url=collector.url))
        assert result.answer is Answer.REFUSED
        assert not other.received
    finally:
        other.stop()


def test_an_endless_answer_is_not_read(collector: FakeCollector) -> None:
    """Of an answer without end only a little is taken, and the status code counts."""
    collector.replies.append(Reply(200, is_endless=True))
    assert send(Transport(base_url=collector.url)).answer is Answer.DELIVERED
    assert collector.has_ended.wait(10)
    # The rest of what was sent fits into the buffers of two sockets.
    assert collector.bytes_sent < RESPONSE_BYTES_MAX + 8 * 1024 * 1024


def test_a_dripping_answer_does_not_hold_us_up() -> None:
    """An answer that comes byte by byte is left when the time for an answer is over."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def drip() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 503 Busy\r\ncontent-length: 60000\r\n\r\n")
            while not stop.wait(0.02):
                connection.send(b"x")

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    before = time.monotonic()
    result = send(Transport(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}"), 0.3)
    stop.set()
    thread.join(5)
    listener.close()
    assert result.answer is Answer.UNAVAILABLE
    assert time.monotonic() - before < 3.0


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        (Reply(200, {"content-type": "application/x-protobuf"}, b"\xff\xff"), Answer.DELIVERED),
        (Reply(200, {"content-type": "text/html"}, b"<html>Welcome"), Answer.REFUSED),
        (Reply(204), Answer.DELIVERED),
        (Reply(599), Answer.FAILED),
        (Reply(402), Answer.REFUSED),
    ],
)
def test_odd_answers(reply: Reply, answer: Answer, collector: FakeCollector) -> None:
    """Garbage with a 200 is a 200; a web page is not a collector; what is unknown loses nothing."""
    collector.replies.append(reply)
    assert send(Transport(base_url=collector.url)).answer is answer


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 2 ", 2.0),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 40.0),
        ("Thu, 01 Jan 1970 00:00:10 GMT", 0.0),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("²", None),
        ("Thu, 99 Jan 1970 00:01:40 GMT", None),
    ],
)
def test_retry_after(text: str, seconds: float | None) -> None:
    """Seconds and dates are understood, the past is now, and nonsense is no hint."""
    assert parse_retry_after(text, now_s=60.0) == seconds


def test_a_proxy_is_used_unless_the_collector_is_on_this_machine(
    collector: FakeCollector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proxy variables count for collectors elsewhere; loopback is always reached directly."""
    monkeypatch.setenv("HTTP_PROXY", collector.url)
    monkeypatch.setenv("http_proxy", collector.url)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    send(Transport(base_url="http://collector.invalid:4328"))
    assert [received.path for received in collector.received] == [
        "http://collector.invalid:4328/v1/logs"
    ]
    other = FakeCollector()
    try:
        send(Transport(base_url=other.url))
        assert [received.path for received in other.received] == ["/v1/logs"]
    finally:
        other.stop()


def test_a_missing_certificate_file_is_said(collector: FakeCollector, tmp_path: Path) -> None:
    """A certificate file that is not there loses nothing and is named."""
    gone = str(tmp_path / "gone.pem")
    url = collector.url.replace("http:", "https:")
    result = send(Transport(base_url=url, certificate_file=gone))
    assert result.answer is Answer.REFUSED
    assert gone in result.detail


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """Return the spans that an instrumented `requests` makes."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    RequestsInstrumentor().instrument(tracer_provider=provider)
    yield exporter
    RequestsInstrumentor().uninstrument()


def test_our_own_calls_are_never_traced(
    collector: FakeCollector, spans: InMemorySpanExporter
) -> None:
    """With `requests` instrumented, an attempt inside `suppressed` makes no span, unlike others."""
    transport = Transport(base_url=collector.url)
    before = context.get_current()
    with suppressed():
        send(transport)
    assert context.get_current() == before
    assert not spans.get_finished_spans()
    send(transport)
    assert len(spans.get_finished_spans()) == 1
