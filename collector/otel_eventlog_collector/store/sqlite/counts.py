"""Counting inside one segment: histogram slices and facet values."""

# ruff: noqa: S608 - names in the SQL are our own columns; every value is a parameter

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from otel_eventlog.model import uuid_int, uuid_text
from otel_eventlog_collector.query import EventQuery
from otel_eventlog_collector.store.row import span_from_int
from otel_eventlog_collector.store.sqlite.rollup import NS_PER_HOUR, NS_PER_MINUTE
from otel_eventlog_collector.store.sqlite.schema import TEXT_COLUMNS, is_sealed
from otel_eventlog_collector.store.sqlite.segment_read import bounds, hopeful, kept, one_snapshot
from otel_eventlog_collector.store.sqlite.tiers import HOURS, MINUTES, Slices, Stretch, Tier, split
from otel_eventlog_collector.store.sqlite.where import (
    Condition,
    Half,
    all_of,
    event_condition,
    is_on_shapes,
    is_on_shapes_only,
    shape_condition,
    within,
)

_NS_PER_MS = 1_000_000


def slices(
    connection: sqlite3.Connection,
    query: EventQuery,
    cutoff: int | None,
    since_unix_nano: int,
    bucket_ns: int,
) -> Counter[tuple[int, str]]:
    """Count event logs by number of the time slice and status."""
    counts: Counter[tuple[int, str]] = Counter()
    with one_snapshot(connection):
        statuses = dict(connection.execute("SELECT id, status FROM shapes").fetchall())
        found = count_shapes(connection, query, cutoff, Slices(since_unix_nano, bucket_ns))
    for (number, shape_id), events in found.items():
        counts[number, statuses[shape_id]] += events
    return counts


def facets(
    connection: sqlite3.Connection, query: EventQuery, cutoff: int | None, fields: Sequence[str]
) -> dict[str, Counter[str]]:
    """Count event logs by the values of fields, as text; absent values are not counted."""
    of_shapes = [name for name in fields if is_on_shapes(name)]
    counts: dict[str, Counter[str]] = {name: Counter() for name in fields}
    with one_snapshot(connection):
        if of_shapes:
            columns = ", ".join(_PHASE if name == "phase" else name for name in of_shapes)
            rows = connection.execute(f"SELECT id, {columns} FROM shapes")
            shapes = {row[0]: row[1:] for row in rows}
            found = count_shapes(connection, query, cutoff, ONE_SLICE)
            for (_, shape_id), events in found.items():
                for name, value in zip(of_shapes, shapes[shape_id], strict=True):
                    if value is not None:
                        counts[name][str(value)] += events
        for name in fields:
            if name not in of_shapes:
                counts[name] = _values(connection, query, cutoff, name)
    return counts


_PHASE = "CASE status WHEN 'start' THEN 'start' ELSE 'end' END"
ONE_SLICE = Slices(0, 1 << 62)
"""Slices of which the first one holds every time there is."""


def count_shapes(
    connection: sqlite3.Connection, query: EventQuery, cutoff: int | None, slices_: Slices
) -> Counter[tuple[int, int]]:
    """Count event logs by number of the time slice and number of the shape.

    Where only low-cardinality fields are asked for, the rollups answer; rows are counted at the
    edges only. All of it has to be read in one snapshot.
    """
    rest = stretches(connection, query, cutoff)
    counts: Counter[tuple[int, int]] = Counter()

    def of_rows(each: Stretch) -> Counter[tuple[int, int]]:
        asked = replace(query, since_unix_nano=each.since, until_unix_nano=each.until)
        found: Counter[tuple[int, int]] = Counter()
        for half in hopeful(connection, query):
            where = [event_condition(asked, "e", half), *kept(cutoff)]
            found.update(_of_rows(connection, half, where, slices_))
        return found

    if rollups_answer(connection, query, cutoff):
        rest, beyond = to_whole_hours(connection, rest)
        for each in beyond:
            counts.subtract(of_rows(each))
        for tier in (HOURS, MINUTES):
            whole, rest = split(rest, slices_, tier)
            for each in whole:
                counts.update(_of_tier(connection, query, each, slices_, tier))
                for lost in lost_outcomes(query, each, cutoff):
                    counts.subtract(_of_rows(connection, Half.OUTCOME, lost, slices_))
    for each in rest:
        counts.update(of_rows(each))
    return +counts


def rollups_answer(connection: sqlite3.Connection, query: EventQuery, cutoff: int | None) -> bool:
    """Whether the rollups can count for a query.

    They know when event logs happened, not when their requests began, which is what retention goes
    by. What lies between is counted apart, and found fast on days that are sealed.
    """
    return is_on_shapes_only(query) and (cutoff is None or is_sealed(connection))


