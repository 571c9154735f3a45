"""All connections of the OTLP/HTTP listener: bounded in number, in time, and stopped together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Protocol, TypeAlias

from otel_eventlog_collector.errors import BodyTooLarge, Overloaded
from otel_eventlog_collector.limits import CONNECTIONS_MAX
from otel_eventlog_collector.otlp.encode import Signal
from otel_eventlog_collector.receiver.http_answer import Answers
from otel_eventlog_collector.receiver.http_request import HttpRequest, SlowBodyError
from otel_eventlog_collector.receiver.intake import Intake

Counter: TypeAlias = Callable[[float], None]

TRANSPORT = "http"
_LOOK_PERIOD_S = 0.5
"""How often the time limits are looked at: one timer for all, none for each request."""
_ABORT_S_MAX = 1.0


class TooManyConnectionsError(Overloaded):
    """The listener has as many connections as it may have."""

    http_status = 503


class Connection(Protocol):
    """What the listener asks of a connection."""

    def look_at_the_clock(self, now_s: float) -> None:
        """End what has taken too long."""

    def finish(self) -> None:
        """Take no further request; close after the last answer."""

    def abort(self) -> None:
        """Close now."""


class Connections:
    """What the connections of one listener have in common.

    Args:
        intake: what requests are given to.
        connections_max: open connections; further ones are told 503 and closed.

    """

    def __init__(self, intake: Intake, connections_max: int = CONNECTIONS_MAX) -> None:
        """Start without a connection, inside the running loop."""
        self.intake = intake
        self.loop = asyncio.get_running_loop()
        self.answers = Answers()
        self._connections_max = connections_max
        self._open: dict[Connection, bool] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._counters: dict[tuple[Signal | None, int], tuple[Counter, Counter]] = {}
        self.count_bytes = intake.metrics.counter(
            "eventlog_received_bytes_total", transport=TRANSPORT
        )
        self._look: asyncio.TimerHandle | None = None
        self._closed = asyncio.Event()

    def opened(self, connection: Connection) -> None:
        """Take note of a connection; one far beyond the limit is closed at once."""
        surplus = len(self._open) >= self._connections_max
        if surplus:
            self.intake.metrics.count("eventlog_limits_hit_total", limit="connections")
        self._open[connection] = surplus
        if len(self._open) > 2 * self._connections_max:
            connection.abort()
        if self._look is None:
            self._look = self.loop.call_later(_LOOK_PERIOD_S, self._look_at_the_clock)

    def closed(self, connection: Connection) -> None:
        """Forget a connection."""
        del self._open[connection]
        if not self._open:
            self._closed.set()

    def check_room(self, connection: Connection, request: HttpRequest) -> None:
        """Let a connection over the limit be closed after one answer.

        Raises:
            TooManyConnectionsError: it is over the limit.

        """
        if self._open.get(connection, True):
            request.closes = True
            raise TooManyConnectionsError(
                f"{self._connections_max} connections are open",
                hint="retry after a second; keep connections open and share them",
            )

    def task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run what answers a request; `stop` waits for it."""
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def count(self, request: HttpRequest, code: int) -> None:
        """Count an answer by its status, and how long it took."""
        key = request.signal, code
        counters = self._counters.get(key)
        if counters is None:
            labels = {"transport": TRANSPORT, "signal": request.signal or "none"}
            counters = self._counters[key] = (
                self.intake.metrics.counter("eventlog_requests_total", code=code, **labels),
                self.intake.metrics.counter("eventlog_request_seconds", **labels),
            )
        counters[0](1)
        counters[1](self.loop.time() - request.begun_s)

    def count_limit(self, error: Exception) -> None:
        """Count a limit that no other part counts."""
        if isinstance(error, BodyTooLarge):
            self.intake.metrics.count("eventlog_limits_hit_total", limit="size")
        elif isinstance(error, SlowBodyError):
            self.intake.metrics.count("eventlog_limits_hit_total", limit="body_time")

    async def stop(self, grace_s: float) -> None:
        """Let requests end for `grace_s` seconds, then cancel them and close everything."""
        for connection in tuple(self._open):
            connection.finish()
        await self._all_closed(grace_s)
        for task in self._tasks:
            task.cancel()
        for connection in tuple(self._open):
            connection.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._all_closed(_ABORT_S_MAX)
        if self._look is not None:
            self._look.cancel()
            self._look = None

    async def _all_closed(self, within_s: float) -> None:
        if self._open:
            self._closed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await self._closed.wait()

    def _look_at_the_clock(self) -> None:
        now_s = self.loop.time()
        for connection in tuple(self._open):
            connection.look_at_the_clock(now_s)
        self._look = None
        if self._open:
            self._look = self.loop.call_later(_LOOK_PERIOD_S, self._look_at_the_clock)
