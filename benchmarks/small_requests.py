"""What a listener costs when requests are small: 8 spans each, over 32 kept connections.

Listeners on one machine in one run, in rounds that alternate: a bare httptools protocol that
answers whatever comes (the limit); ours and uvicorn, which it replaced, each before an intake that
answers at once (the transport alone) and before the real one with a consumer that answers at once;
and a whole `otel-eventlog serve` that maps and commits. Printed are requests a second and the
processor time that one request takes of the server.

    python -m benchmarks.small_requests [--rounds 5] [--seconds 2]
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import selectors
import socket
import statistics
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httptools
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.live_collector import live_collector
from otel_eventlog.mapping import Mapper
from otel_eventlog.model import EventLog, Rank
from otel_eventlog.privacy import Privacy
from otel_eventlog.rulefile import load_rule_set
from otel_eventlog_collector.asgi_server import AsgiServer, bind
from otel_eventlog_collector.metrics import Metrics
from otel_eventlog_collector.otlp.encode import Encoding, Signal, encode_response
from otel_eventlog_collector.otlp.traces import TraceDecoder
from otel_eventlog_collector.protocols import ConsumeResult, SpansToConsume
from otel_eventlog_collector.receiver.http import HttpReceiver
from otel_eventlog_collector.receiver.intake import Accepted, Intake

SPANS_PER_REQUEST = 8
CONNECTIONS = 32
VARIANTS = 64
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n"
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Template:
    """A request that is new each time it is sent: other ids in the same bytes."""

    def __init__(self, number: int) -> None:
        sent = body(number)
        self._head = (
            b"POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: benchmark\r\n"
            b"Accept: */*\r\nContent-Type: application/x-protobuf\r\nContent-Length: %d\r\n\r\n"
            % len(sent)
        )
        spans = ExportTraceServiceRequest.FromString(sent).resource_spans[0].scope_spans[0].spans
        self._body = bytearray(sent)
        self._places = [
            (at := sent.index(each), at + len(each))
            for span in spans
            for each in (span.trace_id, span.span_id)
        ]

    def request(self) -> bytes:
        """Return a request that was never sent."""
        for start, end in self._places:
            self._body[start:end] = os.urandom(end - start)
        return self._head + self._body


def body(number: int) -> bytes:
    """Return one request of realistic log-ins."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    pair = resource.resource.attributes.add(key="service.name")
    pair.value.string_value = "shop"
    scope = resource.scope_spans.add()
    scope.scope.name = "opentelemetry.instrumentation.fastapi"
    now = time.time_ns()
    for n in range(SPANS_PER_REQUEST):
        span = scope.spans.add(
            trace_id=os.urandom(16),
            span_id=os.urandom(8),
            name="POST /login",
            kind=2,
            start_time_unix_nano=now - 40_000_000,
            end_time_unix_nano=now,
        )
        for key, value in {
            "http.request.method": "POST",
            "http.route": "/login",
            "url.scheme": "http",
            "url.path": "/login",
            "client.address": f"198.51.100.{n}",
            "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64) Browser/7.0 Safari/537.36",
            "server.address": "shop.example",
            "network.protocol.version": "1.1",
            "user.id": f"u-{number}-{n}",
        }.items():
            span.attributes.add(key=key).value.string_value = value
        span.attributes.add(key="http.response.status_code").value.int_value = 200
    return request.SerializeToString()


class Prompt:
    """A consumer that answers at once."""

    async def consume_spans(self, spans: SpansToConsume) -> ConsumeResult:
        """Have everything accepted."""
        return ConsumeResult(len(spans))

    async def consume_event_logs(self, events: Sequence[EventLog]) -> ConsumeResult:
        """Have everything accepted."""
        return ConsumeResult(len(events))


class PromptIntake(Intake):
    """An intake that decodes nothing: what is left is the transport."""

    async def accept(self, *_request: object) -> Accepted:
        """Have everything accepted."""
        return Accepted()


def decoding() -> Intake:
    """Return an intake that decodes and maps as the collector's does."""
    mapper = Mapper(load_rule_set((), (), default_packs=True), Privacy(None), Rank.DERIVED)
    return Intake(Prompt(), Metrics(), traces=TraceDecoder(mapper))


class Bare(asyncio.Protocol):
    """Parses HTTP and answers; looks at nothing."""

    def connection_made(self, transport: Any) -> None:
        """Begin to parse."""
        self._transport = transport
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        """Parse."""
        self._parser.feed_data(data)

    def on_body(self, data: bytes) -> None:
        """Take the body."""

    def on_message_complete(self) -> None:
        """Answer."""
        self._transport.write(ANSWER)


