"""Listing requests: a line per pair, by the time of the request's first event log."""

# ruff: noqa: S608 - names in the SQL are our own columns; every value is a parameter

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from otel_eventlog.model import TAG_END, TAG_START, uuid_int
from otel_eventlog_collector.query import EventQuery, RequestState
from otel_eventlog_collector.store.row import span_from_int
from otel_eventlog_collector.store.sqlite.candidates import (
    among,
    candidates,
    of_rare_shapes,
)
from otel_eventlog_collector.store.sqlite.segment_read import (
    Found,
    after,
    halves,
    hopeful,
    kept,
    one_snapshot,
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


_UNFINISHED = (RequestState.IN_PROGRESS, RequestState.NO_OUTCOME)
"""States in which a request is found by a small index of its own."""


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
    with one_snapshot(connection):
        rows = None if state[0] in _UNFINISHED else _rows(connection, query)
        if rows == []:
            return []
        where = _Where(query, kept(cutoff), rows, limit)
        heads = dict.fromkeys(_heads_of(connection, where, state))
        found = [halves(connection, head, cutoff) for head in heads]
    found.sort(key=lambda pair: pair[0].order, reverse=query.order == "desc")
    return found[:limit]


@dataclass(frozen=True, slots=True)
class _Where:
    """What is looked for: a query, the clamp of retention, the rows that may hold it if known."""

    query: EventQuery
    kept: Sequence[Condition]
    rows: list[int] | None
    limit: int

    def common(self, half: Half, alias: str = "e") -> list[Condition]:
        """Return the conditions of every statement; `alias` names the half that is in `rows`."""
        return [
            *after(self.query.cursor, self.query.order, half),
            *self.kept,
            *([] if self.rows is None else [among(self.rows, alias)]),
        ]


def _rows(connection: sqlite3.Connection, query: EventQuery) -> list[int] | None:
    """Return the only rows that may hold a half of what is looked for, None where any may."""
    rows = candidates(connection, query)
    if rows is None:
        rows = of_rare_shapes(connection, query)
    if not rows:
        return rows
    wanted = among(rows, "one")
    found = connection.execute(
        "SELECT DISTINCT both.sequence FROM requests AS one CROSS JOIN requests AS both"
        f" ON both.start_ms = one.start_ms AND both.span_id = one.span_id WHERE {wanted.sql}",
        wanted.parameters,
    )
    return [row[0] for row in found]


def _heads_of(
    connection: sqlite3.Connection, where: _Where, state: tuple[RequestState | None, int]
) -> list[int]:
    wanted, no_outcome_before = state
    if wanted in _UNFINISHED:
        since_or_until = ">" if wanted is RequestState.IN_PROGRESS else "<="
        age = Condition(f"e.start_unix_nano {since_or_until} ?", [no_outcome_before])
        return _unfinished(connection, where, age)
    is_finished = [_HAS_OUTCOME] if wanted is RequestState.FINISHED else []
    heads = _started(connection, where, is_finished) + _startless(connection, where)
    if where.query.since_unix_nano is not None:
        heads += _late(connection, where)
    return heads


def _started(
    connection: sqlite3.Connection, where: _Where, state: Sequence[Condition]
) -> list[int]:
    """Return the requests whose start lies between the times of a query."""
    query = where.query
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
            *where.common(Half.START),
            *state,
        ]
    )
    tables = f"starts AS e LEFT JOIN outcomes AS o {_JOIN}"
    return _heads(connection, tables, condition, order_by(query.order, Half.START), where.limit)


def _unfinished(connection: sqlite3.Connection, where: _Where, age: Condition) -> list[int]:
    """Return the requests of which only the start is there."""
    condition = all_of(
        [
            event_condition(where.query, "e", Half.START),
            *where.common(Half.START),
            age,
            _ALONE,
            _NO_OUTCOME,
        ]
    )
    order = order_by(where.query.order, Half.START)
    return _heads(connection, "starts AS e", condition, order, where.limit)


def _startless(connection: sqlite3.Connection, where: _Where) -> list[int]:
    """Return the requests of which only the outcome is there."""
    condition = all_of(
        [
            event_condition(where.query, "e", Half.OUTCOME),
            *where.common(Half.OUTCOME),
            _ALONE,
            _NO_START,
        ]
    )
    order = order_by(where.query.order, Half.OUTCOME)
    return _heads(connection, "outcomes AS e", condition, order, where.limit)


def _late(connection: sqlite3.Connection, where: _Where) -> list[int]:
    """Return the requests that began before `since` and ended after it, found by their outcome."""
    query = where.query
    condition = all_of(
        [
            *between("e", Half.START, None, query.since_unix_nano),
            event_condition(query, "o", Half.OUTCOME),
            *where.common(Half.START, "o"),
        ]
    )
    tables = f"outcomes AS o CROSS JOIN starts AS e {_JOIN}"
    return _heads(connection, tables, condition, order_by(query.order, Half.START), where.limit)


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
