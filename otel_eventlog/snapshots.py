"""What the request's thread queues, and what the worker makes of it.

The request's thread only notes what the span says and a copy of what may still change; the worker
turns that into event logs (`materialise`). Nothing here keeps a span of the SDK alive.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from opentelemetry.trace import Status as ApiStatus

from otel_eventlog.mapping import Mapper
from otel_eventlog.model import Attributes, EventLog, SpanData, SpanEvent
from otel_eventlog.outcome import Annotations
from otel_eventlog.readable import SpanHead, finished_data, running_data
from otel_eventlog.rules import Match
from otel_eventlog.semconv import EVENTLOG_ACTION


class Started(NamedTuple):
    """A request has begun. The attributes are a copy: its span goes on changing."""

    head: SpanHead
    attributes: Attributes
    match: Match
    correlation_id: str | None


class Ended(NamedTuple):
    """A request is over.

    One flat tuple: each object more is something that the request's thread has to make.

    Attributes:
        with_start: its start was held back, and goes out now as well.
        location: the response's `Location`, where it was seen.
        content_type: its content type, likewise.

    """

    head: SpanHead
    attributes: Attributes
    end_unix_nano: int | None
    status: ApiStatus
    events: tuple[SpanEvent, ...]
    match: Match
    with_start: bool
    correlation_id: str | None = None
    notes: Annotations | None = None
    location: str | None = None
    content_type: str | None = None


class Recorded(NamedTuple):
    """Something that has no span of its own was reported by the application."""

    span: SpanData
    match: Match
    notes: Annotations


Snapshot = Started | Ended | Recorded


def materialise(mapper: Mapper, snapshot: Snapshot) -> tuple[EventLog, ...]:
    """Return the event logs that a snapshot stands for; called by the delivery's worker."""
    if isinstance(snapshot, Started):
        data = running_data(snapshot.head, snapshot.attributes)
        notes = _noted(None, snapshot.correlation_id, None, None)
        return (mapper.start(data, snapshot.match, notes),)
    if isinstance(snapshot, Recorded):
        outcome = mapper.outcome(snapshot.span, snapshot.match, snapshot.notes)
        return () if outcome is None else (outcome,)
    data = finished_data(
        snapshot.head,
        snapshot.attributes,
        snapshot.end_unix_nano,
        snapshot.status,
        snapshot.events,
    )
    notes = _noted(
        snapshot.notes, snapshot.correlation_id, snapshot.location, snapshot.content_type
    )
    match = _final_match(mapper, data, snapshot.match)
    if snapshot.with_start:
        return mapper.pair(data, match, notes)
    outcome = mapper.outcome(data, match, notes)
    if outcome is None:
        # Its start has left, and by its end a rule fits that says nothing was attempted.
        outcome = mapper.outcome(data, Match(match.action, None), notes)
    return () if outcome is None else (outcome,)


def _noted(
    notes: Annotations | None,
    correlation_id: str | None,
    location: str | None,
    content_type: str | None,
) -> Annotations | None:
    if correlation_id is None and location is None and content_type is None:
        return notes
    noted = Annotations() if notes is None else replace(notes)
    noted.correlation_id = noted.correlation_id or correlation_id
    noted.location = noted.location or location
    noted.content_type = noted.content_type or content_type
    return noted


def _final_match(mapper: Mapper, span: SpanData, match: Match) -> Match:
    """Return what a request was at its end.

    The span may say another action by then, or fit a rule that asks for what it did not show yet.
    """
    said = span.attributes.get(EVENTLOG_ACTION)
    if said is None:  # held back, or pushed out by the span's attribute limit
        return match
    if said != match.action:
        return mapper.match(span) or match
    if match.rule is None or match.rule.action != said or not mapper.rules.asks_attributes:
        return match
    # The action on the span is the mark that was made at its start.
    shown = {name: value for name, value in span.attributes.items() if name != EVENTLOG_ACTION}
    return mapper.match(replace(span, attributes=shown)) or match
