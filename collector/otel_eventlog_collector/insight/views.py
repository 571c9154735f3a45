"""What can be asked of a collector, answered as JSON objects from any `EventReader`.

The API wraps these in HTTP, the command calls them straight on a data directory: the same
question has the same answer everywhere. Each method blocks on the store; parameters come as
(name, value) pairs of text, as in a query string.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from otel_eventlog.model import Status, parse_uuid
from otel_eventlog_collector.errors import NotFound, QueryError
from otel_eventlog_collector.event_json import event_json, rfc3339
from otel_eventlog_collector.insight.actions import action_line, duration_error_max
from otel_eventlog_collector.insight.export import FORMATS, Format, export
from otel_eventlog_collector.insight.request_view import paired, request_detail, request_line
from otel_eventlog_collector.protocols import Clock, EventReader, StoreStatus
from otel_eventlog_collector.query import (
    FILTER_FIELDS,
    LIMIT_MAX,
    Cursor,
    EventQuery,
    Request,
    RequestState,
    Term,
)
from otel_eventlog_collector.query_parse import (
    PARAMETERS,
    cursor_text,
    did_you_mean,
    parse_parameters,
    parse_query,
)
from otel_eventlog_collector.query_parse.times import NS_PER_S, parse_duration_ns

Parameters: TypeAlias = Sequence[tuple[str, str]]

SPAN_DEFAULT_NS = 24 * 3600 * NS_PER_S
"""How far a histogram and facets look back when `since` is not given."""
BUCKETS_DEFAULT = 60
BUCKETS_MAX = 1500
FACET_VALUES_DEFAULT = 20
FACET_VALUES_MAX = 1000
FACETS_DEFAULT = ("action", "status", "user_id", "error_type", "service")
_NICE_BUCKETS_S = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
NEIGHBOURS_WITHIN_NS = 15 * 60 * NS_PER_S
"""So far from a request others of its trace are looked for: no longer than a person waits."""
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Views:
    """The questions.

    Attributes:
        reader: where the answers come from.
        clock: what relative times and request states count from.
        trace_url: template of a trace's address with `{trace_id}`, "" for no links.
        no_outcome_after_ns: age at which a start without outcome counts as having none.

    """

    reader: EventReader
    clock: Clock
    trace_url: str
    no_outcome_after_ns: int

    def events(self, parameters: Parameters) -> dict[str, Any]:
        """Answer `GET /api/v1/events`: one page of event logs."""
        page = self.reader.find(parse_query(parameters, self.clock()))
        return {
            "ok": True,
            "events": [event_json(event) for event in page.events],
            "next_cursor": cursor_text(page.next_cursor) if page.next_cursor else None,
        }

    def event(self, event_id: str) -> dict[str, Any]:
        """Answer `GET /api/v1/events/{event_id}`."""
        found = self.reader.event(_uuid_int("event_id", event_id))
        if found is None:
            raise NotFound(f"no event log has the id {event_id!r}; {_GONE}")
        return {"ok": True, "event": event_json(found)}

    def requests(self, parameters: Parameters) -> dict[str, Any]:
        """Answer `GET /api/v1/requests`: one page of requests, optionally of one state."""
        own, rest = _split(parameters, ("state",))
        query = parse_parameters(rest, self.clock(), (*PARAMETERS, "state"))
        before = self._no_outcome_before()
        page = self.reader.requests(query, _state(own.get("state")), before)
        return {
            "ok": True,
            "requests": [request_line(request, before) for request in page.requests],
            "next_cursor": cursor_text(page.next_cursor) if page.next_cursor else None,
        }

    def request(self, request_id: str) -> dict[str, Any]:
        """Answer `GET /api/v1/requests/{request_id}`: the pair and what belongs to it."""
        uuid = _uuid_int("request_id", request_id)
        found = self.reader.request(uuid)
        if found is None:
            raise NotFound(f"no request has the id {request_id!r}; {_GONE}")
        before = self._no_outcome_before()
        detail = request_detail(found, self._neighbours(found), self.trace_url, before)
        return {"ok": True, "request": detail}

    def _neighbours(self, found: Request) -> list[Request]:
        """Return the other requests of a request's trace, of the time around it."""
        known = found.outcome or found.start
        if known is None or not known.trace_id:
            return []
        began = (found.start or known).time_unix_nano
        around = EventQuery(
            filters={"trace_id": [Term(f"{known.trace_id:032x}")]},
            since_unix_nano=began - NEIGHBOURS_WITHIN_NS,
            until_unix_nano=known.time_unix_nano + NEIGHBOURS_WITHIN_NS,
            order="asc",
            limit=LIMIT_MAX,
        )
        return [
            other
            for other in paired(self.reader.find(around).events)
            if (half := other.start or other.outcome)
            and half.request_uuid_int != known.request_uuid_int
        ]

    def histogram(self, parameters: Parameters) -> dict[str, Any]:
        """Answer `GET /api/v1/histogram`: counts by status for each slice of time."""
        own, rest = _split(parameters, ("bucket",))
        query, since, until = self._window(rest, ("bucket",))
        bucket_ns = _bucket_ns(own.get("bucket"), until - since)
        begin = _round_down(since, bucket_ns)
        buckets = self.reader.histogram(query, begin, until, bucket_ns)
        return {
            "ok": True,
            **_window_json(since, until),
            "bucket_ns": bucket_ns,
            "buckets": [
                {
                    "from": rfc3339(bucket.from_unix_nano),
                    "from_unix_nano": bucket.from_unix_nano,
                    "counts": {status: bucket.counts.get(status, 0) for status in Status},
                }
                for bucket in buckets
            ],
            "approximate": False,
        }

    def facets(self, parameters: Parameters) -> dict[str, Any]:
        """Answer `GET /api/v1/facets`: the most frequent values of fields, with counts."""
        fields = [value for name, value in parameters if name == "field"] or list(FACETS_DEFAULT)
        for name in fields:
            if name not in FILTER_FIELDS:
                hint = did_you_mean(name, FILTER_FIELDS)
                raise QueryError("field", f"{name[:64]!r} is no field; {hint}")
        own, rest = _split([pair for pair in parameters if pair[0] != "field"], ("limit",))
        limit = _number("limit", own.get("limit"), FACET_VALUES_DEFAULT, FACET_VALUES_MAX)
        query, since, until = self._window(rest, ("field", "limit"))
        counted = self.reader.facets(query, fields, limit)
        return {
            "ok": True,
            **_window_json(since, until),
            "facets": {
                name: [{"value": value, "count": count} for value, count in values]
                for name, values in counted.items()
            },
            "approximate": False,
        }

    def actions(self, parameters: Parameters) -> dict[str, Any]:
        """Answer `GET /api/v1/actions`: what each action seen did over the time."""
        own, rest = _split(parameters, ("bucket",))
        query, since, until = self._window(rest, ("bucket",))
        bucket_ns = _bucket_ns(own.get("bucket"), until - since)
        begin = _round_down(since, bucket_ns)
        figures = self.reader.action_figures(query, begin, until, bucket_ns)
        return {
            "ok": True,
            **_window_json(since, until),
            "bucket_ns": bucket_ns,
            "duration_error_max": duration_error_max(figures),
            "actions": [action_line(each, until - since) for each in figures],
            "approximate": False,
        }

    def export(self, parameters: Parameters) -> tuple[Format, Iterator[str]]:
        """Answer `GET /api/v1/export`: a format, and the file's text piece by piece."""
        own, rest = _split(parameters, ("format", "after"))
        name = own.get("format", "jsonl")
        if name not in FORMATS:
            hint = did_you_mean(name, tuple(FORMATS))
            raise QueryError("format", f"{name[:64]!r} is no format; {hint}")
        now = self.clock()
        query = parse_parameters(rest, now, ("since", "until", "q", "order", "format", "after"))
        if not any(key == "order" for key, _ in rest):
            query = replace(query, order="asc")
        if query.until_unix_nano is None:
            # Otherwise an export could run after the event logs that keep arriving for ever.
            query = replace(query, until_unix_nano=now + 1)
        if "after" in own:
            query = replace(query, cursor=self._cursor_after(own["after"]))
        return FORMATS[name], export(self.reader, query, FORMATS[name])

    def _cursor_after(self, event_id: str) -> Cursor:
        """Return where to go on after an event log that the asker has already."""
        found = self.reader.event(_uuid_int("after", event_id))
        if found is None:
            raise QueryError(
                "after", f"no event log has the id {event_id!r}; begin anew without it"
            )
        return Cursor(found.time_unix_nano, found.event_uuid_int)

    def _window(self, parameters: Parameters, own: Sequence[str]) -> tuple[EventQuery, int, int]:
        now = self.clock()
        query = parse_parameters(parameters, now, ("since", "until", "q", *own))
        until = query.until_unix_nano
        # One nanosecond more, so that an event log of this very moment is counted.
        until = now + 1 if until is None else until
        since = query.since_unix_nano
        since = max(0, until - SPAN_DEFAULT_NS) if since is None else since
        return replace(query, since_unix_nano=since, until_unix_nano=until), since, until

    def _no_outcome_before(self) -> int:
        return self.clock() - self.no_outcome_after_ns


