"""The few rows of a segment that may hold what is looked for by a key, such as a user or a trace.

A listing walks through the index of its order until its page is full. That is soon, unless what is
looked for is rare; then the rows that may hold it are found first: by an index where the day has
one for the key, otherwise by one pass over the rows, which takes a sixth of the walk's time.
"""

# ruff: noqa: S608 - names in the SQL are our own columns; every value is a parameter

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace

from otel_eventlog_collector.query import EventQuery
from otel_eventlog_collector.store.sqlite.schema import is_sealed
from otel_eventlog_collector.store.sqlite.segment_read import hopeful
from otel_eventlog_collector.store.sqlite.stretches import busy_stretches, events_about
from otel_eventlog_collector.store.sqlite.where import (
    Condition,
    event_condition,
    is_on_shapes_only,
    names_key,
    row_condition,
    shape_condition,
)

CANDIDATES_MAX = 2000
"""With more, a walk meets one soon enough, and sorting them would take longer."""

WALK_COST = 8
"""Looking at an event log through an index takes so many times as long as in one pass."""
RARE_MAX = 500
"""Event logs of a day, or less of it, that are worth looking up one by one before a walk."""


def candidates(connection: sqlite3.Connection, query: EventQuery) -> list[int] | None:
    """Return the numbers of the rows that may hold what passes a query.

    None where the query names no key, or where there are more than `CANDIDATES_MAX`. The numbers
    are good for the snapshot in which they were read.
    """
    condition = row_condition(query)
    if condition is None:
        return None
    has_index = _has_index(connection, query)
    if not has_index and _is_short_walk(connection, query):
        return None
    how = "" if has_index else " NOT INDEXED"
    rows = connection.execute(
        f"SELECT requests.sequence FROM requests{how} WHERE {condition.sql} LIMIT ?",
        [*condition.parameters, CANDIDATES_MAX + 1],
    ).fetchall()
    return None if len(rows) > CANDIDATES_MAX else [row[0] for row in rows]


def of_rare_shapes(connection: sqlite3.Connection, query: EventQuery) -> list[int] | None:
    """Return the numbers of the rows that hold what passes a query on shapes, if it is rare.

    None where the query asks for something else, or where it is not rare.
    """
    shapes = shape_condition(query) if is_on_shapes_only(query) else None
    if shapes is None or events_about(connection, query, shapes) > RARE_MAX:
        return None
    anywhere = replace(query, cursor=None)
    rows: set[int] = set()
    for half in hopeful(connection, query):
        for stretch in busy_stretches(connection, anywhere, half, shapes):
            within_it = replace(
                anywhere, since_unix_nano=stretch.since, until_unix_nano=stretch.until
            )
            condition = event_condition(within_it, "e", half)
            found = connection.execute(
                f"SELECT e.sequence FROM {half} AS e WHERE {condition.sql}", condition.parameters
            )
            rows.update(row[0] for row in found)
    return list(rows)


def _has_index(connection: sqlite3.Connection, query: EventQuery) -> bool:
    keys = [name for name in query.filters if names_key(name)]
    return "user_id" in keys or (bool(keys) and is_sealed(connection))


def _is_short_walk(connection: sqlite3.Connection, query: EventQuery) -> bool:
    """Whether a query's times hold so little that all of it is looked at sooner than every row."""
    if query.since_unix_nano is None or query.until_unix_nano is None:
        return False
    all_of_it = replace(query, since_unix_nano=None, until_unix_nano=None)
    return events_about(connection, query) * WALK_COST <= events_about(connection, all_of_it)


def among(rows: list[int], alias: str) -> Condition:
    """Return the condition that an event log stands in one of some rows."""
    return Condition(f"{alias}.sequence IN (SELECT value FROM json_each(?))", [json.dumps(rows)])
