"""All connections of the OTLP/HTTP listener: bounded in number, in time, and stopped together."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol

from otel_eventlog_collector.errors import BodyTooLarge, Overloaded
from otel_eventlog_collector.limits import CONNECTIONS_MAX
from otel_eventlog_collector.receiver.http_answer import Answers
from otel_eventlog_collector.receiver.http_request import HttpRequest, SlowBodyError
from otel_eventlog_collector.receiver.intake import Intake

TRANSPORT = "http"
_LOOK_PERIOD_S = 0.5
"""How often the time limits are looked at: one timer for all, none for each request."""


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

    def check_room(self, connection: Connection) -> None:
        """Raise TooManyConnectionsError for a connection over the limit."""
        if self._open.get(connection, True):
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
        signal = request.signal or "none"
        metrics = self.intake.metrics
        metrics.count("eventlog_requests_total", transport=TRANSPORT, signal=signal, code=code)
        metrics.observe(
            "eventlog_request_seconds",
            self.loop.time() - request.begun_s,
            transport=TRANSPORT,
            signal=signal,
        )

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
        if self._open:
            self._closed.clear()
            try:
                async with asyncio.timeout(grace_s):
                    await self._closed.wait()
            except TimeoutError:
                pass
        for task in self._tasks:
            task.cancel()
        for connection in tuple(self._open):
            connection.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def _look_at_the_clock(self) -> None:
        now_s = self.loop.time()
        for connection in tuple(self._open):
            connection.look_at_the_clock(now_s)
        self._look = None
        if self._open:
            self._look = self.loop.call_later(_LOOK_PERIOD_S, self._look_at_the_clock)
