"""Counting inside one segment: histogram slices and facet values."""

# ruff: noqa: S608 - names in the SQL are our own columns; every value is a parameter

from __future__ import annotations

import sqlite3
from collections import Counter
from typing import Any

from otel_eventlog.model import uuid_int, uuid_text
from otel_eventlog_collector.query import EventQuery
from otel_eventlog_collector.store.row import SHAPE_FIELDS, span_from_int
from otel_eventlog_collector.store.sqlite.schema import TEXT_COLUMNS
from otel_eventlog_collector.store.sqlite.segment_read import is_hopeless, kept
from otel_eventlog_collector.store.sqlite.where import Condition, all_of, event_condition

_NS_PER_MS = 1_000_000


def _condition(query: EventQuery, cutoff: int | None) -> Condition:
    return all_of([event_condition(query, "e"), *kept(cutoff)])


def slices(
    connection: sqlite3.Connection,
    query: EventQuery,
    cutoff: int | None,
    since_unix_nano: int,
    bucket_ns: int,
) -> Counter[tuple[int, str]]:
    """Count event logs by number of the time slice and status."""
    if is_hopeless(connection, query):
        return Counter()
    condition = _condition(query, cutoff)
    rows = connection.execute(
        "SELECT slice, status, sum(events) FROM ("
        "SELECT (e.time_unix_nano - ?) / ? AS slice, e.shape_id, count(*) AS events"
        f" FROM events AS e WHERE {condition.sql} GROUP BY 1, 2"
        ") JOIN shapes ON shapes.id = shape_id GROUP BY slice, status",
        [since_unix_nano, bucket_ns, *condition.parameters],
    )
    return Counter({(row[0], row[1]): row[2] for row in rows})


def values(
    connection: sqlite3.Connection, query: EventQuery, cutoff: int | None, field: str
) -> Counter[str]:
    """Count event logs by the value of a field, as text; absent values are not counted."""
    if is_hopeless(connection, query):
        return Counter()
    condition = _condition(query, cutoff)
    if field in SHAPE_FIELDS or field == "phase":
        column = "CASE status WHEN 'start' THEN 'start' ELSE 'end' END"
        sql = (
            f"SELECT {column if field == 'phase' else field}, sum(events) FROM ("
            f"SELECT e.shape_id, count(*) AS events FROM events AS e WHERE {condition.sql}"
            " GROUP BY 1) JOIN shapes ON shapes.id = shape_id GROUP BY 1"
        )
    elif field in TEXT_COLUMNS:
        sql = (
            f"SELECT texts.text, events FROM (SELECT e.{TEXT_COLUMNS[field]} AS number,"
            f" count(*) AS events FROM events AS e WHERE {condition.sql} GROUP BY 1)"
            " JOIN texts ON texts.id = number"
        )
    elif field in ("event_id", "request_id"):
        half = "e.half" if field == "event_id" else "-1"
        sql = (
            f"SELECT e.start_ms, e.span_id, {half}, count(*) FROM events AS e"
            f" WHERE {condition.sql} GROUP BY 1, 2, 3"
        )
        rows = connection.execute(sql, condition.parameters)
        return Counter({_uuid_text(*row[:3]): row[3] for row in rows})
    else:
        sql = f"SELECT e.{field}, count(*) FROM events AS e WHERE {condition.sql} GROUP BY 1"
    counts: Counter[str] = Counter()
    for value, number in connection.execute(sql, condition.parameters):
        if value is not None:
            counts[_text(field, value)] += number
    return counts


def _uuid_text(start_ms: int, span_id: int, half: int) -> str:
    return uuid_text(uuid_int(start_ms * _NS_PER_MS, span_from_int(span_id), half + 1))


def _text(field: str, value: Any) -> str:
    if field == "trace_id":
        return bytes(value).hex()
    if field in ("span_id", "parent_span_id"):
        return f"{span_from_int(value):016x}"
    return str(value)
