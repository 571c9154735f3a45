"""How fast a counter grows: looked at now and then, so that counting itself costs nothing more."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable

PERIOD_S = 5.0
"""How often the counter is looked at."""
MINUTES = 60
"""How far back the rate is known, in minutes."""
_PER_MINUTE = int(60 / PERIOD_S)


class Rate:
    """The growth of one counter over the last hour. Any thread may ask."""

    def __init__(
        self, total: Callable[[], float], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin to look, at a counter that may have a value already.

        Args:
            total: reads the counter.
            monotonic: seconds of a clock that nobody sets.

        """
        self._total = total
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._last = total()
        self._period = int(monotonic() // PERIOD_S)
        self._grown: deque[float] = deque([0.0] * MINUTES * _PER_MINUTE, MINUTES * _PER_MINUTE)

    def look(self) -> None:
        """Note how far the counter is now; what it grew by counts for the present period."""
        with self._lock:
            period, total = int(self._monotonic() // PERIOD_S), self._total()
            passed = min(period - self._period, len(self._grown))
            self._grown.extend([0.0] * passed)
            self._grown[-1] += total - self._last
            self._period, self._last = period, total

    def per_second(self) -> float:
        """Return the average over the last minute of whole periods."""
        self.look()
        with self._lock:
            whole = list(self._grown)[-_PER_MINUTE - 1 : -1]
        return sum(whole) / (_PER_MINUTE * PERIOD_S)

    def per_minute(self) -> list[int]:
        """Return what each of the last MINUTES minutes brought, the present one last."""
        self.look()
        with self._lock:
            grown = list(self._grown)
        return [
            round(sum(grown[at : at + _PER_MINUTE])) for at in range(0, len(grown), _PER_MINUTE)
        ]


async def keep_looking(rate: Rate) -> None:
    """Look again and again, until cancelled."""
    while True:
        rate.look()
        await asyncio.sleep(PERIOD_S)
