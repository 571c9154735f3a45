"""How long to wait before the next attempt."""

from __future__ import annotations

from collections.abc import Callable

from otel_eventlog.delivery.sender import Answer, SendResult

FIRST_DELAY_S = 0.1
"""Short: the usual failure is a connection that the other side has closed meanwhile."""

DELAY_S_MAX = 5.0
"""A collector that is back gets what waited within this time."""

REFUSED_DELAY_S_MAX = 30.0
"""Nobody mends a token within seconds, and refused requests fill the collector's log."""

RETRY_AFTER_S_MAX = 30.0
"""A collector, or who pretends to be one, cannot make us wait longer."""


class Backoff:
    """Delays that double, each cut by a random part of up to its half.

    Args:
        jitter: returns a number from 0 to 1.

    """

    def __init__(self, jitter: Callable[[], float]) -> None:
        """Start with the shortest delay."""
        self._jitter = jitter
        self._next_s = FIRST_DELAY_S

    def delay_s(self, result: SendResult) -> float:
        """Return the wait after a failed attempt, in seconds.

        What the collector asks for is the least that it gets, and a random part is added so that
        its clients do not come back all at once. Asked for nothing, or a moment in the past, we
        wait all the same: else a collector that keeps saying so would have us run in circles.
        """
        jitter = self._jitter()
        delay_s = self._next_s
        is_refused = result.answer is Answer.REFUSED
        self._next_s = min(delay_s * 2, REFUSED_DELAY_S_MAX if is_refused else DELAY_S_MAX)
        if result.retry_after_s is not None and result.retry_after_s >= FIRST_DELAY_S:
            asked_s = min(result.retry_after_s, RETRY_AFTER_S_MAX)
            return asked_s + jitter * min(asked_s, 1.0) / 4
        return delay_s * (1 - jitter / 2)
