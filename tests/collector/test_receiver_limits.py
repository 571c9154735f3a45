"""Each limit of the receivers is hit on the real listeners: refused, counted, and over afterwards.

And what `docs/receiving.md` says about limits is what `limits.py` says.
"""

from __future__ import annotations

import ast
import asyncio
import re
import socket
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

import otel_eventlog_collector
from otel_eventlog_collector import limits
from otel_eventlog_collector.errors import Overloaded
from otel_eventlog_collector.metrics import Metrics
from otel_eventlog_collector.protocols import ConsumeResult
from otel_eventlog_collector.receiver import grpc as grpc_module
from otel_eventlog_collector.receiver import http_connection
from otel_eventlog_collector.receiver import intake as intake_module
from otel_eventlog_collector.receiver.admission import Admission
from otel_eventlog_collector.receiver.http import HttpReceiver
from tests.support import otlp_requests as otlp
from tests.support.receiving import BODY, ListConsumer, Receiving, post_traces, receiving
from tests.support.repository import ROOT
from tests.support.waiting import eventually

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
HEAD = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"
WHOLE = HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED
ALONE = (("grpc.use_local_subchannel_pool", 1),)
"""Lets a channel have a connection of its own."""
TESTED: set[str] = set()


def hits(limit: str) -> Callable[[Any], Any]:
    """Note that a test hits a limit."""
    TESTED.add(limit)
    return lambda test: test


def hit(running: Receiving, limit: str) -> float:
    """Return how often a limit was hit."""
    return running.metrics.value("eventlog_limits_hit_total", limit=limit)


def call(running: Receiving, body: bytes) -> grpc.StatusCode:
    """Send over gRPC; return the code."""
    with grpc.insecure_channel(f"127.0.0.1:{running.grpc_port}") as channel:
        return code_over(channel, body)


def code_over(channel: grpc.Channel, body: bytes) -> grpc.StatusCode:
    """Send over a channel; return the code."""
    try:
        channel.unary_unary(EXPORT)(body, timeout=20)
    except grpc.RpcError as error:
        code: grpc.StatusCode = error.code()
        return code
    return grpc.StatusCode.OK


@contextmanager
def normal_afterwards(consumer: Any = None, **options: Any) -> Iterator[Receiving]:
    """Run receivers; at the end both must take requests and hold nothing."""
    with receiving(consumer, **options) as running:
        yield running
        assert post_traces(running).status == 200
        assert call(running, BODY) is grpc.StatusCode.OK
        admission = running.intake.admission
        assert eventually(lambda: (admission.requests, admission.bytes) == (0, 0))