def lost_outcomes(query: EventQuery, stretch: Stretch, cutoff: int | None) -> list[list[Condition]]:
    """Return the conditions on the outcomes in a stretch that retention takes all the same.

    Their requests began before `cutoff`. Most ended soon; the others have an index of their own.
    """
    if cutoff is None:
        return []
    shapes = shape_condition(query)
    ended = [
        # The signs keep SQLite from going through the index of ends.
        Condition(
            "+e.time_unix_nano >= ? AND +e.time_unix_nano < ?", [stretch.since, stretch.until]
        ),
        *([] if shapes is None else [within("e.shape_id", "shapes", shapes)]),
    ]
    soon = Condition(
        "e.start_ms BETWEEN ? AND ? AND e.start_unix_nano >= ? AND e.start_unix_nano < ?",
        [(cutoff - LONG_NS) // _NS_PER_MS, cutoff // _NS_PER_MS, cutoff - LONG_NS, cutoff],
    )
    late = Condition(
        "e.sequence IN (SELECT sequence FROM requests INDEXED BY requests_long"
        f" WHERE elapsed_ns > {LONG_NS} AND start_unix_nano < ?)",
        [cutoff - LONG_NS],
    )
    return [[*ended, soon], [*ended, late]]


LONG_NS = 60_000_000_000
"""Requests that took longer are in the index `requests_long` of a sealed day."""


def stretches(
    connection: sqlite3.Connection, query: EventQuery, cutoff: int | None
) -> list[Stretch]:
    """Return the times of a query that a segment has event logs for: one stretch, or none."""
    outer = bounds(connection)
    if outer is None:
        return []
    since, until = query.since_unix_nano, query.until_unix_nano
    stretch = Stretch(
        max(outer.low, since or 0, cutoff or 0),
        outer.high + 1 if until is None else min(until, outer.high + 1),
    )
    return [stretch] if stretch.since < stretch.until else []


def to_whole_hours(
    connection: sqlite3.Connection, found: list[Stretch]
) -> tuple[list[Stretch], list[Stretch]]:
    """Extend what `stretches` returned to whole hours where next to nothing is in between.

    Returns:
        The stretch, and what it has too much of: event logs newer than asked for in the newest
        minute, which are those that came in a moment ago.

    """
    outer = bounds(connection)
    if outer is None or not found:
        return found, []
    since, until = found[0]
    beyond = []
    if since <= outer.low:
        since = outer.low // NS_PER_HOUR * NS_PER_HOUR
    if until > outer.high - NS_PER_MINUTE + 1:
        if until <= outer.high:
            beyond = [Stretch(until, outer.high + 1)]
        until = (outer.high // NS_PER_HOUR + 1) * NS_PER_HOUR
    return [Stretch(since, until)], beyond


def _of_tier(
    connection: sqlite3.Connection,
    query: EventQuery,
    stretch: Stretch,
    slices_: Slices,
    tier: Tier,
) -> dict[tuple[int, int], int]:
    condition = shape_condition(query)
    first, last = (slices_.number_of(time) for time in (stretch.since, stretch.until - 1))
    column = tier.column
    if first == last:
        # Shape by shape: over many hours faster, through an index that a sealed day has.
        number, grouped, numbering = str(first), "shape_id", []
        column = f"+{column}" if tier is HOURS else column
    else:
        number, grouped = f"({column} * {tier.unit_ns} - ?) / ?", "1, 2"
        numbering = [*slices_]
    units = (stretch.since // tier.unit_ns, stretch.until // tier.unit_ns)
    wanted = all_of(
        [
            Condition(f"{column} >= ? AND {column} < ?", [*units]),
            *([] if condition is None else [within("shape_id", "shapes", condition)]),
        ]
    )
    rows = connection.execute(
        f"SELECT {number}, shape_id, sum(events)"
        f" FROM {tier.table} WHERE {wanted.sql} GROUP BY {grouped}",
        [*numbering, *wanted.parameters],
    )
    return {(row[0], row[1]): row[2] for row in rows}


def _of_rows(
    connection: sqlite3.Connection,
    half: Half,
    where: Sequence[Condition],
    slices_: Slices,
) -> dict[tuple[int, int], int]:
    condition = all_of(where)
    rows = connection.execute(
        "SELECT (e.time_unix_nano - ?) / ?, e.shape_id, count(*)"
        f" FROM {half} AS e WHERE {condition.sql} GROUP BY 1, 2",
        [*slices_, *condition.parameters],
    )
    return {(row[0], row[1]): row[2] for row in rows}


def _values(
    connection: sqlite3.Connection, query: EventQuery, cutoff: int | None, field: str
) -> Counter[str]:
    """Count event logs by the value of a field that differs from one to the next."""
    counts: Counter[str] = Counter()
    for half in hopeful(connection, query):
        condition = all_of([event_condition(query, "e", half), *kept(cutoff)])
        sql = _values_sql(field, half, condition)
        for *value, events in connection.execute(sql, condition.parameters):
            if value[0] is not None:
                counts[_text(field, value)] += events
    return counts


def _values_sql(field: str, half: Half, condition: Condition) -> str:
    """Return the statement that counts a half's event logs by the columns that make a field."""
    if field in TEXT_COLUMNS:
        return (
            f"SELECT texts.text, events FROM (SELECT e.{TEXT_COLUMNS[field]} AS number,"
            f" count(*) AS events FROM {half} AS e WHERE {condition.sql} GROUP BY 1)"
            " JOIN texts ON texts.id = number"
        )
    if field in ("event_id", "request_id"):
        tag = "e.half + 1" if field == "event_id" else "0"
        columns = f"e.start_ms, e.span_id, {tag}"
        return (
            f"SELECT {columns}, count(*) FROM {half} AS e"
            f" WHERE {condition.sql} GROUP BY e.start_ms, e.span_id"
        )
    return f"SELECT e.{field}, count(*) FROM {half} AS e WHERE {condition.sql} GROUP BY 1"


def _text(field: str, value: Sequence[Any]) -> str:
    if field in ("event_id", "request_id"):
        start_ms, span_id, tag = value
        return uuid_text(uuid_int(start_ms * _NS_PER_MS, span_from_int(span_id), tag))
    if field == "trace_id":
        return bytes(value[0]).hex()
    if field in ("span_id", "parent_span_id"):
        return f"{span_from_int(value[0]):016x}"
    return str(value[0])