def asgi_app(intake: Intake) -> Any:
    """Return the least ASGI application that reads, admits, accepts and answers."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        intake.authorize(None, scope["client"][0], "http")
        encoding = Encoding(headers[b"content-type"].decode())
        with intake.admission.admit() as ticket:
            parts, more = [], True
            while more:
                message = await receive()
                ticket.take(len(message["body"]))
                parts.append(message["body"])
                more = message.get("more_body", False)
            accepted = await intake.accept(Signal.TRACES, b"".join(parts), encoding, "http")
        told = encode_response(Signal.TRACES, accepted.rejected, accepted.error_message, encoding)
        named = [(b"content-type", encoding.encode()), (b"content-length", b"%d" % len(told))]
        await send({"type": "http.response.start", "status": 200, "headers": named})
        await send({"type": "http.response.body", "body": told})

    return app


async def bare() -> int:
    """Run the limit; return its port."""
    bound = bind("127.0.0.1", 0, "bare")
    server = await asyncio.get_running_loop().create_server(Bare, sock=bound)
    port: int = server.sockets[0].getsockname()[1]
    return port


async def ours(intake: Intake) -> int:
    """Run our receiver; return its port."""
    return (await HttpReceiver(intake, "127.0.0.1", 0).start())[1]


async def uvicorn(intake: Intake) -> int:
    """Run an ASGI application on uvicorn; return its port."""
    return (await AsgiServer(asgi_app(intake), "127.0.0.1", 0, name="otlp-http").start())[1]


LISTENERS: dict[str, Callable[[], Coroutine[Any, Any, int]]] = {
    "bare httptools, no checks": bare,
    "ours, transport alone": lambda: ours(PromptIntake(Prompt(), Metrics())),
    "uvicorn, transport alone": lambda: uvicorn(PromptIntake(Prompt(), Metrics())),
    "ours, decoded": lambda: ours(decoding()),
    "uvicorn, decoded": lambda: uvicorn(decoding()),
}


def serve(name: str, told: Any) -> None:
    """Run one listener in this process until it is ended."""

    async def run() -> None:
        told.send(await LISTENERS[name]())
        await asyncio.Event().wait()

    asyncio.run(run())


@contextmanager
def listener(name: str) -> Iterator[tuple[int, int]]:
    """Run one listener in a process of its own; yield process id and port."""
    spawn = multiprocessing.get_context("spawn")
    ours_end, theirs = spawn.Pipe()
    process = spawn.Process(target=serve, args=(name, theirs), daemon=True)
    process.start()
    try:
        yield process.pid or 0, ours_end.recv()
    finally:
        process.kill()
        process.join()


@contextmanager
def collector() -> Iterator[tuple[int, int]]:
    """Run a whole collector; yield process id and port."""
    with tempfile.TemporaryDirectory() as folder, live_collector(Path(folder)) as url:
        port = urlsplit(url).port or 0
        yield _owner(port), port


def _owner(port: int) -> int:
    """Return the child of ours that listens on a port."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if words[1].endswith(f":{port:04X}") and words[3] == "0A":
            inode = f"socket:[{words[9]}]"
            break
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(link.readlink()) == inode for link in (process / "fd").iterdir()):
                return int(process.name)
        except OSError:
            continue
    raise ProcessLookupError(port)


def cpu_s(pid: int) -> float:
    """Return the processor time a process has used."""
    words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / TICKS_PER_S


def load(port: int, seconds: float) -> tuple[int, float]:
    """Send on all connections, each one request after the other; return how many, and how long."""
    templates = [Template(number) for number in range(VARIANTS)]
    selector = selectors.DefaultSelector()
    for _ in range(CONNECTIONS):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(connection, selectors.EVENT_READ)
        connection.sendall(templates[0].request())
    begun, answered = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        for key, _ in selector.select():
            connection = key.fileobj  # type: ignore[assignment]
            if not connection.recv(4096).startswith(b"HTTP/1.1 200"):
                raise ConnectionError
            answered += 1
            connection.sendall(templates[answered % VARIANTS].request())
    elapsed = time.perf_counter() - begun
    for key in list(selector.get_map().values()):
        key.fileobj.close()  # type: ignore[union-attr]
    selector.close()
    return answered, elapsed


@dataclass
class Figures:
    """What was measured of one listener, round by round."""

    per_s: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    options = parser.parse_args(arguments)
    with ExitStack() as stack:
        running = {name: stack.enter_context(listener(name)) for name in LISTENERS}
        running["otel-eventlog serve, committed"] = stack.enter_context(collector())
        figures = {name: Figures() for name in running}
        for _ in range(options.rounds):
            for name, (pid, port) in running.items():
                load(port, 0.2)
                before = cpu_s(pid)
                answered, elapsed = load(port, options.seconds)
                figures[name].per_s.append(answered / elapsed)
                figures[name].cpu_us.append((cpu_s(pid) - before) / answered * 1e6)
    print(f"{'':32} {'requests/s':>10} {'spans/s':>9} {'CPU us/request':>15}")
    for name, measured in figures.items():
        per_s, cpu_us = statistics.median(measured.per_s), min(measured.cpu_us)
        print(f"{name:32} {per_s:10,.0f} {per_s * SPANS_PER_REQUEST:9,.0f} {cpu_us:15,.0f}")


if __name__ == "__main__":
    main()
