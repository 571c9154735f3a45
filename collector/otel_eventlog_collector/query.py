"""What a reader may ask (`EventQuery`) and what one answer is (`Page`): pure data.

Parsing of parameters (times, wildcards, `q`, cursors) is in `query_parse.py`; every surface, the
JSON API, the command line and the dashboard, asks through these types only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from otel_eventlog.model import EventLog

TEXT_FIELDS = (
    "event_id",
    "request_id",
    "phase",
    "action",
    "category",
    "status",
    "outcome_source",
    "next_step",
    "project",
    "environment",
    "service",
    "service_version",
    "trace_id",
    "span_id",
    "parent_span_id",
    "correlation_id",
    "flow_id",
    "user_id",
    "organization_id",
    "client_id",
    "auth_method",
    "auth_factor",
    "http_method",
    "http_route",
    "error_type",
    "error_message",
    "session_token_hash",
    "session_jwt_hash",
    "client_address",
    "user_agent",
    "message_status",
)
"""Fields of an event log that are filters, with `*` prefix wildcard."""
NUMBER_FIELDS = ("http_status_code",)
FILTER_FIELDS = TEXT_FIELDS + NUMBER_FIELDS

FREE_TEXT_FIELDS = (
    "correlation_id",
    "flow_id",
    "user_id",
    "organization_id",
    "client_id",
    "client_address",
    "action",
    "error_type",
    "error_message",
)
"""Fields in which free text of `q` is looked for (contains, ignoring case)."""
FREE_TEXT_IDS = ("request_id", "event_id", "trace_id", "span_id")
"""Ids that free text finds as well, when they begin with it and it is long enough.

Ids are pasted whole, or cut short at the end; a few digits are in the middle of any number of them.
"""
FREE_TEXT_ID_DIGITS_MIN = 8

LIMIT_DEFAULT = 100
LIMIT_MAX = 1000


@dataclass(frozen=True, slots=True)
class Term:
    """One wanted value of a field: exact, or a prefix, or (with `negated`) an unwanted one.

    An event log passes a field's terms if it equals any of the plain ones (when there are any)
    and none of the negated ones. An absent value equals nothing.
    """

    value: str
    prefix: bool = False
    negated: bool = False


class RequestState(StrEnum):
    """State of a request, computed when reading."""

    IN_PROGRESS = "in_progress"
    NO_OUTCOME = "no_outcome"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class Cursor:
    """Keyset position after which a page goes on: time and event id of the last one returned."""

    time_unix_nano: int
    event_uuid: int


@dataclass(frozen=True, slots=True)
class EventQuery:
    """Which event logs, in which order, how many.

    Attributes:
        filters: field name (one of FILTER_FIELDS) → its terms.
        since_unix_nano: earliest time, inclusive; None = as far as retention reaches.
        until_unix_nano: latest time, exclusive; None = open.
        text: free-text terms, each of which must (or, negated, must not) occur in one of
            FREE_TEXT_FIELDS, or begin one of FREE_TEXT_IDS.
        order: newest first ("desc") or oldest first, by (time, event id).
        limit: most event logs in one page, 1..LIMIT_MAX.
        cursor: where the previous page ended.

    """

    filters: Mapping[str, Sequence[Term]] = field(default_factory=dict)
    since_unix_nano: int | None = None
    until_unix_nano: int | None = None
    text: Sequence[Term] = ()
    order: Literal["desc", "asc"] = "desc"
    limit: int = LIMIT_DEFAULT
    cursor: Cursor | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One answer. `next_cursor` is None on the last page."""

    events: Sequence[EventLog]
    next_cursor: Cursor | None


@dataclass(frozen=True, slots=True)
class Request:
    """One request: its start, its outcome, or both (at least one of them)."""

    start: EventLog | None
    outcome: EventLog | None


@dataclass(frozen=True, slots=True)
class RequestPage:
    """One answer of requests, by the request's first event log."""

    requests: Sequence[Request]
    next_cursor: Cursor | None


@dataclass(frozen=True, slots=True)
class TailBatch:
    """Event logs committed after a stream position, oldest commit first.

    Attributes:
        events: each with the position right after it, opaque text for `Last-Event-ID`.
        position: position after everything looked at, also when nothing matched.
        gap: the asked position was already purged: something may be missing before `events`.

    """

    events: Sequence[tuple[str, EventLog]]
    position: str
    gap: bool = False


@dataclass(frozen=True, slots=True)
class HistogramBucket:
    """How many event logs of each status began in one slice of time."""

    from_unix_nano: int
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class DurationCount:
    """How many outcomes took a time between two bounds, both inclusive, nanoseconds.

    A store that counts durations in classes says how wide each is; equal bounds are exact.
    """

    shortest_ns: int
    longest_ns: int
    outcomes: int


@dataclass(frozen=True, slots=True)
class ActionFigures:
    """What the event logs of one action add up to.

    Attributes:
        action: its name.
        slices: exact counts by status for each slice of time, the first one first.
        error_types: how many errors had which reason; None for those that told none.
        durations: how long outcomes took, in no order; outcomes without a duration are left out.

    """

    action: str
    slices: Sequence[Mapping[str, int]]
    error_types: Mapping[str | None, int]
    durations: Sequence[DurationCount]
