"""The first event logs of a segment that pass a query.

Where only low-cardinality fields are asked for, the rollups say which hours and minutes have any,
and nothing else is read. Where a key is asked for, the rows that may hold it come first. So what is
rare is found as fast as what is common.
"""

# ruff: noqa: S608 - names in the SQL are our own columns; every value is a parameter

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter

from otel_eventlog_collector.query import EventQuery
from otel_eventlog_collector.store.sqlite.candidates import (
    among,
    candidates,
    of_rare_shapes,
)
from otel_eventlog_collector.store.sqlite.segment_read import (
    Found,
    after,
    hopeful,
    kept,
    one_snapshot,
    order_by,
    select,
)
from otel_eventlog_collector.store.sqlite.stretches import busy_stretches
from otel_eventlog_collector.store.sqlite.where import (
    Condition,
    Half,
    all_of,
    event_condition,
    is_on_shapes_only,
    shape_condition,
)


def find(
    connection: sqlite3.Connection, query: EventQuery, limit: int, cutoff: int | None
) -> list[Found]:
    """Return the first event logs of a segment that pass a query, in its order."""
    found: list[Found] = []
    shapes = shape_condition(query) if is_on_shapes_only(query) else None
    with one_snapshot(connection):
        rows = candidates(connection, query)
        if rows is None:
            rows = of_rare_shapes(connection, query)
        where = [*kept(cutoff), *([] if rows is None else [among(rows, "e")])]
        for half in hopeful(connection, query) if rows != [] else ():
            if shapes is None or rows is not None:
                found += _first(connection, query, half, limit, where)
            else:
                found += _first_of_shapes(connection, query, half, limit, where, shapes)
    found.sort(key=attrgetter("order"), reverse=query.order == "desc")
    return found[:limit]


def _first(
    connection: sqlite3.Connection,
    query: EventQuery,
    half: Half,
    limit: int,
    where: Sequence[Condition],
) -> list[Found]:
    condition = all_of(
        [
            event_condition(query, "e", half),
            *after(query.cursor, query.order, half),
            *where,
        ]
    )
    # Only what is returned is joined with its shape and texts, not all that has to be sorted.
    first = (
        f"SELECT e.sequence FROM {half} AS e WHERE {condition.sql}"
        f" {order_by(query.order, half)} LIMIT ?"
    )
    tail = f"WHERE e.sequence IN ({first})"
    return select(connection, half, tail, [*condition.parameters, limit])


def _first_of_shapes(
    connection: sqlite3.Connection,
    query: EventQuery,
    half: Half,
    limit: int,
    where: Sequence[Condition],
    shapes: Condition,
) -> list[Found]:
    found: list[Found] = []
    for stretch in busy_stretches(connection, query, half, shapes):
        asked = replace(query, since_unix_nano=stretch.since, until_unix_nano=stretch.until)
        found += _first(connection, asked, half, limit - len(found), where)
        if len(found) == limit:
            break
    return found