class Gate(ListConsumer):
    """A consumer that waits until it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = asyncio.Event()

    async def consume_spans(self, spans: Any) -> ConsumeResult:
        """Wait, then keep spans."""
        await self.opened.wait()
        return await super().consume_spans(spans)


def connect(stack: ExitStack, port: int) -> socket.socket:
    """Open a connection until the end of a block."""
    return stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))


def read_all(line: socket.socket) -> bytes:
    """Read until the other side closes."""
    received = b""
    while piece := line.recv(65536):
        received += piece
    return received


@hits("size")
def test_decompressed_size() -> None:
    """A bomb is refused while it unfolds, on both transports."""
    bomb = zlib.compress(bytes(limits.BODY_BYTES_MAX + 1), 1)
    with normal_afterwards() as running:
        assert post_traces(running, bomb, content_encoding="deflate").status == 413
        # To gRPC these bytes are a message that was compressed before.
        assert call(running, bomb) is EXHAUSTED
        assert hit(running, "size") == 2


@hits("size")
def test_gzip_members() -> None:
    """Members without number are not worked off."""
    compressor = zlib.compressobj(wbits=31)
    member = compressor.compress(b"") + compressor.flush()
    with normal_afterwards() as running:
        members = member * (limits.GZIP_MEMBERS_MAX + 1)
        assert post_traces(running, members, content_encoding="gzip").status == 413
        assert call(running, members) is EXHAUSTED
        assert hit(running, "size") == 2


@hits("records")
def test_records_of_one_request() -> None:
    """Too many spans in few bytes are refused before any is parsed."""
    many = otlp.traces_of_slices([b""] * (limits.RECORDS_PER_REQUEST_MAX + 1))
    with normal_afterwards() as running:
        assert post_traces(running, many).status == 413
        assert call(running, many) is EXHAUSTED
        assert hit(running, "records") == 2


def nested(depth: int) -> Any:
    """Return a list in a list and so on."""
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "attributes",
    [
        {f"a{n}": n for n in range(limits.ATTRIBUTES_PER_RECORD_MAX + 1)},
        {"deep": nested(limits.VALUE_DEPTH_MAX + 1)},
    ],
    ids=["too many", "too deep"],
)
def test_attributes_of_one_record(attributes: dict[str, Any]) -> None:
    """A span with too many or too deep attributes is rejected, its neighbours are not."""
    bad = otlp.span(2, attributes=otlp.key_values(attributes))
    request = otlp.traces([otlp.span(1), bad, otlp.span(3)])
    with receiving() as running:
        assert post_traces(running, request.SerializeToString()).status == 200
        assert post_traces(running, otlp.as_json(request), "application/json").status == 200
        assert call(running, request.SerializeToString()) is grpc.StatusCode.OK
        assert [span.span_id for span in running.consumer.spans] == [1, 3] * 3
        assert running.metrics.total("eventlog_records_rejected_total") == 3


@hits("requests_in_flight")
def test_requests_in_flight() -> None:
    """One request too many is told to come back, on whichever transport it comes."""
    consumer = Gate()
    with (
        normal_afterwards(consumer, admission=Admission(Metrics(), requests_max=2)) as running,
        ExitStack() as stack,
    ):
        running.intake.admission._metrics = running.metrics
        lines = [connect(stack, running.http_port) for _ in range(2)]
        for line in lines:
            line.sendall(WHOLE)
        assert eventually(lambda: running.intake.admission.requests == 2)
        assert post_traces(running).status == 429
        assert call(running, BODY) is UNAVAILABLE
        assert hit(running, "requests_in_flight") == 2
        running.loop.call_soon_threadsafe(consumer.opened.set)
        for line in lines:
            assert line.recv(4096).startswith(b"HTTP/1.1 200")


@hits("bytes_in_flight")
def test_bytes_in_flight() -> None:
    """More bytes than there is room for are told to come back."""
    admission = Admission(Metrics(), bytes_max=len(BODY) + 10)
    with normal_afterwards(admission=admission) as running:
        admission._metrics = running.metrics
        assert post_traces(running, BODY * 2).status == 429
        assert call(running, BODY * 2) is UNAVAILABLE
        assert hit(running, "bytes_in_flight") == 2


@hits("queue")
def test_queue_of_the_store() -> None:
    """What the store's queue has no room for is told to come back (its own test: test_overload)."""
    refusals: list[Exception] = [Overloaded("the queue is full"), Overloaded("the queue is full")]

    def refuse_twice(_records: Sequence[Any]) -> None:
        if refusals:
            raise refusals.pop()

    with normal_afterwards(ListConsumer(refuse_twice)) as running:
        answer = post_traces(running)
        assert (answer.status, answer.headers["retry-after"]) == (429, "1")
        assert call(running, BODY) is UNAVAILABLE
        assert hit(running, "queue") == 2


@hits("answer_time")
def test_time_until_the_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that does not answer is told before the client gives up by itself."""
    monkeypatch.setattr(intake_module, "ANSWER_TIMEOUT_S", 0.3)
    consumer = Gate()
    with normal_afterwards(consumer) as running:
        answer = post_traces(running)
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert call(running, BODY) is UNAVAILABLE
        assert hit(running, "answer_time") == 2
        running.loop.call_soon_threadsafe(consumer.opened.set)


@hits("header_time")
def test_time_for_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Headers that do not come to an end are not waited for."""
    monkeypatch.setattr(http_connection, "HEADER_TIMEOUT_S", 0.2)
    with normal_afterwards() as running, ExitStack() as stack:
        line = connect(stack, running.http_port)
        line.sendall(HEAD)
        assert read_all(line) == b""
        assert hit(running, "header_time") == 1


@hits("header_size")
def test_size_of_headers() -> None:
    """Headers beyond the limit are a 431."""
    with normal_afterwards() as running:
        assert post_traces(running, x_filler="x" * limits.HEADER_BYTES_MAX).status == 431
        assert hit(running, "header_size") == 1


