"""Bounded memory between the request threads and the worker.

No lock: `deque.append`, `popleft` and `SimpleQueue.put` are atomic and may even be called from a
signal handler or a finaliser that interrupts another `put`, where a lock would wait for itself.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue

QUEUE_EVENTS_MAX = 10_000
"""Most items waiting in memory (20 MiB of usual spans); beyond it the oldest is dropped."""


class ItemQueue:
    """First in, first out; when full, the oldest goes."""

    def __init__(self, items_max: int = QUEUE_EVENTS_MAX) -> None:
        """Start empty."""
        self._items_max = items_max
        self._items: deque[object] = deque()
        self._tokens: SimpleQueue[None] = SimpleQueue()
        self._sleeping = False

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: object) -> Sequence[object]:
        """Append an item, wake the worker, return the items that had to go.

        Threads that find the queue full at the same moment may each let one go or one in: the
        bound holds up to the number of threads.
        """
        items = self._items
        dropped: Sequence[object] = ()
        while len(items) >= self._items_max:
            try:
                dropped = (*dropped, items.popleft())
            except IndexError:
                break
        items.append(item)
        if self._sleeping:
            self.wake()
        return dropped

    def put_marker(self, marker: object) -> None:
        """Append an item that pushes nothing out, even if the queue is full."""
        self._items.append(marker)
        self.wake()

    def take(self) -> object | None:
        """Remove and return the oldest item; None if there is none."""
        try:
            return self._items.popleft()
        except IndexError:
            return None

    def wake(self) -> None:
        """Let `wait` return at once."""
        self._sleeping = False
        self._tokens.put(None)

    def wake_if_sleeping(self) -> None:
        """As `wake`, where somebody waits; what comes later is seen before the next wait."""
        if self._sleeping:
            self.wake()

    def wait(self, timeout_s: float, is_due: Callable[[], bool]) -> None:
        """Wait for an item, a wake-up, or until the time is over.

        Args:
            timeout_s: longest wait.
            is_due: asked after others have been told that we sleep, so that nothing falls into
                the gap between looking and sleeping.

        """
        self._sleeping = True
        if not self._items and not is_due():
            with contextlib.suppress(Empty):
                self._tokens.get(timeout=timeout_s)
        self._sleeping = False

    def rest(self, timeout_s: float) -> None:
        """Wait until the time is over, a marker comes or somebody calls `wake`; not for items."""
        with contextlib.suppress(Empty):
            self._tokens.get(timeout=timeout_s)
