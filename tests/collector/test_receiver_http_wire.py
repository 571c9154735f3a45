"""HTTP as it goes over the wire: pipelining, half-closed and old clients, framing, the end."""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import pytest

from otel_eventlog_collector.limits import PIPELINED_REQUESTS_MAX
from otel_eventlog_collector.protocols import ConsumeResult
from otel_eventlog_collector.receiver import http_connection, http_connections
from otel_eventlog_collector.receiver.http import HttpReceiver
from tests.support import otlp_requests as otlp
from tests.support.raw_http import KIND, Wire, chunked, post, wire
from tests.support.receiving import BODY, ListConsumer, Receiving, post_traces, receiving
from tests.support.waiting import eventually


@pytest.fixture
def running() -> Iterator[Receiving]:
    """Both receivers before a list."""
    with receiving() as found:
        yield found


def spans_of(running: Receiving) -> list[int]:
    """Return the ids of the spans that arrived, in their order."""
    return [span.span_id for span in running.consumer.spans]


def test_pipelined_requests_are_answered_in_their_order(running: Receiving) -> None:
    """Several requests in one piece get their answers one after the other, refusals among them."""
    one, two = (otlp.traces([otlp.span(n)]).SerializeToString() for n in (1, 2))
    squeezed = post(gzip.compress(two), b"Content-Encoding: gzip\r\n")
    with wire(running) as line:
        line.send(
            post(one) + post(b"\xff") + squeezed + b"GET /v1/logs HTTP/1.1\r\nHost: x\r\n\r\n"
        )
        line.until(b"HTTP/1.1 ", 4)
        line.until(b"use POST")
    statuses = [part[:3] for part in line.received.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"200", b"400", b"200", b"405"]
    assert spans_of(running) == [1, 2]


def test_a_later_request_waits_for_the_commit_of_an_earlier_one() -> None:
    """A refusal that is known at once still comes after the answer before it."""
    release = asyncio.Event()

    class Waiting(ListConsumer):
        async def consume_spans(self, spans: Sequence[Any]) -> ConsumeResult:
            await release.wait()
            return await super().consume_spans(spans)

    with receiving(Waiting()) as running, wire(running) as line:
        line.send(post() + post(b"\xff") + post())
        line.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            line.socket.recv(1)
        line.socket.settimeout(10)
        running.loop.call_soon_threadsafe(release.set)
        line.until(b"HTTP/1.1 ", 3)
    statuses = [part[:3] for part in line.received.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"200", b"400", b"200"]


def test_more_pipelined_requests_than_allowed_end_the_connection() -> None:
    """What was answered was stored, what was not was not, and the last answer says so."""
    release = asyncio.Event()

    class Waiting(ListConsumer):
        async def consume_spans(self, spans: Sequence[Any]) -> ConsumeResult:
            await release.wait()
            return await super().consume_spans(spans)

    count = PIPELINED_REQUESTS_MAX + 20
    one = post(otlp.traces([otlp.span()]).SerializeToString())
    with receiving(Waiting()) as running, wire(running) as line:
        line.send(one * count)
        hit = {"limit": "pipelined_requests"}
        assert eventually(lambda: running.metrics.value("eventlog_limits_hit_total", **hit) == 1)
        running.loop.call_soon_threadsafe(release.set)
        answers = line.rest().split(b"HTTP/1.1 200")[1:]
        assert PIPELINED_REQUESTS_MAX <= len(answers) < count
        assert len(running.consumer.spans) == len(answers)
        assert b"connection: close" in answers[-1]
        assert eventually(lambda: running.intake.admission.requests == 0)


def test_a_half_closed_connection_gets_its_answer(running: Receiving) -> None:
    """A client that ends its side after the request still reads the answer."""
    with wire(running) as line:
        line.send(post())
        line.socket.shutdown(socket.SHUT_WR)
        assert line.rest().startswith(b"HTTP/1.1 200 ")


