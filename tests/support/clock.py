"""A clock that a test turns by hand."""

from __future__ import annotations

from tests.support.builders import NOW

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR


class HandClock:
    """Nanoseconds since the epoch that stand still until `forward` is called."""

    def __init__(self, now: int = NOW) -> None:
        self.now = now

    def __call__(self) -> int:
        """Return the time it shows."""
        return self.now

    def forward(self, ns: int) -> None:
        """Turn it forward (or, with a negative number, back)."""
        self.now += ns