@hits("body_time")
def test_time_for_a_body(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that trickles is a 408; a gRPC message that does not come is given up."""
    monkeypatch.setattr(http_connection, "BODY_TIMEOUT_S", 0.2)
    monkeypatch.setattr(grpc_module, "GRPC_MESSAGE_TIMEOUT_S", 0.2)
    with normal_afterwards() as running, ExitStack() as stack:
        line = connect(stack, running.http_port)
        line.sendall(HEAD + b"Content-Length: 1000\r\n\r\nx")
        assert read_all(line).startswith(b"HTTP/1.1 408 ")
        with grpc.insecure_channel(f"127.0.0.1:{running.grpc_port}") as channel:
            release = asyncio.run_coroutine_threadsafe(asyncio.sleep(3), running.loop)
            never = iter(lambda: release.result() or b"", None)
            with pytest.raises(grpc.RpcError) as caught:
                channel.stream_unary(EXPORT)(never, timeout=20)
            assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert hit(running, "body_time") == 2


@hits("connections")
def test_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """One connection too many is told to come back, over gRPC by a closed connection."""
    options = dict(grpc_module._OPTIONS) | {"grpc.max_allowed_incoming_connections": 2}
    monkeypatch.setattr(grpc_module, "_OPTIONS", tuple(options.items()))
    with receiving() as running:
        address = f"127.0.0.1:{running.grpc_port}"
        small = HttpReceiver(running.intake, "127.0.0.1", 0, connections_max=2)
        _, port = running.run(small.start())
        with ExitStack() as stack:
            lines = [connect(stack, port) for _ in range(3)]
            for line in lines:
                line.sendall(WHOLE)
            assert read_all(lines[2]).startswith(b"HTTP/1.1 503 ")
            assert hit(running, "connections") == 1
            for line in lines[:2]:
                assert line.recv(4096).startswith(b"HTTP/1.1 200")
            codes = []
            for _ in range(4):
                channel = stack.enter_context(grpc.insecure_channel(address, options=ALONE))
                codes.append(code_over(channel, BODY))
            assert codes == [grpc.StatusCode.OK] * 2 + [UNAVAILABLE] * 2
        running.run(small.stop(1))
        assert eventually(lambda: call(running, BODY) is grpc.StatusCode.OK)


@hits("pipelined_requests")
def test_pipelined_requests() -> None:
    """A connection on which too much waits is closed after what was taken."""
    consumer = Gate()
    with normal_afterwards(consumer) as running, ExitStack() as stack:
        line = connect(stack, running.http_port)
        line.sendall(WHOLE * (limits.PIPELINED_REQUESTS_MAX + 10))
        assert eventually(lambda: hit(running, "pipelined_requests") == 1)
        running.loop.call_soon_threadsafe(consumer.opened.set)
        assert read_all(line).count(b"HTTP/1.1 200") == limits.PIPELINED_REQUESTS_MAX + 1


@hits("grpc_messages")
def test_grpc_messages_that_come_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Senders that begin a call and send nothing keep the others waiting for a bounded time."""
    monkeypatch.setattr(grpc_module, "GRPC_MESSAGES_COMING_IN_MAX", 1)
    monkeypatch.setattr(grpc_module, "GRPC_MESSAGE_TIMEOUT_S", 2)
    monkeypatch.setattr(grpc_module, "ANSWER_TIMEOUT_S", 0.2)
    with (
        normal_afterwards() as running,
        grpc.insecure_channel(f"127.0.0.1:{running.grpc_port}") as channel,
    ):
        release = asyncio.run_coroutine_threadsafe(asyncio.sleep(3), running.loop)
        never = iter(lambda: release.result() or b"", None)
        silent = channel.stream_unary(EXPORT).future(never, timeout=20)
        assert eventually(lambda: running.intake.admission.requests == 1)
        assert call(running, BODY) is UNAVAILABLE
        assert hit(running, "grpc_messages") == 1
        assert silent.exception(20).code() is grpc.StatusCode.DEADLINE_EXCEEDED


# --- what is written about them ------------------------------------------------------------------


def documentation() -> str:
    """Return the page about receiving."""
    return (ROOT / "docs" / "receiving.md").read_text(encoding="utf-8")


def shown(name: str, value: float) -> str:
    """Return a limit's value with its unit, as people read it."""
    if name.endswith("_NS_MAX"):
        return f"{value / 60e9:g} min"
    if "BYTES" in name:
        per_second = "/s" if "_PER_S_" in name else ""
        unit, size = ("MiB", 1 << 20) if value >= 1 << 20 else ("KiB", 1 << 10)
        return f"{value / size:g} {unit}{per_second}"
    return f"{value:g} s" if name.endswith("_S") else f"{value:,}"


def rows() -> Iterator[str]:
    """Return the rows that the table of limits must have, made of `limits.py`."""
    tree = ast.parse(Path(limits.__file__).read_text(encoding="utf-8"))
    for statement, after in zip(tree.body, tree.body[1:], strict=False):
        if not isinstance(statement, ast.Assign) or not isinstance(after, ast.Expr):
            continue
        (target,) = statement.targets
        assert isinstance(target, ast.Name)
        assert isinstance(after.value, ast.Constant)
        meaning = " ".join(str(after.value.value).split())
        yield f"| `{target.id}` | {shown(target.id, getattr(limits, target.id))} | {meaning} |"


def test_the_table_of_limits_is_that_of_the_code() -> None:
    """Every limit with its value and meaning, in the same order, and no other."""
    written = re.findall(r"^\| `[A-Z][A-Z_]+` \|.*\|$", documentation(), re.MULTILINE)
    assert written == list(rows())


def test_every_counted_limit_is_hit_by_a_test_and_documented() -> None:
    """The values of the metric's label are the same in the code, the tests and the page."""
    folder = Path(otel_eventlog_collector.__file__).parent
    counted = {
        found
        for path in folder.rglob("*.py")
        for found in re.findall(
            r'"eventlog_limits_hit_total",\s*limit="(\w+)"', path.read_text(encoding="utf-8")
        )
    }
    assert counted == TESTED
    assert set(re.findall(r"^\| `([a-z_]+)` \|", documentation(), re.MULTILINE)) >= counted
