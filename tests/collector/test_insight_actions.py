"""Figures of actions as people read them: rates, percentiles, reasons."""

from __future__ import annotations

import random

import pytest

from otel_eventlog_collector.insight.actions import (
    ERROR_TYPES_MAX,
    action_line,
    duration_error_max,
    percentile_ns,
)
from otel_eventlog_collector.query import ActionFigures, DurationCount

MINUTE = 60 * 10**9


def exactly(*durations: int) -> list[DurationCount]:
    """Return durations, each counted by itself."""
    return [DurationCount(each, each, 1) for each in durations]


def figures(*slices: tuple[int, int, int], **changes: object) -> ActionFigures:
    """Return figures of one action: starts, successes and errors of each slice."""
    counts = [dict(zip(("start", "success", "error"), each, strict=True)) for each in slices]
    fields = {"error_types": {}, "durations": [], **changes}
    return ActionFigures("PasswordsAuthenticate", counts, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("durations", "percent", "found"),
    [
        (exactly(), 50, None),
        (exactly(7), 50, 7),
        (exactly(7), 95, 7),
        (exactly(3, 1, 2), 50, 2),
        (exactly(*range(100, 0, -1)), 95, 95),
        ([DurationCount(1600, 1699, 1)], 50, 1649),
        ([DurationCount(0, 0, 19), DurationCount(1000, 1000, 1)], 95, 0),
    ],
)
def test_percentiles(durations: list[DurationCount], percent: int, found: int | None) -> None:
    """A percentile is the least duration that so many percent do not exceed."""
    assert percentile_ns(durations, percent) == found


def test_percentiles_of_classes_are_as_near_as_told() -> None:
    """Counted in classes, a percentile is off by no more than the widest class."""
    rng = random.Random(3)
    durations = sorted(int(rng.lognormvariate(17, 1)) for _ in range(2000))
    classes = []
    for each in durations:
        shift = max(0, each.bit_length() - 5)
        low = each >> shift << shift
        classes.append(DurationCount(low, low + (1 << shift) - 1, 1))
    bound = duration_error_max([figures((0, 2000, 0), durations=classes)])
    assert 0.03 < bound < 1 / 16
    for percent in (1, 50, 95, 99):
        exact = durations[-(-len(durations) * percent // 100) - 1]
        found = percentile_ns(classes, percent)
        assert found is not None
        assert abs(found - exact) <= bound * exact


def test_a_line_adds_up_its_slices() -> None:
    """Counts are over all slices, the rate per minute is over the whole time."""
    line = action_line(figures((5, 3, 1), (5, 4, 2), (0, 0, 0)), 4 * MINUTE)
    assert (line["start"], line["success"], line["error"]) == (10, 7, 3)
    assert line["error_rate"] == 0.3
    assert (line["requests"], line["requests_per_min"]) == (10, 2.5)
    assert line["slices"]["error"] == [1, 2, 0]
    assert line["category"] == "passwords"
    assert line["meaning"]


def test_requests_that_lost_a_half_count() -> None:
    """Starts without outcome are requests, and so are outcomes without start."""
    assert action_line(figures((4, 1, 0)), MINUTE)["requests"] == 4
    assert action_line(figures((0, 1, 2)), MINUTE)["requests"] == 3
    assert action_line(figures((4, 0, 0)), MINUTE)["error_rate"] is None


def test_the_most_frequent_reasons_come_first_and_are_bounded() -> None:
    """Reasons are ordered by count, those alike by name; what told none is named null."""
    reasons = {f"reason-{n}": 1 for n in range(9)} | {"expired": 5, None: 3}
    line = action_line(figures((0, 0, 17), error_types=reasons), MINUTE)
    found = [(each["value"], each["count"]) for each in line["error_types"]]
    assert found[:3] == [("expired", 5), (None, 3), ("reason-0", 1)]
    assert len(found) == ERROR_TYPES_MAX