def test_old_clients_are_answered_and_closed(running: Receiving) -> None:
    """HTTP/1.0 works without Host and without keeping the connection."""
    request = b"POST /v1/traces HTTP/1.0\r\n%sContent-Length: %d\r\n\r\n%s" % (
        *(KIND, len(BODY), BODY),
    )
    with wire(running) as line:
        line.send(request)
        answer = line.rest()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"connection: close" in answer


def test_close_is_honoured(running: Receiving) -> None:
    """A client that wants the connection closed gets it closed, and is told."""
    with wire(running) as line:
        line.send(post(more=b"Connection: close\r\n"))
        assert b"connection: close" in line.rest()


def test_an_answer_to_head_has_no_body(running: Receiving) -> None:
    """HEAD is not allowed, and what follows its answer is the next answer."""
    with wire(running) as line:
        line.send(b"HEAD /v1/traces HTTP/1.1\r\nHost: x\r\n\r\n" + post())
        line.until(b"HTTP/1.1 200")
    head, _, after = line.received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 405 ")
    assert b"allow: POST" in head
    assert after.startswith(b"HTTP/1.1 200 ")


def test_leave_to_send_a_body_is_given_once(running: Receiving) -> None:
    """Expect: 100-continue gets its 100, then the answer; the connection stays."""
    head, _, body = post(more=b"Expect: 100-continue\r\n").partition(b"\r\n\r\n")
    with wire(running) as line:
        for number in (1, 2):
            line.send(head + b"\r\n\r\n")
            line.until(b"HTTP/1.1 100 Continue\r\n\r\n", number)
            line.send(body)
            line.until(b"HTTP/1.1 200", number)
    assert len(running.consumer.spans) == 4


