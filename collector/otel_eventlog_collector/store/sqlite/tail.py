"""Reading the stream of commits after a position."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping
from functools import partial
from typing import TypeAlias

from otel_eventlog.model import EventLog
from otel_eventlog_collector.query import EventQuery, TailBatch
from otel_eventlog_collector.store.sqlite import segment_read
from otel_eventlog_collector.store.sqlite.catalog import CatalogState
from otel_eventlog_collector.store.sqlite.pool import SegmentPool
from otel_eventlog_collector.store.sqlite.position import Position, parse_position

LOOKED_AT_MAX = 20_000
"""Most event logs looked at in one read, whether or not they pass the filters."""
TAIL_S_MAX = 1.0
"""Longest look in one call; a batch cut by it says how far it came, and the next goes on there."""

_Part: TypeAlias = tuple[list[segment_read.Found], int, bool]


def read_position(pool: SegmentPool, days: Mapping[int, int | None], state: CatalogState) -> str:
    """Return the position after everything committed so far."""
    reached_in = {day: pool.read(day, segment_read.last_position, 0) for day in days}
    return Position(state.store_id, state.purge_number, reached_in).text()


def read_tail(
    pool: SegmentPool,
    days: Mapping[int, int | None],
    state: CatalogState,
    asked: tuple[str, EventQuery, int],
) -> TailBatch:
    """Return what was committed after a position.

    Args:
        pool: gives the connections.
        days: the segments to read, each with its clamp of retention.
        state: identity of the store and what was purged.
        asked: position, query (of which filters, text and times count) and limit.

    Raises:
        QueryError: the position is none of this store.

    """
    text, query, limit = asked
    position = parse_position(text, state.store_id)
    gap = any(
        purge.number > position.purge_number
        and purge.last_position > position.positions.get(purge.day, 0)
        for purge in state.purges
    )
    reached_in = {day: position.positions.get(day, 0) for day in sorted(days)}
    events: list[tuple[str, EventLog]] = []
    deadline_s = time.monotonic() + TAIL_S_MAX
    for day, cutoff in sorted(days.items()):
        while len(events) < limit and time.monotonic() < deadline_s:
            work = partial(
                _read_part,
                query=query,
                after=reached_in[day],
                limit=limit - len(events),
                cutoff=cutoff,
            )
            nothing: _Part = ([], reached_in[day], True)
            found, reached, is_end = pool.read(day, work, nothing)
            for each in found:
                reached_in[day] = each.position
                here = Position(state.store_id, state.purge_number, reached_in)
                events.append((here.text(), each.event))
            reached_in[day] = reached
            if is_end:
                break
    position = Position(state.store_id, state.purge_number, reached_in)
    return TailBatch(events, position.text(), gap)


def _read_part(
    connection: sqlite3.Connection,
    *,
    query: EventQuery,
    after: int,
    limit: int,
    cutoff: int | None,
) -> _Part:
    """Read one part; return what was found, the position looked up to, and whether that is all."""
    last = segment_read.last_position(connection)
    up_to = min(last, after + LOOKED_AT_MAX)
    if up_to <= after:
        return [], after, True
    found = segment_read.committed(connection, query, (after, up_to), limit, cutoff)
    if len(found) == limit:
        return found, found[-1].position, found[-1].position == last
    return found, up_to, up_to == last