_GONE = "it may be past the retention, or never have arrived"


def store_figures(status: StoreStatus) -> dict[str, Any]:
    """Return a store's figures for `/api/v1/status` and `stats`."""
    oldest, newest = status.oldest_unix_nano, status.newest_unix_nano
    return {
        "events": status.events,
        "bytes_on_disk": status.bytes_on_disk,
        "segments": status.segments,
        "oldest": rfc3339(oldest) if oldest is not None else None,
        "newest": rfc3339(newest) if newest is not None else None,
        "retention_ns": status.retention_ns,
        "days": [
            {"day": each.day, "events": each.events, "bytes_on_disk": each.bytes_on_disk}
            for each in status.days
        ],
        "set_aside": [{"name": each.name, "reason": each.reason} for each in status.set_aside],
    }


def _window_json(since: int, until: int) -> dict[str, Any]:
    return {
        "since": rfc3339(since),
        "since_unix_nano": since,
        "until": rfc3339(until),
        "until_unix_nano": until,
    }


def _split(
    parameters: Parameters, own: Collection[str]
) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Take an endpoint's own parameters, each at most once, out of those of the query."""
    taken: dict[str, str] = {}
    rest: list[tuple[str, str]] = []
    for name, value in parameters:
        if name not in own:
            rest.append((name, value))
        elif name in taken:
            raise QueryError(name, f"{name} is given more than once; give it once")
        else:
            taken[name] = value
    return taken, rest