@pytest.mark.parametrize(
    "request_",
    [
        post(more=b"Transfer-Encoding: chunked\r\n"),
        post(more=b"Content-Length: 1\r\n"),
        post(more=b"Content-Length: +5\r\n"),
        chunked(BODY, b"Transfer-Encoding: identity\r\n"),
        post().replace(b"Content-Length: ", b"Transfer-Encoding: gzip, chunked\r\nX: "),
        chunked(BODY, version=b"1.0"),
        post().replace(b"Host: x\r\n", b""),
        post().replace(b"Content-Length:", b"Content-Length :"),
        post().replace(b"\r\n", b"\n"),
        post(version=b"3.1"),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"hello\r\n\r\n",
        b"POST /v1/traces\r\n\r\n",
        chunked(BODY).replace(b"\r\n\r\n%x\r\n" % len(BODY), b"\r\n\r\nxyz\r\n"),
    ],
)
def test_what_two_servers_may_read_differently_is_refused(
    running: Receiving, request_: bytes
) -> None:
    """Contradictory or malformed framing is a 400, stores nothing, and ends the connection."""
    with wire(running) as line:
        line.send(request_ + b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
        line.socket.shutdown(socket.SHUT_WR)
        answer = line.rest()
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 404 "))
    assert b"HTTP/1.1 2" not in answer
    assert not running.consumer.spans
    assert post_traces(running).status == 200


@pytest.mark.parametrize(
    "target", [b"http://a.example/v1/traces?x=1", b"/v1/%74races", b"/v1/traces?"]
)
def test_other_spellings_of_a_path_are_understood(running: Receiving, target: bytes) -> None:
    """An absolute target, percent-encoding and a query lead to the same place."""
    with wire(running) as line:
        line.send(post().replace(b"/v1/traces", target, 1))
        assert line.until(b"\r\n\r\n").startswith(b"HTTP/1.1 200 ")


def test_an_offer_of_another_protocol_is_not_taken(running: Receiving) -> None:
    """A client that offers HTTP/2 in plain text is answered in HTTP/1.1."""
    with wire(running) as line:
        line.send(post(more=b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"))
        assert line.rest().startswith(b"HTTP/1.1 200 ")
    assert len(running.consumer.spans) == 2


def test_trailers_are_let_go_and_bounded(running: Receiving) -> None:
    """Trailers change nothing, and a flood of them ends the connection."""
    whole = chunked(BODY)
    with wire(running) as line:
        line.send(whole[:-2] + b"Content-Encoding: gzip\r\nX: y\r\n\r\n")
        assert line.until(b"\r\n\r\n").startswith(b"HTTP/1.1 200 ")
    with wire(running) as line:
        line.send(whole[:-2] + b"X: %s\r\n" % (b"y" * 1000) * 100)
        assert line.until(b"\r\n\r\n").startswith(b"HTTP/1.1 431 ")
    assert len(running.consumer.spans) == 2


@pytest.mark.parametrize(
    "flood",
    [
        b"X: y\r\n" * 20_000,
        b"X: " + b"y" * 1_000_000,
        b"X" * 400_000,
    ],
)
def test_headers_over_the_limit_are_told_so(running: Receiving, flood: bytes) -> None:
    """Headers beyond the limit are a 431 that the client gets to see, and are counted."""
    with wire(running) as line:
        line.send(b"POST /v1/traces HTTP/1.1\r\nHost: x\r\n" + flood)
        assert line.rest().startswith(b"HTTP/1.1 431 ")
    assert running.metrics.value("eventlog_limits_hit_total", limit="header_size") == 1


def test_a_long_refused_body_does_not_hide_the_refusal(running: Receiving) -> None:
    """The answer to a body nobody wants is seen, though the client sends all of it first."""
    body = bytes(3_000_000)
    with wire(running) as line:
        line.send(post(body).replace(b"x-protobuf", b"x-nothing"))
        assert line.until(b"\r\n\r\n").startswith(b"HTTP/1.1 415 ")
        line.send(post())
        line.until(b"HTTP/1.1 200")


def test_an_idle_connection_is_closed_in_time(
    running: Receiving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an answer a connection is kept for a while, not for ever."""
    monkeypatch.setattr(http_connection, "KEEP_ALIVE_S", 0.1)
    with wire(running) as line:
        line.send(post())
        assert line.rest().startswith(b"HTTP/1.1 200 ")


def test_a_client_that_reads_no_answers_is_cut(
    running: Receiving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests are not read on while their answers pile up; in the end the connection is cut."""
    monkeypatch.setattr(http_connection, "KEEP_ALIVE_S", 0.5)
    with wire(running) as line:
        line.socket.settimeout(20)
        request = b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % (b"x" * 90)
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            line.send(request * 1_000_000)
    assert post_traces(running).status == 200


def test_connections_over_the_limit_are_told_to_come_back() -> None:
    """One too many gets 503 with Retry-After and is closed; later there is room again."""

    async def start(running: Receiving) -> HttpReceiver:
        receiver = HttpReceiver(running.intake, "127.0.0.1", 0, connections_max=2)
        running.http_port = (await receiver.start())[1]
        return receiver

    with receiving() as running:
        receiver = running.run(start(running))
        with wire(running) as first, wire(running) as second:
            for line in (first, second):
                line.send(post())
                line.until(b"HTTP/1.1 200")
            with wire(running) as third:
                third.send(post())
                answer = third.rest()
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert b"retry-after: 1\r\n" in answer
            first.send(post())
            first.until(b"HTTP/1.1 200", 2)
        assert eventually(lambda: post_traces(running).status == 200)
        assert running.metrics.value("eventlog_limits_hit_total", limit="connections") >= 1
        running.run(receiver.stop(1))


def test_far_too_many_connections_are_closed_at_once() -> None:
    """Nothing is read from connections far beyond the limit: files stay bounded."""

    async def start(running: Receiving) -> HttpReceiver:
        receiver = HttpReceiver(running.intake, "127.0.0.1", 0, connections_max=2)
        running.http_port = (await receiver.start())[1]
        return receiver

    with receiving() as running:
        receiver = running.run(start(running))
        with ExitStack() as stack:
            lines = [stack.enter_context(wire(running)) for _ in range(5)]
            assert lines[-1].rest() == b""
        running.run(receiver.stop(1))


def test_stopping_lets_requests_end() -> None:
    """A stop closes idle connections, finishes what is read or committed, and takes nothing new."""
    release = asyncio.Event()

    class Waiting(ListConsumer):
        async def consume_spans(self, spans: Sequence[Any]) -> ConsumeResult:
            await release.wait()
            return await super().consume_spans(spans)

    with receiving(Waiting()) as running:
        with wire(running) as idle, wire(running) as committing, wire(running) as half_sent:
            idle.send(post(b""))
            idle.until(b"HTTP/1.1 200")
            committing.send(post())
            half_sent.send(post()[:-10])
            assert eventually(lambda: running.intake.admission.requests == 2)
            stopping = asyncio.run_coroutine_threadsafe(running.over_http.stop(10), running.loop)
            assert idle.rest()
            with pytest.raises(ConnectionRefusedError):
                Wire(running.http_port)
            half_sent.send(post()[-10:])
            running.loop.call_soon_threadsafe(release.set)
            for line in (committing, half_sent):
                answer = line.rest()
                assert answer.startswith(b"HTTP/1.1 200 ")
                assert b"connection: close" in answer
            stopping.result(10)
        assert len(running.consumer.spans) == 4


def test_stopping_does_not_wait_for_ever() -> None:
    """What has not ended within the grace is cancelled, and gives back what it held."""

    class Hanging(ListConsumer):
        async def consume_spans(self, spans: Sequence[Any]) -> ConsumeResult:
            await asyncio.Event().wait()
            raise AssertionError

    with receiving(Hanging()) as running, wire(running) as line:
        line.send(post())
        assert eventually(lambda: running.intake.admission.requests == 1)
        running.run(running.over_http.stop(0.1))
        assert running.intake.admission.requests == 0
        assert not line.rest()


def test_a_reset_while_committing_harms_nobody() -> None:
    """A client that resets its connection leaves a commit to its end, and nothing in flight."""
    entered, release = asyncio.Event(), asyncio.Event()

    class Waiting(ListConsumer):
        async def consume_spans(self, spans: Sequence[Any]) -> ConsumeResult:
            entered.set()
            await release.wait()
            return await super().consume_spans(spans)

    with receiving(Waiting()) as running:
        with wire(running) as line:
            line.send(post())
            running.run(entered.wait())
            line.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        running.loop.call_soon_threadsafe(release.set)
        assert eventually(lambda: len(running.consumer.spans) == 2)
        assert eventually(lambda: running.intake.admission.requests == 0)


def test_others_are_served_while_a_large_body_unfolds(running: Receiving) -> None:
    """A body is decompressed in slices; a small request does not wait for the whole of it."""
    order: list[int] = []
    original = http_connection.Body.work

    def work(self: Any) -> bool:
        order.append(len(running.consumer.spans))
        return original(self)

    span = otlp.span(9, trace_state="x" * 20_000_000)
    large = gzip.compress(otlp.traces([span]).SerializeToString(), 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(http_connection.Body, "work", work)
        with wire(running) as slow, wire(running) as quick:
            slow.send(post(large, b"Content-Encoding: gzip\r\n"))
            quick.send(post())
            quick.until(b"HTTP/1.1 200")
            slow.until(b"HTTP/1.1 200")
    assert len(order) > 20
    assert spans_of(running)[-1] == 9


def test_the_time_limits_are_looked_at_only_while_somebody_is_connected(
    running: Receiving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An idle listener wakes for nothing."""
    monkeypatch.setattr(http_connections, "_LOOK_PERIOD_S", 0.01)
    assert post_traces(running).status == 200
    assert eventually(lambda: running.over_http._connections._look is None)
