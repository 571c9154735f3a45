"""Counting what each action did inside one segment: over time, by reason, by duration."""

# ruff: noqa: S608 - names in the SQL are our own columns; every value is a parameter

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from otel_eventlog_collector.query import ActionFigures, DurationCount, EventQuery
from otel_eventlog_collector.store.sqlite.segment_read import is_hopeless, kept
from otel_eventlog_collector.store.sqlite.where import all_of, event_condition

_STATUSES = ("start", "success", "error")
_CLASS_BITS = 4
"""Durations are counted in classes: sixteen to each power of two, so none is wider than 1/16."""
_SHIFTS = tuple(range(59 - _CLASS_BITS + 1))
"""Bits that a class leaves open, up to durations of 18 years."""


@dataclass(slots=True)
class ActionCounts:
    """Counts of one or more segments.

    Attributes:
        slices: event logs by action, number of the slice, and status.
        error_types: errors by action and reason.
        durations: outcomes by action, open bits and class.

    """

    slices: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    error_types: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    durations: Counter[tuple[str, int, int]] = field(default_factory=Counter)

    def add(self, other: ActionCounts) -> None:
        """Add the counts of another segment."""
        self.slices.update(other.slices)
        self.error_types.update(other.error_types)
        self.durations.update(other.durations)

    def figures(self, slices: int) -> Sequence[ActionFigures]:
        """Return what was counted, action by action, over so many slices."""
        by_slice: dict[str, list[dict[str, int]]] = {}
        for (action, number, status), events in self.slices.items():
            if action not in by_slice:
                by_slice[action] = [dict.fromkeys(_STATUSES, 0) for _ in range(slices)]
            by_slice[action][number][status] = events
        error_types: dict[str, dict[str | None, int]] = {action: {} for action in by_slice}
        for (action, reason), events in self.error_types.items():
            error_types[action][reason] = events
        durations: dict[str, list[DurationCount]] = {action: [] for action in by_slice}
        for (action, shift, number), events in self.durations.items():
            shortest = number << shift
            durations[action].append(DurationCount(shortest, shortest + (1 << shift) - 1, events))
        return [
            ActionFigures(action, by_slice[action], error_types[action], durations[action])
            for action in sorted(by_slice)
        ]


def count_actions(
    connection: sqlite3.Connection,
    query: EventQuery,
    cutoff: int | None,
    since_unix_nano: int,
    bucket_ns: int,
) -> ActionCounts:
    """Count what passes a query, slices beginning at `since_unix_nano`."""
    counts = ActionCounts()
    if is_hopeless(connection, query):
        return counts
    condition = all_of([event_condition(query, "e"), *kept(cutoff)])
    rows = connection.execute(
        "SELECT action, slice, status, error_type, sum(events) FROM ("
        "SELECT (e.time_unix_nano - ?) / ? AS slice, e.shape_id, count(*) AS events"
        f" FROM events AS e WHERE {condition.sql} GROUP BY 1, 2"
        ") JOIN shapes ON shapes.id = shape_id GROUP BY 1, 2, 3, 4",
        [since_unix_nano, bucket_ns, *condition.parameters],
    )
    for action, number, status, error_type, events in rows:
        counts.slices[action, number, status] += events
        if status == "error":
            counts.error_types[action, error_type] += events
    rows = connection.execute(
        "SELECT action, shift, class, sum(events) FROM ("
        f"SELECT e.shape_id, {_SHIFT_SQL} AS shift, e.duration_ns >> {_SHIFT_SQL} AS class,"
        f" count(*) AS events FROM events AS e WHERE {condition.sql}"
        " AND e.half = 1 AND e.duration_ns IS NOT NULL GROUP BY 1, 2, 3"
        ") JOIN shapes ON shapes.id = shape_id GROUP BY 1, 2, 3",
        condition.parameters,
    )
    for action, shift, number, events in rows:
        counts.durations[action, shift, number] += events
    return counts


def _shift_sql(shifts: Sequence[int]) -> str:
    """Return the SQL that halves its way to the number of open bits of a duration's class."""
    if len(shifts) == 1:
        return str(shifts[0])
    middle = len(shifts) // 2
    bound = 1 << (shifts[middle] + _CLASS_BITS)
    below, above = _shift_sql(shifts[:middle]), _shift_sql(shifts[middle:])
    return f"CASE WHEN e.duration_ns < {bound} THEN {below} ELSE {above} END"


_SHIFT_SQL = _shift_sql(_SHIFTS)
