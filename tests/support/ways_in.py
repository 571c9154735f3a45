"""Real servers, and every way of switching event logs on in the applications they run.

`visit` runs one application under one server, sends it real requests, ends it with a signal, and
returns everything that was seen: answers, event logs, exported spans.
"""

from __future__ import annotations

import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import httpx
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_eventlog.model import EventLog
from tests.support.otlp_sink import OtlpSink
from tests.support.processes import BIN, free_port, plain_environment, running

APPS = Path(__file__).parents[1] / "e2e" / "apps" / "ways"
INSTRUMENT = BIN / "opentelemetry-instrument"
DEADLINE_S = 60.0

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
SAMPLED = {"traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-01"}
UNSAMPLED = {"traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-00"}
RIGHT = {"user": "ada", "password": "correct horse"}
WRONG = {"user": "ada", "password": "hunter2"}

Command = list[str | Path]


@dataclass(frozen=True)
class Server:
    """A program that serves one of our applications.

    Attributes:
        name: for people.
        framework: `flask` or `fastapi`.
        command: port and module → command line.
        workers: how many processes answer.
        ends_properly_on: signals after which its workers run their exit functions.

    """

    name: str
    framework: str
    command: Callable[[int, str], Command]
    workers: int = 1
    ends_properly_on: tuple[signal.Signals, ...] = ()


def _python(_port: int, module: str) -> Command:
    return [sys.executable, APPS / f"{module}.py"]


def gunicorn(*options: str) -> Callable[[int, str], Command]:
    """Return how gunicorn is started with some options."""

    def command(port: int, module: str) -> Command:
        bind = ["--bind", f"127.0.0.1:{port}", "--no-control-socket"]
        return [BIN / "gunicorn", *bind, *options, f"{module}:app"]

    return command


def uvicorn(*options: str) -> Callable[[int, str], Command]:
    """Return how uvicorn is started with some options."""

    def command(port: int, module: str) -> Command:
        quiet = ["--port", str(port), "--log-level", "warning"]
        return [BIN / "uvicorn", *quiet, *options, f"{module}:app"]

    return command


_BOTH = (signal.SIGTERM, signal.SIGINT)
# This worker is deaf to what gunicorn sends on SIGINT, and is killed when its time is over.
_UVICORN_WORKER = (
    *("--worker-class", "uvicorn.workers.UvicornWorker"),
    *("--workers", "2", "--graceful-timeout", "1"),
)
# On a busy machine a worker takes longer than 5 s to start, and would be killed for it.
_PATIENT = ("--timeout-worker-healthcheck", "60")

SERVERS = {
    server.name: server
    for server in (
        Server("python", "flask", _python, 1, (signal.SIGINT,)),
        Server("gunicorn", "flask", gunicorn("--workers", "2"), 2, _BOTH),
        Server("gunicorn-preload", "flask", gunicorn("--workers", "2", "--preload"), 2, _BOTH),
        Server("threads", "flask", gunicorn("--threads", "4"), 1, _BOTH),
        Server("threads-preload", "flask", gunicorn("--threads", "4", "--preload"), 1, _BOTH),
        Server("uvicorn-worker", "fastapi", gunicorn(*_UVICORN_WORKER), 2),
        Server("uvicorn", "fastapi", uvicorn(), 1, (signal.SIGINT,)),
        Server("uvicorn-workers", "fastapi", uvicorn(*_PATIENT, "--workers", "2"), 2),
    )
}


