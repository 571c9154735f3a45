"""Pairs → rows, column by column: no function of ours is called once for each pair."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat
from operator import itemgetter, sub
from typing import Any
from zlib import crc32

from otel_eventlog.pairs import Pair
from otel_eventlog_collector.store.row import SPAN_BIAS, SqlValue, attributes_to_sql
from otel_eventlog_collector.store.sqlite.numbers import Numbers
from otel_eventlog_collector.store.sqlite.rollup import Rollup
from otel_eventlog_collector.store.sqlite.schema import PAIR_COLUMNS


def user_key(user_id: str) -> int:
    """Return the number under which a user is indexed; several users may share one."""
    return crc32(user_id.encode("utf-8", "replace"))


def pair_rows(
    pairs: Sequence[Pair], observed_unix_nano: Sequence[int], numbers: Numbers, rollup: Rollup
) -> list[tuple[SqlValue, ...]]:
    """Return the rows of pairs, in the order of PAIR_COLUMNS, and count them in the rollup.

    Args:
        pairs: at least one.
        observed_unix_nano: when each was received.
        numbers: of the segment.
        rollup: of the transaction.

    Raises:
        TypeError, AttributeError, UnicodeError: a pair holds what no column takes.

    """
    given: dict[str, Any] = dict(zip(Pair._fields, zip(*pairs, strict=True), strict=True))
    starts, ends, texts = given["start_unix_nano"], given["end_unix_nano"], numbers.text_ids
    shapes = list(map(numbers.template_ids.__getitem__, given["template"]))
    elapsed = list(map(sub, ends, starts))
    rollup.count_pairs(shapes, starts, ends, elapsed)
    columns: dict[str, Iterable[SqlValue]] = {
        "start_unix_nano": starts,
        "elapsed_ns": elapsed,
        "span_id": map(sub, given["span_id"], repeat(SPAN_BIAS, len(pairs))),
        "trace_id": [trace or None for trace in given["trace_id"]],
        "parent_span_id": [
            parent - SPAN_BIAS if parent else None for parent in given["parent_span_id"]
        ],
        "observed_delta_ns": map(sub, observed_unix_nano, starts),
        "correlation_id": given["correlation_id"],
        "flow_id": given["flow_id"],
        "client_address": given["client_address"],
        "user_id": given["user_id"],
        "session_token_hash": given["session_token_hash"],
        "session_jwt_hash": given["session_jwt_hash"],
        "attributes": [
            attributes_to_sql(found) if found else None for found in given["attributes"]
        ],
        "start_shape": map(itemgetter(0), shapes),
        "outcome_shape": map(itemgetter(1), shapes),
        "organization_text": map(texts.__getitem__, given["organization_id"]),
        "client_text": map(texts.__getitem__, given["client_id"]),
        "user_agent_text": map(texts.__getitem__, given["user_agent"]),
        "error_message_text": map(texts.__getitem__, given["error_message"]),
        "user_key": [
            None if user is None else crc32(user.encode("utf-8", "replace"))
            for user in given["user_id"]
        ],
    }
    return list(zip(*(columns[name] for name in PAIR_COLUMNS), strict=True))
