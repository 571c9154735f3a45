"""Listing requests: a line per pair, by the time of the request's first event log."""

# ruff: noqa: S608 - names in the SQL are our own columns; every value is a parameter

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from otel_eventlog.model import TAG_END, TAG_START, uuid_int
from otel_eventlog_collector.query import EventQuery, RequestState
from otel_eventlog_collector.store.row import span_from_int
from otel_eventlog_collector.store.sqlite.segment_read import (
    Found,
    after,
    halves,
    hopeful,
    kept,
    order_by,
)
from otel_eventlog_collector.store.sqlite.where import (
    Condition,
    Half,
    all_of,
    any_of,
    between,
    event_condition,
)

_JOIN = "ON e.start_ms = o.start_ms AND e.span_id = o.span_id"
_ALONE = Condition("e.other_shape IS NULL AND e.slot = 0")
"""A half whose other half is not there came alone and first: a small index has all of these."""
_NO_START = Condition(
    "NOT EXISTS (SELECT 1 FROM starts AS s WHERE s.start_ms = e.start_ms AND s.span_id = e.span_id)"
)
_NO_OUTCOME = Condition(
    "NOT EXISTS"
    " (SELECT 1 FROM outcomes AS o WHERE o.start_ms = e.start_ms AND o.span_id = e.span_id)"
)
_HAS_OUTCOME = Condition("o.position IS NOT NULL")
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
    if not hopeful(connection, query):
        return []
    wanted, no_outcome_before = state
    if wanted in (RequestState.IN_PROGRESS, RequestState.NO_OUTCOME):
        since_or_until = ">" if wanted is RequestState.IN_PROGRESS else "<="
        age = Condition(f"e.start_unix_nano {since_or_until} ?", [no_outcome_before])
        heads = _unfinished(connection, query, age, limit, cutoff)
    else:
        is_finished = [_HAS_OUTCOME] if wanted is RequestState.FINISHED else []
        heads = _started(connection, query, is_finished, limit, cutoff)
        heads += _startless(connection, query, limit, cutoff)
        if query.since_unix_nano is not None:
            heads += _late(connection, query, limit, cutoff)
    found = [halves(connection, head, cutoff) for head in dict.fromkeys(heads)]
    found.sort(key=lambda pair: pair[0].order, reverse=query.order == "desc")
    return found[:limit]


def _started(
    connection: sqlite3.Connection,
    query: EventQuery,
    state: Sequence[Condition],
    limit: int,
    cutoff: int | None,
) -> list[int]:
    """Return the requests whose start lies between the times of a query."""
    condition = all_of(
        [
            any_of(
                [
                    event_condition(query, "e", Half.START),
                    all_of([_HAS_OUTCOME, event_condition(query, "o", Half.OUTCOME)]),
                ]
            ),
            # An outcome never lies before its start, so what ends in time began before `until`.
            *between("e", Half.START, query.since_unix_nano, query.until_unix_nano),
            *after(query.cursor, query.order, Half.START),
            *kept(cutoff),
            *state,
        ]
    )
    tables = f"starts AS e LEFT JOIN outcomes AS o {_JOIN}"
    return _heads(connection, tables, condition, order_by(query.order, Half.START), limit)


def _unfinished(
    connection: sqlite3.Connection,
    query: EventQuery,
    age: Condition,
    limit: int,
    cutoff: int | None,
) -> list[int]:
    """Return the requests of which only the start is there."""
    condition = all_of(
        [
            event_condition(query, "e", Half.START),
            *after(query.cursor, query.order, Half.START),
            *kept(cutoff),
            age,
            _ALONE,
            _NO_OUTCOME,
        ]
    )
    return _heads(connection, "starts AS e", condition, order_by(query.order, Half.START), limit)


def _startless(
    connection: sqlite3.Connection, query: EventQuery, limit: int, cutoff: int | None
) -> list[int]:
    """Return the requests of which only the outcome is there."""
    condition = all_of(
        [
            event_condition(query, "e", Half.OUTCOME),
            *after(query.cursor, query.order, Half.OUTCOME),
            *kept(cutoff),
            _ALONE,
            _NO_START,
        ]
    )
    order = order_by(query.order, Half.OUTCOME)
    return _heads(connection, "outcomes AS e", condition, order, limit)


def _late(
    connection: sqlite3.Connection, query: EventQuery, limit: int, cutoff: int | None
) -> list[int]:
    """Return the requests that began before `since` and ended after it, found by their outcome."""
    condition = all_of(
        [
            *between("e", Half.START, None, query.since_unix_nano),
            event_condition(query, "o", Half.OUTCOME),
            *after(query.cursor, query.order, Half.START),
            *kept(cutoff),
        ]
    )
    tables = f"outcomes AS o CROSS JOIN starts AS e {_JOIN}"
    return _heads(connection, tables, condition, order_by(query.order, Half.START), limit)


def _heads(
    connection: sqlite3.Connection, tables: str, condition: Condition, order: str, limit: int
) -> list[int]:
    """Return the ids of the first event logs of requests."""
    rows = connection.execute(
        f"SELECT e.start_ms, e.span_id, e.half FROM {tables} WHERE {condition.sql} {order} LIMIT ?",
        [*condition.parameters, limit],
    ).fetchall()
    return [
        uuid_int(ms * 1_000_000, span_from_int(span), TAG_END if half else TAG_START)
        for ms, span, half in rows
    ]
