"""The live tail: watchers read the store after their position, woken by commits.

No queue belongs to a watcher: one that reads slowly has only its position, so a thousand of them
cost little memory, and one that comes back goes on where it stopped. Watchers that ask the same
from the same position share one reading. What all readings together may take of a processor is
bounded: with many different watchers each one reads less often, and ingest goes on undisturbed.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias

from otel_eventlog_collector.errors import Overloaded
from otel_eventlog_collector.protocols import EventReader
from otel_eventlog_collector.query import EventQuery, TailBatch

WATCHERS_MAX = 1000
"""Most watchers at a time; one more is told to come back."""
BATCH_EVENTS_MAX = 250
"""Most event logs of one reading."""
READERS_MAX = 2
"""Threads that read for all watchers, so that they never take those of queries."""
POLL_S = 1.0
"""A watcher looks this often without being woken: another process may be writing."""
PAUSE_S = 0.1
"""Least time between two readings of a watcher that has caught up; commits may be many a second."""
SHARE_OF_CPU_MAX = 0.2
"""Readings together may take so much of one processor."""
SHARED_MAX = 64
"""Portions kept for watchers that come a moment later."""
SHARED_S_MAX = 2.0
"""How long a portion is kept for them."""


@dataclass(frozen=True, slots=True)
class Portion:
    """What one reading gave, ready to be sent.

    Attributes:
        text: what is sent, "" if nothing is new.
        position: the stream position after it.
        has_more: more is waiting already.

    """

    text: str
    position: str
    has_more: bool


Render: TypeAlias = Callable[[TailBatch, int], Portion]
"""Makes a portion of a batch; the number is how many event logs the batch holds at most."""


@dataclass(slots=True)
class _Shared:
    """A reading under way, or done and kept for others."""

    portion: asyncio.Future[Portion]
    begun_s: float
    generation: int


class Tail:
    """Wakes watchers after commits. `wake` and `close` may be called from any thread."""

    def __init__(self, reader: EventReader, render: Render, *, poll_s: float = POLL_S) -> None:
        """Watch a store; `render` runs in the reading threads."""
        self._reader = reader
        self._render = render
        self._poll_s = poll_s
        self._pool = ThreadPoolExecutor(READERS_MAX, thread_name_prefix="eventlog-tail")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()
        self._generation = 0
        self._shared: OrderedDict[tuple[str, str], _Shared] = OrderedDict()
        self._free_at_s = 0.0
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
        self._generation += 1
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

    async def follow(
        self, position: str, query: EventQuery, key: str
    ) -> AsyncGenerator[Portion, None]:
        """Yield what is committed after a position and passes the query, until `close`.

        An empty portion comes at least every `poll_s`, so that the caller can send a sign of life.

        Args:
            position: where to begin.
            query: the filters.
            key: equal for equal queries; readings with equal keys and positions are shared.

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
                portion = await self._read(position, query, key)
                position, has_more = portion.position, portion.has_more
                yield portion
                # A client that takes its time holds this frame: it must not hold the text too.
                del portion
                if not has_more:
                    await self._rest(changed)
        finally:
            self.watchers -= 1

    async def _read(self, position: str, query: EventQuery, key: str) -> Portion:
        """Read, or share what another watcher is reading or has just read."""
        place = (position, key)
        shared = self._shared.get(place)
        if shared is None or not self._holds(shared):
            shared = _Shared(
                asyncio.ensure_future(self._read_alone(position, query)),
                time.monotonic(),
                self._generation,
            )
            self._shared[place] = shared
            while len(self._shared) > SHARED_MAX:
                self._shared.popitem(last=False)
        # Shielded: a watcher that leaves does not end the reading of the others.
        return await asyncio.shield(shared.portion)

    def _holds(self, shared: _Shared) -> bool:
        """Whether a reading still says what a new one would."""
        if not shared.portion.done():
            return True
        if shared.portion.cancelled() or shared.portion.exception():
            return False
        age_s = time.monotonic() - shared.begun_s
        if shared.portion.result().text:
            return age_s < SHARED_S_MAX
        # Nothing was new: true until the next commit, or until it is time to look again.
        return shared.generation == self._generation and age_s < self._poll_s / 2

    async def _read_alone(self, position: str, query: EventQuery) -> Portion:
        now_s = time.monotonic()
        waits_s = self._free_at_s - now_s
        if waits_s > 0:
            await asyncio.sleep(waits_s)
        loop = asyncio.get_running_loop()
        portion, cost_s = await loop.run_in_executor(self._pool, self._portion, position, query)
        self._free_at_s = max(time.monotonic(), self._free_at_s) + cost_s / SHARE_OF_CPU_MAX
        return portion

    def _portion(self, position: str, query: EventQuery) -> tuple[Portion, float]:
        begun_s = time.thread_time()
        batch = self._reader.tail(position, query, BATCH_EVENTS_MAX)
        portion = self._render(batch, BATCH_EVENTS_MAX)
        return portion, time.thread_time() - begun_s

    async def _rest(self, changed: asyncio.Event) -> None:
        """Wait for the next commit, at most `poll_s`, at least PAUSE_S."""
        await asyncio.sleep(PAUSE_S)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(changed.wait(), self._poll_s)
