"""Listing requests: a line per pair, by the time of the request's first event log."""

# ruff: noqa: S608 - names in the SQL are our own columns; every value is a parameter

from __future__ import annotations

import sqlite3

from otel_eventlog.model import TAG_END, TAG_START, uuid_int
from otel_eventlog_collector.query import EventQuery, RequestState
from otel_eventlog_collector.store.row import span_from_int
from otel_eventlog_collector.store.sqlite.segment_read import (
    Found,
    after,
    halves,
    is_hopeless,
    kept,
    order_by,
)
from otel_eventlog_collector.store.sqlite.where import (
    Condition,
    all_of,
    any_of,
    event_condition,
)

_OTHER = (
    "LEFT JOIN events AS o ON o.start_ms = e.start_ms AND o.span_id = e.span_id"
    " AND o.half = 1 - e.half"
)

_IS_THERE = Condition("o.half IS NOT NULL")
"""A half that never came passes no filter, not even a negated one."""


def find_requests(
    connection: sqlite3.Connection,
    query: EventQuery,
    state: tuple[RequestState | None, int],
    limit: int,
    cutoff: int | None,
) -> list[list[Found]]:
    """Return the first requests of a segment of which an event log passes a query.

    Args:
        connection: to the segment.
        query: filters, text, times, order and cursor (of a request's first event log).
        state: wanted state, and the start time from which backwards there is no outcome.
        limit: most requests.
        cutoff: clamp of retention.

    """
    if is_hopeless(connection, query):
        return []
    fixed = [*after(query.cursor, query.order), *kept(cutoff), *_state(*state)]
    first = all_of(
        [
            Condition("(e.half = 0 OR o.half IS NULL)"),
            any_of([event_condition(query, "e"), all_of([_IS_THERE, event_condition(query, "o")])]),
            *_times(query),
            *fixed,
        ]
    )
    heads = _heads(connection, first, query.order, limit)
    if query.since_unix_nano is not None:
        # A request that began before `since` and ended after it: found by its outcome.
        late = all_of(
            [
                Condition("e.half = 0 AND o.half = 1"),
                Condition("e.time_unix_nano < ?", [query.since_unix_nano]),
                event_condition(query, "o"),
                *fixed,
            ]
        )
        heads += _heads(connection, late, query.order, limit, driver="o")
    found = [halves(connection, head, cutoff) for head in heads]
    found.sort(key=lambda pair: pair[0].order, reverse=query.order == "desc")
    return found[:limit]


def _times(query: EventQuery) -> list[Condition]:
    """Bound the first event log in time, so that the index on time is walked only so far.

    An outcome never lies before its start, so what ends inside the bounds began before `until`.
    """
    conditions = []
    if query.since_unix_nano is not None:
        conditions.append(Condition("e.time_unix_nano >= ?", [query.since_unix_nano]))
    if query.until_unix_nano is not None:
        conditions.append(Condition("e.time_unix_nano < ?", [query.until_unix_nano]))
    return conditions


def _state(state: RequestState | None, no_outcome_before: int) -> list[Condition]:
    if state is None:
        return []
    if state is RequestState.FINISHED:
        return [Condition("(e.half = 1 OR o.half = 1)")]
    sign = ">" if state is RequestState.IN_PROGRESS else "<="
    started = Condition(f"e.time_unix_nano - e.elapsed_ns {sign} ?", [no_outcome_before])
    return [Condition("e.half = 0 AND o.half IS NULL"), started]


def _heads(
    connection: sqlite3.Connection,
    condition: Condition,
    order: str,
    limit: int,
    driver: str = "e",
) -> list[int]:
    """Return the ids of the first event logs of requests; `driver` is the table walked by time."""
    tables = f"events AS e {_OTHER}"
    if driver == "o":
        tables = (
            "events AS o CROSS JOIN events AS e ON e.start_ms = o.start_ms"
            " AND e.span_id = o.span_id AND e.half = 1 - o.half"
        )
    rows = connection.execute(
        f"SELECT e.start_ms, e.span_id, e.half FROM {tables}"
        f" WHERE {condition.sql} {order_by(order)} LIMIT ?",
        [*condition.parameters, limit],
    ).fetchall()
    return [
        uuid_int(ms * 1_000_000, span_from_int(span), TAG_END if half else TAG_START)
        for ms, span, half in rows
    ]
