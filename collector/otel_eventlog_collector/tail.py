"""The live tail: watchers read the store after their position, woken by commits.

No queue belongs to a watcher: one that reads slowly has only its position, so a thousand of them
cost no memory, and one that comes back goes on where it stopped.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

from otel_eventlog_collector.errors import Overloaded
from otel_eventlog_collector.protocols import EventReader
from otel_eventlog_collector.query import EventQuery, TailBatch

WATCHERS_MAX = 1000
"""Most watchers at a time; one more is told to come back."""
BATCH_EVENTS_MAX = 500
"""Most event logs of one reading."""
READERS_MAX = 2
"""Threads that read for all watchers, so that they never take those of queries."""
POLL_S = 1.0
"""A watcher looks this often without being woken: another process may be writing."""
PAUSE_S = 0.1
"""Least time between two readings of a watcher that has caught up; commits may be many a second."""


class Tail:
    """Wakes watchers after commits. `wake` and `close` may be called from any thread."""

    def __init__(self, reader: EventReader, *, poll_s: float = POLL_S) -> None:
        self._reader = reader
        self._poll_s = poll_s
        self._pool = ThreadPoolExecutor(READERS_MAX, thread_name_prefix="eventlog-tail")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()
        self._closed = False
        self.watchers = 0
        """How many watch at this moment."""

    def wake(self) -> None:
        """Tell the watchers that something was committed."""
        loop = self._loop
        # Before the first watcher there is no loop to wake, after the last one it may be closed.
        if loop is not None and self.watchers:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def close(self) -> None:
        """End every watcher's iteration."""
        self._closed = True
        self.wake()
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def position(self) -> str:
        """Return the position after everything committed so far."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self._reader.position)

    def check_room(self) -> None:
        """Raise Overloaded if WATCHERS_MAX are watching already."""
        if self.watchers >= WATCHERS_MAX:
            raise Overloaded(
                f"{WATCHERS_MAX} watchers are connected, which is the limit",
                hint="close some, or try again in a second",
            )

    async def follow(self, position: str, query: EventQuery) -> AsyncIterator[TailBatch]:
        """Yield what is committed after a position and passes the query, until `close`.

        An empty batch comes at least every `poll_s`, so that the caller can send a sign of life.

        Raises:
            Overloaded: WATCHERS_MAX are watching already.
            QueryError: the position is none of ours.

        """
        self.check_room()
        self._loop = asyncio.get_running_loop()
        self.watchers += 1
        try:
            while not self._closed:
                changed = self._changed
                batch = await self._read(position, query)
                position = batch.position
                yield batch
                if len(batch.events) < BATCH_EVENTS_MAX:
                    await self._rest(changed)
        finally:
            self.watchers -= 1

    async def _read(self, position: str, query: EventQuery) -> TailBatch:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._pool, self._reader.tail, position, query, BATCH_EVENTS_MAX
        )

    async def _rest(self, changed: asyncio.Event) -> None:
        """Wait for the next commit, at most `poll_s`, at least PAUSE_S."""
        await asyncio.sleep(PAUSE_S)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(changed.wait(), self._poll_s)