def _uuid_int(name: str, text: str) -> int:
    if not _UUID.fullmatch(text):
        raise QueryError(name, f"{text[:64]!r} is no {name}; it is a UUID, 36 characters long")
    try:
        parse_uuid(text.lower())
    except ValueError:
        raise NotFound(f"{text!r} is a UUID, but none of an event log or request") from None
    return int(text.replace("-", ""), 16)


def _state(text: str | None) -> RequestState | None:
    if text is None:
        return None
    if text not in tuple(RequestState):
        hint = did_you_mean(text, tuple(RequestState))
        raise QueryError("state", f"{text[:64]!r} is no state; {hint}")
    return RequestState(text)


def _number(name: str, text: str | None, default: int, largest: int) -> int:
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,6}", text) or not 1 <= int(text) <= largest:
        raise QueryError(name, f"{text[:64]!r} is no {name}; write a number from 1 to {largest}")
    return int(text)


def _round_down(since: int, bucket_ns: int) -> int:
    """Return where the slice begins in which a time lies: slices begin at round times, in UTC.

    So a bar keeps its height from one look to the next, and whole hours are counted by the hour.
    """
    return since // bucket_ns * bucket_ns


def _bucket_ns(text: str | None, span_ns: int) -> int:
    """Return the width of a histogram's slices: as asked for, or so that there are some sixty."""
    if text is None:
        wanted = span_ns / BUCKETS_DEFAULT
        fitting = [width * NS_PER_S for width in _NICE_BUCKETS_S if width * NS_PER_S >= wanted]
        return (
            fitting[0]
            if fitting
            else -(-span_ns // (BUCKETS_DEFAULT * 86_400 * NS_PER_S)) * (86_400 * NS_PER_S)
        )
    try:
        bucket_ns = parse_duration_ns(text)
    except ValueError as error:
        raise QueryError("bucket", str(error)) from None
    if bucket_ns < NS_PER_S or span_ns // bucket_ns > BUCKETS_MAX:
        least_s = max(1, span_ns // BUCKETS_MAX // NS_PER_S + 1)
        raise QueryError(
            "bucket",
            f"{text!r} cuts this time into more than {BUCKETS_MAX} slices, or is below 1s; "
            f"write at least {least_s}s, or ask for a shorter time",
        )
    return bucket_ns


ReadStatus: TypeAlias = Callable[[], dict[str, Any]]
"""Returns the answer to `GET /api/v1/status`."""