@dataclass(frozen=True)
class Way:
    """A way of switching event logs on, or of not doing so.

    Attributes:
        name: for people.
        module: which application, without `_FRAMEWORK`.
        is_instrumented: whether `opentelemetry-instrument` runs the server.
        has_endpoint: whether OTEL_EVENTLOG_ENDPOINT is set.
        file: a declarative configuration file in `apps/ways`.
        ends_with: the signal that ends it.

    """

    name: str
    module: str = "shop"
    is_instrumented: bool = True
    has_endpoint: bool = True
    file: str | None = None
    ends_with: signal.Signals = signal.SIGTERM

    def command(self, server: Server, port: int) -> Command:
        """Return the command line."""
        command = server.command(port, f"{self.module}_{server.framework}")
        return [INSTRUMENT, *command] if self.is_instrumented else command

    def environment(self, port: int, traces: str, collector: str) -> dict[str, str]:
        """Return the environment, complete."""
        ours = {"OTEL_EVENTLOG_ENDPOINT": collector} if self.has_endpoint else {}
        shared = plain_environment(
            PORT=str(port),
            PYTHONPATH=str(APPS),
            # Of the applications started by hand, which take the rest from the environment too.
            OTEL_EXPORTER_OTLP_ENDPOINT=traces,
            OTEL_BSP_SCHEDULE_DELAY="100",
        )
        if self.file is not None:
            file = {"OTEL_CONFIG_FILE": str(APPS / self.file), "TRACES_URL": traces}
            return shared | file | {"EVENTLOG_URL": collector} | ours
        return (
            shared
            | ours
            | {
                "OTEL_SERVICE_NAME": "shop",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
                "OTEL_METRICS_EXPORTER": "none",
                "OTEL_LOGS_EXPORTER": "none",
                "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
                "OTEL_TRACES_SAMPLER_ARG": "0",
            }
        )


WAYS = {
    way.name: way
    for way in (
        Way("env"),
        Way("install", "install", is_instrumented=False, ends_with=signal.SIGINT),
        Way("own-provider", "own", ends_with=signal.SIGINT),
        Way("file", has_endpoint=False, file="eventlog.yaml", ends_with=signal.SIGINT),
        Way("file-and-env", file="otel.yaml"),
        Way("again", "again"),
    )
}
"""Every way that switches event logs on."""

WITHOUT_US = Way("without-us", has_endpoint=False)


@dataclass(frozen=True)
class Answer:
    """What one login was answered."""

    status: int
    request_id: str | None
    pid: int | None


@dataclass
class Visit:
    """One application's life, as seen from outside."""

    answers: list[Answer] = field(default_factory=list)
    """Of the logins, in order; the first one was held at the gate."""
    live: list[EventLog] = field(default_factory=list)
    """What the collector had while the first login was running."""
    events: list[EventLog] = field(default_factory=list)
    """What it had when the process was told to end, just after the last login."""
    all_events: list[EventLog] = field(default_factory=list)
    """What it had when the process was gone."""
    spans: list[Span] = field(default_factory=list)
    """What the ordinary exporter sent."""
    last_answer: Answer | None = None
    """Of the login just before the end."""
    exit_code: int | None = None
    output: str = ""


class Gate:
    """Where the handlers of some logins wait until the test lets them go on."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(DEADLINE_S)
        self.port: int = self._socket.getsockname()[1]

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Enter when a handler waits; leave lets it go on."""
        connection, _ = self._socket.accept()
        with connection:
            yield

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


class Visitor:
    """Sends requests to one application, each on a connection of its own.

    The server closes it: gunicorn's threaded worker can lock itself out for good when a signal
    comes just as it notices that a client has gone.
    """

    def __init__(self, port: int) -> None:
        self._base = f"http://127.0.0.1:{port}"
        self._headers = {"Connection": "close"}

    def login(self, form: dict[str, object], **headers: str) -> Answer:
        """Send one login."""
        answer = httpx.post(
            f"{self._base}/login", json=form, headers=self._headers | headers, timeout=DEADLINE_S
        )
        assert answer.status_code in (200, 401), answer.text
        ids = answer.headers.get_list("X-EventLog-Request-Id")
        assert len(ids) <= 1
        return Answer(answer.status_code, ids[0] if ids else None, answer.json().get("pid"))

    def news(self, **headers: str) -> None:
        """Read the news."""
        answer = httpx.get(
            f"{self._base}/news", headers=self._headers | headers, timeout=DEADLINE_S
        )
        assert answer.status_code == 200, answer.text
        assert "X-EventLog-Request-Id" not in answer.headers

    def keep_busy(self) -> None:
        """Hold one worker at the gate, so that it can answer nobody else."""
        assert httpx.get(f"{self._base}/busy", timeout=DEADLINE_S).status_code == 200


