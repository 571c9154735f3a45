"""The collector as a whole: the only module that names concrete classes. Build, start, stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import Any, TypeAlias

from otel_eventlog.mapping import Mapper
from otel_eventlog.model import Rank
from otel_eventlog.privacy import Privacy
from otel_eventlog.rulefile import load_rule_set
from otel_eventlog_collector.api.access import Access
from otel_eventlog_collector.api.app import create_app
from otel_eventlog_collector.api.context import Context
from otel_eventlog_collector.asgi_server import AsgiServer
from otel_eventlog_collector.config import Address, Settings
from otel_eventlog_collector.errors import Forbidden, Unauthorized
from otel_eventlog_collector.event_json import rfc3339
from otel_eventlog_collector.forward import TraceForwarder
from otel_eventlog_collector.gauges import connect_gauges, note_purge, read_store
from otel_eventlog_collector.hash_keys import hash_keys
from otel_eventlog_collector.insight.views import Views, store_figures
from otel_eventlog_collector.metrics import Metrics
from otel_eventlog_collector.otlp.encode import Encoding, Signal
from otel_eventlog_collector.otlp.traces import TraceDecoder
from otel_eventlog_collector.pipeline import Pipeline
from otel_eventlog_collector.protocols import Clock, PurgeReport, Store
from otel_eventlog_collector.receiver.grpc import GrpcReceiver
from otel_eventlog_collector.receiver.http import OtlpHttpApp
from otel_eventlog_collector.receiver.intake import Authorize, Intake
from otel_eventlog_collector.retention import keep_retention
from otel_eventlog_collector.store import open_store
from otel_eventlog_collector.tail import Tail
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
        rules = load_rule_set(
            settings.rules, settings.pack, default_packs=not settings.no_default_packs
        )
        mapper = Mapper(rules, _privacy(settings), Rank.DERIVED)
        tokens = TokenFile(settings.token_file) if settings.token_file else None
        self._store = open_for_writing(settings, clock)
        self._tail = Tail(self._store)
        self._pipeline = Pipeline(mapper, self._store, clock, self._tail.wake, self.metrics)
        self._forwarder = (
            TraceForwarder(settings.forward_traces_to, self.metrics)
            if settings.forward_traces_to
            else None
        )
        self._intake = Intake(
            self._pipeline,
            self.metrics,
            authorize=_authorize_with(tokens) if tokens else None,
            traces=TraceDecoder(mapper),
            on_accepted=self._forward if self._forwarder else None,
        )
        self._context = Context(
            views=Views(self._store, clock, settings.trace_url, settings.no_outcome_after.ns),
            tail=self._tail,
            metrics=self.metrics,
            status=self.status,
            is_ready=lambda: self._is_ready,
            access=_access(settings, tokens),
            read_gauges=partial(read_store, self.metrics, self._store, clock),
        )
        connect_gauges(
            self.metrics,
            intake=self._intake,
            pipeline=self._pipeline,
            tail=self._tail,
            is_ready=self._context.is_ready,
        )
        self._otlp_http = AsgiServer(
            OtlpHttpApp(self._intake),
            settings.otlp_http.host,
            settings.otlp_http.port,
            name="otlp-http",
        )
        self._otlp_grpc = GrpcReceiver(
            self._intake, settings.otlp_grpc.host, settings.otlp_grpc.port
        )
        self._http = AsgiServer(
            create_app(self._context), settings.http.host, settings.http.port, name="http"
        )
        self._is_ready = False
        self._retention: asyncio.Task[None] | None = None
        self._last_purge = PurgeReport()
        self.listeners: dict[str, str] = {}

    async def start(self) -> None:
        """Listen. When this returns every listener takes requests; `listeners` says where.

        Raises:
            ConfigError: an address cannot be bound; what was started is still to be stopped.

        """
        if self._forwarder:
            self._forwarder.start()
        self._retention = asyncio.create_task(keep_retention(self._store, on_report=self._on_purge))
        otlp_http = Address(*await self._otlp_http.start())
        self.listeners["otlp-http"] = f"http://{otlp_http}"
        self.listeners["otlp-grpc"] = str(Address(*await self._otlp_grpc.start()))
        self.listeners["http"] = f"http://{Address(*await self._http.start())}"
        self._store.announce(self.listeners)
        self._is_ready = True

    async def stop(self) -> None:
        """Take nothing more, finish what was taken, close the store."""
        self._is_ready = False
        if self._retention:
            self._retention.cancel()
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

    def status(self) -> dict[str, Any]:
        """Return the answer to `GET /api/v1/status`; blocks on the store."""
        settings, metrics = self._settings, self.metrics
        return {
            "ok": True,
            "version": version("otel-eventlog-collector"),
            "ready": self._is_ready,
            "now": rfc3339(self._clock()),
            "uptime_s": round(time.monotonic() - self._started_s, 3),
            "listeners": dict(self.listeners),
            "store": store_figures(self._store.status()),
            "purge_refused": self._last_purge.refused or None,
            "events": {
                name: int(metrics.total(f"eventlog_events_{name}_total"))
                for name in ("stored", "replaced", "duplicate", "conflicting", "rejected")
            },
            "watchers": self._tail.watchers,
            "trace_url": settings.trace_url or None,
            "no_outcome_after_ns": settings.no_outcome_after.ns,
        }

    def _forward(self, kind: Signal, body: bytes, encoding: Encoding) -> None:
        if self._forwarder and kind is Signal.TRACES:
            self._forwarder.offer(body, encoding.value)

    def _on_purge(self, report: PurgeReport) -> None:
        self._last_purge = report
        note_purge(self.metrics, report, self._clock)


def run_service(settings: Settings, *, announce: Announce) -> None:
    """Run a collector until SIGTERM or SIGINT, then stop it orderly.

    Args:
        settings: what it is told.
        announce: takes a line for each listener, then `ready`.

    Raises:
        ConfigError, RuleError: it cannot start.

    """
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


def _privacy(settings: Settings) -> Privacy:
    keys = hash_keys(settings.hash_key_file)
    return Privacy(
        keys[0] if keys else None, settings.hash_client_address, settings.hash_identifiers
    )


def _access(settings: Settings, tokens: TokenFile | None) -> Access:
    names = {*settings.allowed_host, settings.http.host}
    if not settings.http.is_loopback:
        names |= {socket.gethostname(), socket.getfqdn()}
    return Access(
        hosts=frozenset(name.lower().rstrip(".") for name in names),
        any_address=not settings.http.is_loopback,
        tokens=tokens,
    )


def _authorize_with(tokens: TokenFile) -> Authorize:
    def authorize(header: str | None, peer: str) -> None:  # noqa: ARG001 - the receivers' interface
        allowed = tokens.allows(header, Scope.INGEST)
        if allowed is None:
            raise Unauthorized(
                "a token is needed",
                hint="send `Authorization: Bearer TOKEN` with a token of scope ingest",
            )
        if not allowed:
            raise Forbidden("this token lacks the scope ingest", hint="use one that has it")

    return authorize
