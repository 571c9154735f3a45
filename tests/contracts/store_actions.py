"""Figures of actions: counts over time, reasons, durations. Part of the battery."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from otel_eventlog.model import Status
from otel_eventlog_collector.protocols import Store
from otel_eventlog_collector.query import ActionFigures, EventQuery
from tests.contracts.store_harness import MS, StoreHarness, login, put, query, start_of
from tests.support.builders import NOW
from tests.support.clock import DAY, HOUR, SECOND

BUCKET = 10 * SECOND
SINCE, UNTIL = NOW, NOW + 3 * BUCKET
WIDEST = 1 / 8
"""The widest class of durations a store may have, against the shortest duration in it."""


def figures(store: Store, asked: EventQuery | None = None) -> Sequence[ActionFigures]:
    """Return the figures of three slices."""
    return store.action_figures(asked or EventQuery(), SINCE, UNTIL, BUCKET)


def counted(*statuses: int) -> dict[str, int]:
    """Return counts of starts, successes and errors."""
    return dict(zip(("start", "success", "error"), statuses, strict=True))


class ActionTests(StoreHarness):
    """Figures of actions."""

    def test_counts_of_each_slice(self, store: Store) -> None:
        """Each action has its own counts in each slice; slices without any are there too."""
        first = login(1, at=NOW)
        put(store, first, start_of(first), login(2, at=NOW + 2 * BUCKET, action="OTPsSend"))
        put(store, login(3, at=NOW + 2 * BUCKET, status=Status.ERROR))
        assert [(each.action, each.slices) for each in figures(store)] == [
            ("OTPsSend", [counted(0, 0, 0), counted(0, 0, 0), counted(0, 1, 0)]),
            ("PasswordsAuthenticate", [counted(1, 1, 0), counted(0, 0, 0), counted(0, 0, 1)]),
        ]

    def test_only_what_lies_between_the_times(self, store: Store) -> None:
        """An event log of the first nanosecond counts, one of the last bound does not."""
        put(store, *(login(n, at=at, time_unix_nano=at) for n, at in enumerate((SINCE, UNTIL), 1)))
        (only,) = figures(store)
        assert sum(each["success"] for each in only.slices) == 1
        assert sum(each.outcomes for each in only.durations) <= 1

    def test_a_query_narrows_the_figures(self, store: Store) -> None:
        """Filters hold for counts, reasons and durations alike; none passing gives no action."""
        put(store, login(1, service="shop"), login(2, service="api", duration_ns=5 * MS))
        (only,) = figures(store, query(service="api"))
        assert only.slices[0] == counted(0, 1, 0)
        assert [each.outcomes for each in only.durations] == [1]
        assert figures(store, query(service="none")) == []
        assert figures(store, query(user_id="nobody")) == []

    def test_reasons_of_errors(self, store: Store) -> None:
        """Errors are counted by their reason; one that told none counts as such."""
        reasons = ("expired", "expired", "invalid_credentials", None)
        errors = (
            login(n, status=Status.ERROR, error_type=reason) for n, reason in enumerate(reasons, 1)
        )
        put(store, *errors, login(9, error_type=None))
        (only,) = figures(store)
        assert only.error_types == Counter(reasons)

    def test_durations_lie_within_their_bounds(self, store: Store) -> None:
        """Every outcome is counted between bounds that hold its duration and are close."""
        durations = [0, 1, 31, 32, 33, 12 * MS, 12 * MS + 1, 95 * MS, SECOND, HOUR, 400 * DAY]
        outcomes = [login(n, duration_ns=each) for n, each in enumerate(durations, 1)]
        put(store, *outcomes, *(start_of(each) for each in outcomes))
        (only,) = figures(store)
        left = sorted(durations)
        for each in sorted(only.durations, key=lambda each: each.shortest_ns):
            for _ in range(each.outcomes):
                assert each.shortest_ns <= left.pop(0) <= each.longest_ns
            assert each.longest_ns - each.shortest_ns <= WIDEST * each.shortest_ns
        assert left == []

    def test_outcomes_without_duration_are_left_out(self, store: Store) -> None:
        """A point event takes no time, so it makes no duration shorter."""
        put(store, login(1, duration_ns=None))
        (only,) = figures(store)
        assert only.slices[0] == counted(0, 1, 0)
        assert only.durations == []

    def test_figures_reach_over_days(self, store: Store) -> None:
        """What is kept in several days adds up."""
        put(store, *(login(n, at=NOW - n * DAY, duration_ns=12 * MS) for n in range(1, 4)))
        (only,) = store.action_figures(EventQuery(), NOW - 4 * DAY, NOW, 4 * DAY)
        assert only.slices == [counted(0, 3, 0)]
        assert sum(each.outcomes for each in only.durations) == 3