LONG_ID = "x" * 5_000
HELD, SEEN_BY_JAEGER, HIDDEN, TOO_LONG, NOT_AN_ID = range(5)
"""Which of the logins in `Visit.answers` is which."""
EXPORTED_REQUESTS = 2
"""How many of the requests their caller wants sampled."""


def visit(server: Server, way: Way) -> Visit:
    """Run an application of `apps/ways` and return what was seen of it."""
    port, seen = free_port(), Visit()
    with (
        OtlpSink() as traces,
        OtlpSink() as collector,
        Gate() as gate,
        tempfile.TemporaryFile() as output,
    ):
        environment = way.environment(port, traces.url, collector.url) | {"GATE": str(gate.port)}
        command = way.command(server, port)
        with running(command, port, environment, end_with=way.ends_with, output=output) as process:
            visitor = Visitor(port)
            _send(visitor, gate, collector, seen, is_on=way is not WITHOUT_US)
            if way is not WITHOUT_US:
                _meet_every_worker(visitor, gate, server.workers, seen)
                collector.wait_for_events(2 * len(seen.answers), DEADLINE_S)
            traces.wait_for_spans(_are_all_exported, DEADLINE_S)
            seen.last_answer = visitor.login(RIGHT)
            process.send_signal(way.ends_with)
            seen.events = list(collector.events)
            process.wait(DEADLINE_S)
        seen.exit_code = process.returncode
        seen.all_events, seen.spans = list(collector.events), list(traces.spans)
        output.seek(0)
        seen.output = output.read().decode(errors="replace")
    return seen


def _send(visitor: Visitor, gate: Gate, collector: OtlpSink, seen: Visit, *, is_on: bool) -> None:
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(visitor.login, RIGHT | {"wait": True}, **{"X-Request-Id": "held-1"})
        with gate.holding():
            if is_on:
                seen.live = collector.wait_for_events(1, DEADLINE_S)
        seen.answers.append(held.result(DEADLINE_S))
    seen.answers.append(visitor.login(WRONG, **SAMPLED, **{"X-Correlation-Id": "seen-1"}))
    seen.answers.append(visitor.login(WRONG, **UNSAMPLED))
    seen.answers.append(visitor.login(RIGHT, **{"X-Request-Id": LONG_ID}))
    seen.answers.append(visitor.login(RIGHT, **{"X-Request-Id": "<script>alert(1)</script>"}))
    visitor.news(**SAMPLED)
    visitor.news()


def _meet_every_worker(visitor: Visitor, gate: Gate, workers: int, seen: Visit) -> None:
    """Log in until every worker has answered; while one is kept busy, another one has to."""
    deadline = time.monotonic() + DEADLINE_S
    while len({answer.pid for answer in seen.answers if answer.pid}) < workers:
        assert time.monotonic() < deadline, "one worker gets every request"
        with ThreadPoolExecutor(1) as pool:
            busy = pool.submit(visitor.keep_busy)
            with gate.holding():
                seen.answers.append(visitor.login(RIGHT))
            busy.result(DEADLINE_S)
        seen.answers.append(visitor.login(RIGHT))


def _are_all_exported(spans: list[Span]) -> bool:
    servers = [span for span in spans if span.kind == Span.SPAN_KIND_SERVER]
    return len(servers) >= EXPORTED_REQUESTS


class Visits:
    """Remembers what was seen, two processes at a time: there are many, and they are slow."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[str, Future[Visit]]] = {}

    def of(self, server: Server, way: Way) -> Visit:
        """Return a visit of one way under one server; all of a server's are made at once."""
        if server.name not in self._seen:
            ways = [WITHOUT_US, *WAYS.values()]
            with ThreadPoolExecutor(2) as pool:
                self._seen[server.name] = {
                    one.name: pool.submit(visit, server, one) for one in ways
                }
        return self._seen[server.name][way.name].result()
