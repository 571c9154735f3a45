"""The collector as a whole: the only module that names concrete classes. Build, start, stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import ssl
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import asdict, replace
from functools import partial
from importlib.metadata import version
from typing import Any, TypeAlias

from otel_eventlog.mapping import Mapper
from otel_eventlog.model import EventLog, Rank
from otel_eventlog.privacy import Privacy
from otel_eventlog.rulefile import load_rule_set
from otel_eventlog_collector.admin.administration import Administration
from otel_eventlog_collector.admin.token_records import keep_token_records
from otel_eventlog_collector.api.access import Access
from otel_eventlog_collector.api.app import create_app
from otel_eventlog_collector.api.context import Context
from otel_eventlog_collector.api.stream import render
from otel_eventlog_collector.asgi_server import AsgiServer
from otel_eventlog_collector.config import Address, Settings
from otel_eventlog_collector.door import Door, Verdict
from otel_eventlog_collector.errors import Forbidden, Overloaded, Unauthorized
from otel_eventlog_collector.event_json import rfc3339
from otel_eventlog_collector.forward import TraceForwarder
from otel_eventlog_collector.freshness import WINDOW_S, Freshness
from otel_eventlog_collector.gauges import connect_gauges, note_purge, read_store
from otel_eventlog_collector.hash_keys import hash_keys
from otel_eventlog_collector.insight.collector_status import STORED, counters_json, purge_json
from otel_eventlog_collector.insight.rejection_view import rejection_json
from otel_eventlog_collector.insight.views import Views, store_figures
from otel_eventlog_collector.metrics import Metrics
from otel_eventlog_collector.otlp.encode import Encoding, Signal
from otel_eventlog_collector.otlp.traces import TraceDecoder
from otel_eventlog_collector.pipeline import Pipeline
from otel_eventlog_collector.process import prepare_process
from otel_eventlog_collector.protocols import Clock, PurgeReport, Store
from otel_eventlog_collector.rates import Rate, keep_looking
from otel_eventlog_collector.readiness import Readiness
from otel_eventlog_collector.receiver.grpc import GrpcReceiver
from otel_eventlog_collector.receiver.http import HttpReceiver
from otel_eventlog_collector.receiver.intake import Authorize, Intake
from otel_eventlog_collector.retention import keep_retention
from otel_eventlog_collector.store import open_store
from otel_eventlog_collector.tail import Tail
from otel_eventlog_collector.tls import Certificates
from otel_eventlog_collector.tokens import Scope, TokenFile

GRACE_S = 5.0
"""How long requests may take to end when the collector stops."""

Announce: TypeAlias = Callable[[str], None]
_log = logging.getLogger(__name__)


def open_for_writing(settings: Settings, clock: Clock = time.time_ns) -> Store:
    """Open the store of these settings.

    Raises:
        ConfigError: it is not ours, or another process writes to it.

    """
    return open_store(
        settings.store or settings.data,
        clock=clock,
        retention_ns=settings.retention.ns,
        size_bytes_max=settings.max_size.bytes if settings.max_size else None,
    )


class Service:
    """One collector: a store, what feeds it, and what reads it."""

    def __init__(self, settings: Settings, clock: Clock = time.time_ns) -> None:
        """Open the store and put the parts together; nothing listens yet.

        Raises:
            ConfigError: the store cannot be opened.
            RuleError: a rule file is wrong.

        """
        self._settings = settings
        self._clock = clock
        self._started_s = time.monotonic()
        self.metrics = Metrics()
        mapper = _mapper(settings)
        self._tokens = TokenFile(settings.token_file) if settings.token_file else None
        door = Door(self._tokens) if self._tokens else None
        self._store = open_for_writing(settings, clock)
        self._tail = Tail(self._store, render)
        self._freshness = Freshness()
        self._pipeline = Pipeline(
            mapper, self._store, clock, self._tail.wake, self.metrics, self._freshness
        )
        to = settings.forward_traces_to
        self._forwarder = TraceForwarder(to, self.metrics) if to else None
        self._readiness = Readiness(self._tell_readiness)
        self._intake = Intake(
            self._pipeline,
            self.metrics,
            authorize=_authorize_with(door) if door else None,
            traces=TraceDecoder(mapper),
            on_accepted=self._forward if self._forwarder else None,
            readiness=self._readiness,
        )
        self._context = self._make_context(mapper, door)
        connect_gauges(
            self.metrics,
            intake=self._intake,
            pipeline=self._pipeline,
            tail=self._tail,
            is_ready=self._context.is_ready,
        )
        for_senders = Certificates(settings.tls_files) if settings.tls_files else None
        self._otlp_http = HttpReceiver(
            self._intake,
            settings.otlp_http.host,
            settings.otlp_http.port,
            tls=for_senders.context() if for_senders else None,
        )
        self._otlp_grpc = GrpcReceiver(
            self._intake,
            settings.otlp_grpc.host,
            settings.otlp_grpc.port,
            certificates=for_senders,
        )
        self._http = AsgiServer(
            create_app(self._context),
            settings.http.host,
            settings.http.port,
            name="http",
            tls=_people_context(settings),
        )
        self._is_running = False
        self._telling: set[asyncio.Task[None]] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._last_purge: PurgeReport | None = None
        self._purged_unix_nano = 0
        self._stored = Rate(lambda: self.metrics.total(STORED))
        self.listeners: dict[str, str] = {}

    def _make_context(self, mapper: Mapper, door: Door | None) -> Context:
        settings, store, clock = self._settings, self._store, self._clock
        return Context(
            views=Views(store, clock, settings.trace_url, settings.no_outcome_after.ns),
            tail=self._tail,
            metrics=self.metrics,
            status=self.status,
            is_ready=lambda: self.is_ready,
            access=_access(settings, door),
            read_gauges=partial(read_store, self.metrics, store, clock),
            administration=_administration(
                settings, store, mapper, clock, on_change=self._tail.wake
            ),
            rejected=self._rejected,
        )

    async def start(self) -> None:
        """Listen. When this returns every listener takes requests; `listeners` says where.

        Raises:
            ConfigError: an address cannot be bound; what was started is still to be stopped.

        """
        if self._forwarder:
            self._forwarder.start()
        self._keep(keep_retention(self._store, on_report=self._on_purge))
        if self._tokens:
            self._keep(keep_token_records(self._tokens, self._write, self._oldest_unix_nano))
        self._keep(keep_looking(self._stored))
        scheme = "https" if self._settings.tls_files else "http"
        otlp_http = Address(*await self._otlp_http.start())
        self.listeners["otlp-http"] = f"{scheme}://{otlp_http}"
        self.listeners["otlp-grpc"] = str(Address(*await self._otlp_grpc.start()))
        self.listeners["http"] = f"{scheme}://{Address(*await self._http.start())}"
        self._store.announce(self.listeners)
        self._is_running = True

    async def stop(self) -> None:
        """Take nothing more, finish what was taken, close the store."""
        self._is_running = False
        self._readiness.close()
        for task in self._tasks:
            task.cancel()
        self._tail.close()
        await asyncio.gather(
            self._otlp_http.stop(GRACE_S), self._otlp_grpc.stop(GRACE_S), self._http.stop(GRACE_S)
        )
        await self._pipeline.drain()
        if self._forwarder:
            await self._forwarder.stop(GRACE_S)
        self._intake.close()
        self._context.close()
        await asyncio.to_thread(self._store.close)

    @property
    def is_ready(self) -> bool:
        """Whether event logs are taken, and the last commits succeeded."""
        return self._is_running and self._readiness.is_ready

    def status(self) -> dict[str, Any]:
        """Return the answer to `GET /api/v1/status`; blocks on the store."""
        settings, metrics = self._settings, self.metrics
        return {
            "ok": True,
            "version": version("otel-eventlog-collector"),
            "ready": self.is_ready,
            "now": rfc3339(self._clock()),
            "uptime_s": round(time.monotonic() - self._started_s, 3),
            "listeners": dict(self.listeners),
            "store": store_figures(self._store.status()),
            "ingest": {
                "per_s": round(self._stored.per_second(), 3),
                "per_minute": self._stored.per_minute(),
            },
            **counters_json(metrics),
            "last_purge": purge_json(self._last_purge, self._purged_unix_nano),
            "size_bytes_max": settings.max_size.bytes if settings.max_size else None,
            "destinations": [self._forwarder.status()] if self._forwarder else [],
            "tokens_required": settings.token_file is not None,
            "freshness": self._lag(),
            "watchers": self._tail.watchers,
            "trace_url": settings.trace_url or None,
            "no_outcome_after_ns": settings.no_outcome_after.ns,
        }

    def _lag(self) -> dict[str, Any] | None:
        lag = self._freshness.lag(self._clock())
        return None if lag is None else {**asdict(lag), "window_s": WINDOW_S}

    def _rejected(self) -> list[dict[str, Any]]:
        return [rejection_json(each) for each in self._intake.rejections.recent()]

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(work))

    def _write(self, events: Sequence[EventLog]) -> None:
        self._store.write(events).result()
        self._tail.wake()

    def _oldest_unix_nano(self) -> int:
        return self._clock() - self._settings.retention.ns

    def _forward(self, kind: Signal, body: bytes, encoding: Encoding) -> None:
        if self._forwarder and kind is Signal.TRACES:
            self._forwarder.offer(body, encoding.value)

    def _tell_readiness(self, is_ready: bool) -> None:  # noqa: FBT001 - a callback's one argument
        if is_ready:
            _log.info("ready again: event logs can be committed, or are about to be tried")
        else:
            _log.warning("not ready: the last commit failed; senders are told to retry")
        task = asyncio.create_task(self._otlp_grpc.set_serving(serving=is_ready))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    def _on_purge(self, report: PurgeReport) -> None:
        self._last_purge = report
        self._purged_unix_nano = self._clock()
        note_purge(self.metrics, report, self._clock)


def run_service(settings: Settings, *, announce: Announce) -> None:
    """Run a collector until SIGTERM or SIGINT, then stop it orderly.

    Args:
        settings: what it is told.
        announce: takes a line for each listener, then `ready`.

    Raises:
        ConfigError, RuleError: it cannot start.

    """
    prepare_process()
    asyncio.run(_run(Service(settings), announce))


async def _run(service: Service, announce: Announce) -> None:
    asked_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, partial(_on_signal, number, asked_to_stop))
    try:
        await service.start()
        for name, address in service.listeners.items():
            announce(f"listening {name} {address}")
        announce("ready")
        await asked_to_stop.wait()
        _log.info("stopping")
    finally:
        await service.stop()


def _on_signal(number: int, asked_to_stop: asyncio.Event) -> None:
    if asked_to_stop.is_set():
        # Asked twice: whoever it is does not want to wait. What was answered is on disk.
        os._exit(128 + number)
    asked_to_stop.set()


def _mapper(settings: Settings) -> Mapper:
    rules = load_rule_set(
        settings.rules, settings.pack, default_packs=not settings.no_default_packs
    )
    return Mapper(rules, _privacy(settings), Rank.DERIVED)


def _privacy(settings: Settings) -> Privacy:
    keys = hash_keys(settings.hash_key_file)
    return Privacy(
        keys[0] if keys else None, settings.hash_client_address, settings.hash_identifiers
    )


def _people_context(settings: Settings) -> ssl.SSLContext | None:
    """Return what the people's listener speaks TLS with: no client certificates, but tokens."""
    files = settings.tls_files
    return Certificates(replace(files, client_ca=None)).context() if files else None


