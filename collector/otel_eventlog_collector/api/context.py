"""What the handlers of the API need; made by `service.py`, reached through the application."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from starlette.requests import Request

from otel_eventlog_collector.admin.administration import Administration
from otel_eventlog_collector.admin.record import Actor
from otel_eventlog_collector.api.access import ACTOR, Access
from otel_eventlog_collector.errors import Overloaded
from otel_eventlog_collector.insight.views import Views
from otel_eventlog_collector.metrics import Metrics
from otel_eventlog_collector.tail import Tail

READ_THREADS = 4
"""Queries that run at the same time; more would only fight for the interpreter."""
READS_WAITING_MAX = 64
"""Queries running or waiting; one more is told to come back."""
DEEDS_MAX = 2
"""Erasures, purges and imports at a time; one more is told to come back."""

T = TypeVar("T")


@dataclass(slots=True)
class Context:
    """Everything the handlers use, and the threads in which the store is read.

    Attributes:
        views: answers the questions; blocks.
        tail: live event logs.
        metrics: the collector's own figures.
        status: returns the answer to `/api/v1/status`; blocks.
        is_ready: tells whether event logs are taken at this moment.
        access: who may ask.
        read_gauges: brings the figures of the store up to date; blocks.
        administration: erases, purges and imports; blocks.
        rejected: the records rejected last, newest first.

    """

    views: Views
    tail: Tail
    metrics: Metrics
    status: Callable[[], dict[str, Any]]
    is_ready: Callable[[], bool]
    access: Access
    read_gauges: Callable[[], None]
    administration: Administration
    rejected: Callable[[], Sequence[Mapping[str, Any]]] = tuple
    _pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(READ_THREADS, "eventlog-read")
    )
    _deeds: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(DEEDS_MAX, "eventlog-admin")
    )
    _reading: int = 0
    _doing: int = 0

    async def read(self, question: Callable[..., T], *arguments: object) -> T:
        """Run a blocking question in one of the reading threads.

        Raises:
            Overloaded: READS_WAITING_MAX are running or waiting.

        """
        if self._reading >= READS_WAITING_MAX:
            raise Overloaded(
                f"{READS_WAITING_MAX} queries are running or waiting, which is the limit",
                hint="try again in a second",
            )
        self._reading += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, question, *arguments)
        finally:
            self._reading -= 1

    @contextmanager
    def deed(self) -> Iterator[None]:
        """Have one of the places for erasures, purges and imports until the end of the block.

        Raises:
            Overloaded: DEEDS_MAX are under way.

        """
        if self._doing >= DEEDS_MAX:
            raise Overloaded(
                f"{DEEDS_MAX} erasures, purges or imports are under way, which is the limit",
                hint="try again when one has ended",
            )
        self._doing += 1
        try:
            yield
        finally:
            self._doing -= 1

    async def do(self, part: Callable[..., T], *arguments: object) -> T:
        """Run a blocking part of a deed in a thread that no query waits for."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._deeds, part, *arguments)

    def close(self) -> None:
        """Let the threads go."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._deeds.shutdown(wait=False, cancel_futures=True)


def context_of(request: Request) -> Context:
    """Return the context of the application that handles a request."""
    context: Context = request.app.state.context
    return context


def actor_of(request: Request) -> Actor:
    """Return who asks."""
    actor: Actor = request.scope[ACTOR]
    return actor


def parameters_of(request: Request) -> list[tuple[str, str]]:
    """Return a request's query parameters, repeated ones included, in their order."""
    return list(request.query_params.multi_items())
