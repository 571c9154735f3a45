"""Counting what each action did inside one segment: over time, by reason, by duration."""

# ruff: noqa: S608 - names in the SQL are our own columns; every value is a parameter

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from otel_eventlog_collector.query import ActionFigures, DurationCount, EventQuery
from otel_eventlog_collector.store.durations import bucket_floor_ns
from otel_eventlog_collector.store.sqlite.counts import (
    ONE_SLICE,
    count_shapes,
    lost_outcomes,
    rollups_answer,
    stretches,
    to_whole_hours,
)
from otel_eventlog_collector.store.sqlite.segment_read import hopeful, kept, one_snapshot
from otel_eventlog_collector.store.sqlite.tiers import HOURS, Slices, Stretch, split
from otel_eventlog_collector.store.sqlite.where import (
    Condition,
    Half,
    all_of,
    event_condition,
    shape_condition,
    within,
)

_STATUSES = ("start", "success", "error")


@dataclass(slots=True)
class ActionCounts:
    """Counts of one or more segments.

    Attributes:
        slices: event logs by action, number of the slice, and status.
        error_types: errors by action and reason.
        durations: outcomes by action and bucket of `store.durations`.

    """

    slices: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    error_types: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    durations: Counter[tuple[str, int]] = field(default_factory=Counter)

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
        for (action, bucket), events in self.durations.items():
            shortest, longest = bucket_floor_ns(bucket), bucket_floor_ns(bucket + 1) - 1
            durations[action].append(DurationCount(shortest, longest, events))
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
    slices = Slices(since_unix_nano, bucket_ns)
    with one_snapshot(connection):
        rows = connection.execute("SELECT id, action, status, error_type FROM shapes")
        shapes = {row[0]: row[1:] for row in rows}
        found = count_shapes(connection, query, cutoff, slices)
        counts.durations = _durations(connection, query, cutoff)
    for (number, shape_id), events in found.items():
        action, status, error_type = shapes[shape_id]
        counts.slices[action, number, status] += events
        if status == "error":
            counts.error_types[action, error_type] += events
    return counts


def _durations(
    connection: sqlite3.Connection, query: EventQuery, cutoff: int | None
) -> Counter[tuple[str, int]]:
    """Count outcomes by action and bucket: whole hours by the rollup, the rest by rows."""
    if Half.OUTCOME not in hopeful(connection, query):
        return Counter()
    rest = stretches(connection, query, cutoff)
    counts: Counter[tuple[str, int]] = Counter()

    def of_rows(each: Stretch) -> dict[tuple[str, int], int]:
        asked = replace(query, since_unix_nano=each.since, until_unix_nano=each.until)
        where = [event_condition(asked, "e", Half.OUTCOME), *kept(cutoff)]
        return _of_rows(connection, where)

    if rollups_answer(connection, query, cutoff):
        rest, beyond = to_whole_hours(connection, rest)
        for each in beyond:
            counts.subtract(of_rows(each))
        whole, rest = split(rest, ONE_SLICE, HOURS)
        for each in whole:
            counts.update(_of_hours(connection, query, each))
            for lost in lost_outcomes(query, each, cutoff):
                counts.subtract(_of_rows(connection, lost))
    for each in rest:
        counts.update(of_rows(each))
    return +counts


def _of_hours(
    connection: sqlite3.Connection, query: EventQuery, stretch: Stretch
) -> dict[tuple[str, int], int]:
    hours = (stretch.since // HOURS.unit_ns, stretch.until // HOURS.unit_ns)
    # Over many hours it is faster to go through the index that a sealed day has, shape by shape.
    column = "hour" if hours[1] - hours[0] < MANY_HOURS else "+hour"
    condition = shape_condition(query)
    wanted = all_of(
        [
            Condition(f"{column} >= ? AND {column} < ?", [*hours]),
            *([] if condition is None else [within("shape_id", "shapes", condition)]),
        ]
    )
    return _by_action(
        connection,
        "SELECT shape_id, bucket, sum(events) AS number FROM durations"
        f" WHERE {wanted.sql} GROUP BY 1, 2",
        wanted,
    )


MANY_HOURS = 6
"""From so many on it is."""


def _of_rows(
    connection: sqlite3.Connection, where: Sequence[Condition]
) -> dict[tuple[str, int], int]:
    condition = all_of(where)
    return _by_action(
        connection,
        f"SELECT shape_id, {BUCKET_SQL} AS bucket, count(*) AS number"
        f" FROM (SELECT e.shape_id, {_TOOK_SQL} AS took FROM outcomes AS e WHERE {condition.sql})"
        " WHERE took IS NOT NULL GROUP BY 1, 2",
        condition,
    )


def _by_action(
    connection: sqlite3.Connection, by_shape: str, condition: Condition
) -> dict[tuple[str, int], int]:
    rows = connection.execute(
        f"SELECT action, bucket, sum(number) FROM ({by_shape}) JOIN shapes ON id = shape_id"
        " GROUP BY 1, 2",
        condition.parameters,
    )
    return {(row[0], row[1]): row[2] for row in rows}


_TOOK_SQL = (
    "CASE WHEN e.duration_ns IS NULL THEN e.elapsed_ns"
    " WHEN e.duration_ns >= 0 THEN e.duration_ns END"
)


def _shift_sql(shifts: Sequence[int]) -> str:
    """Return the SQL that halves its way to the bits which a duration's bucket leaves open.

    `store.durations` has eight buckets to each doubling, so the highest four bits of a duration
    say which one it is.
    """
    if len(shifts) == 1:
        return str(shifts[0])
    middle = len(shifts) // 2
    below, above = _shift_sql(shifts[:middle]), _shift_sql(shifts[middle:])
    return f"CASE WHEN took < {1 << (shifts[middle] + 3)} THEN {below} ELSE {above} END"


_SHIFT_SQL = f"({_shift_sql(range(60))})"
BUCKET_SQL = f"{_SHIFT_SQL} * 8 + (took >> {_SHIFT_SQL})"
"""SQL of what `store.durations.bucket_of` returns, for a column `took`."""
