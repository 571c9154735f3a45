"""How fast a counter grows, with a clock that the test turns."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from otel_eventlog_collector.rates import MINUTES, PERIOD_S, Rate


@dataclass
class Counter:
    """A counter, and a clock."""

    total: float = 1000
    now_s: float = 100 * PERIOD_S

    def rate(self) -> Rate:
        """Return what looks at it."""
        return Rate(lambda: self.total, lambda: self.now_s)


def test_what_was_counted_before_is_no_growth() -> None:
    """A counter that has a value already has not grown yet."""
    rate = Counter().rate()
    assert rate.per_second() == 0
    assert rate.per_minute() == [0] * MINUTES


def test_a_steady_growth() -> None:
    """Ten a second is ten a second, and six hundred in each whole minute."""
    counter = Counter()
    rate = counter.rate()
    for _ in range(300):
        counter.now_s += 1
        counter.total += 10
        rate.look()
    assert rate.per_second() == pytest.approx(10)
    assert rate.per_minute()[-4:-1] == [600, 600, 600]
    assert sum(rate.per_minute()) == 3000


def test_nothing_is_lost_between_two_looks() -> None:
    """A counter that is looked at seldom has grown by everything in between."""
    counter = Counter()
    rate = counter.rate()
    counter.now_s += 10 * 60
    counter.total += 50
    assert sum(rate.per_minute()) == 50


def test_an_hour_and_no_more_is_remembered() -> None:
    """What is older than an hour is forgotten, also after a machine that slept for a day."""
    counter = Counter()
    rate = counter.rate()
    counter.total += 7
    rate.look()
    counter.now_s += 86_400
    assert rate.per_minute() == [0] * MINUTES
    counter.total += 5
    assert rate.per_minute() == [0] * (MINUTES - 1) + [5]
