"""Counting inside one segment: histogram slices and facet values."""

# ruff: noqa: S608 - names in the SQL are our own columns; every value is a parameter

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from typing import Any

from otel_eventlog.model import uuid_int, uuid_text
from otel_eventlog_collector.query import EventQuery
from otel_eventlog_collector.store.row import span_from_int
from otel_eventlog_collector.store.sqlite.schema import TEXT_COLUMNS
from otel_eventlog_collector.store.sqlite.segment_read import hopeful, kept
from otel_eventlog_collector.store.sqlite.where import (
    Condition,
    Half,
    all_of,
    event_condition,
    is_on_shapes,
)

_NS_PER_MS = 1_000_000


def _condition(query: EventQuery, cutoff: int | None, half: Half) -> Condition:
    return all_of([event_condition(query, "e", half), *kept(cutoff)])


def slices(
    connection: sqlite3.Connection,
    query: EventQuery,
    cutoff: int | None,
    since_unix_nano: int,
    bucket_ns: int,
) -> Counter[tuple[int, str]]:
    """Count event logs by number of the time slice and status."""
    counts: Counter[tuple[int, str]] = Counter()
    for half in hopeful(connection, query):
        condition = _condition(query, cutoff, half)
        rows = connection.execute(
            "SELECT slice, status, sum(events) FROM ("
            "SELECT (e.time_unix_nano - ?) / ? AS slice, e.shape_id, count(*) AS events"
            f" FROM {half} AS e WHERE {condition.sql} GROUP BY 1, 2"
            ") JOIN shapes ON shapes.id = shape_id GROUP BY slice, status",
            [since_unix_nano, bucket_ns, *condition.parameters],
        )
        counts.update({(row[0], row[1]): row[2] for row in rows})
    return counts


def values(
    connection: sqlite3.Connection, query: EventQuery, cutoff: int | None, field: str
) -> Counter[str]:
    """Count event logs by the value of a field, as text; absent values are not counted."""
    counts: Counter[str] = Counter()
    for half in hopeful(connection, query):
        condition = _condition(query, cutoff, half)
        sql = _values_sql(field, half, condition)
        for row in connection.execute(sql, condition.parameters):
            *value, events = row
            if value[0] is not None:
                counts[_text(field, value)] += events
    return counts


def _values_sql(field: str, half: Half, condition: Condition) -> str:
    """Return the statement that counts a half's event logs by the columns that make a field."""
    if is_on_shapes(field):
        column = "CASE status WHEN 'start' THEN 'start' ELSE 'end' END"
        return (
            f"SELECT {column if field == 'phase' else field}, sum(events) FROM ("
            f"SELECT e.shape_id, count(*) AS events FROM {half} AS e WHERE {condition.sql}"
            " GROUP BY 1) JOIN shapes ON shapes.id = shape_id GROUP BY 1"
        )
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