def _access(settings: Settings, door: Door | None) -> Access:
    names = {*settings.allowed_host, settings.http.host}
    if not settings.http.is_loopback:
        names |= {socket.gethostname(), socket.getfqdn()}
    return Access(
        hosts=frozenset(name.lower().rstrip(".") for name in names),
        any_address=not settings.http.is_loopback,
        door=door,
    )


def _authorize_with(door: Door) -> Authorize:
    def authorize(header: str | None, peer: str) -> None:
        verdict = door.judge(header, Scope.INGEST, peer).verdict
        if verdict is Verdict.UNKNOWN:
            raise Unauthorized(
                "a token is needed",
                hint="send `Authorization: Bearer TOKEN` with a token of scope ingest",
            )
        if verdict is Verdict.LACKS_SCOPE:
            raise Forbidden("this token lacks the scope ingest", hint="use one that has it")
        if verdict is Verdict.THROTTLED:
            raise Overloaded(
                "too many wrong tokens came from this address", hint="send the right one"
            )

    return authorize


def open_administration(
    settings: Settings, clock: Clock = time.time_ns
) -> tuple[Administration, Store]:
    """Open a store that no collector serves, for the deeds of the command line.

    Raises:
        ConfigError: it is not ours, or another process writes to it.
        RuleError: a rule file is wrong.

    """
    mapper = _mapper(settings)
    store = open_for_writing(settings, clock)
    return _administration(settings, store, mapper, clock), store


def _administration(
    settings: Settings,
    store: Store,
    mapper: Mapper,
    clock: Clock,
    on_change: Callable[[], None] = lambda: None,
) -> Administration:
    return Administration(
        writer=store,
        erase_user=store.erase_user,
        purge_store=lambda force: store.purge(force=force),
        mapper=mapper,
        clock=clock,
        former_keys=hash_keys(settings.hash_key_file)[1:],
        on_change=on_change,
    )
