"""One request as the JSON object that the API, the command and the dashboard show. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from otel_eventlog.model import EventLog, Status
from otel_eventlog_collector.event_json import event_json
from otel_eventlog_collector.insight.explanation import explain
from otel_eventlog_collector.query import Request, RequestState


def state_of(request: Request, no_outcome_before_unix_nano: int) -> RequestState:
    """Return a request's state at the moment of reading."""
    if request.outcome is not None:
        return RequestState.FINISHED
    start = request.start
    if start is not None and start.start_unix_nano < no_outcome_before_unix_nano:
        return RequestState.NO_OUTCOME
    return RequestState.IN_PROGRESS


def request_line(request: Request, no_outcome_before_unix_nano: int) -> dict[str, Any]:
    """Return one request with both of its halves."""
    # The outcome knows more than the start: who it was is often found out in between.
    known = request.outcome or request.start
    if known is None:
        raise ValueError("a request without start and outcome is none")
    first = request.start or known
    shown = event_json(known)
    return {
        "request_id": known.request_id,
        "state": state_of(request, no_outcome_before_unix_nano).value,
        "action": known.action,
        "category": shown["category"],
        "status": known.status.value,
        "time": event_json(first)["time"],
        "time_unix_nano": first.time_unix_nano,
        "duration_ns": known.duration_ns,
        "user_id": known.user_id,
        "organization_id": known.organization_id,
        "service": shown["service"],
        "error_type": known.error_type,
        "next_step": known.next_step,
        "http_status_code": known.http_status_code,
        "trace_id": shown["trace_id"],
        "start": event_json(request.start) if request.start else None,
        "outcome": event_json(request.outcome) if request.outcome else None,
    }


def request_detail(
    request: Request,
    neighbours: Sequence[Request],
    trace_url_template: str,
    no_outcome_before_unix_nano: int,
) -> dict[str, Any]:
    """Return one request with why it ended so, its trace's link and the trace's other requests."""
    line = request_line(request, no_outcome_before_unix_nano)
    known = request.outcome or request.start
    sampled = None if known is None else known.trace_sampled
    return {
        **line,
        "why": explain(request, state_of(request, no_outcome_before_unix_nano)),
        "trace_url": trace_url(trace_url_template, line["trace_id"], sampled=sampled),
        "trace_sampled": sampled,
        "neighbours": [request_line(other, no_outcome_before_unix_nano) for other in neighbours],
    }


def trace_url(template: str, trace_id: str | None, *, sampled: bool | None) -> str | None:
    """Return the link to a trace, or None where there is nothing behind it."""
    if not template or trace_id is None or sampled is False:
        return None
    return template.replace("{trace_id}", trace_id)


def paired(events: Sequence[EventLog]) -> list[Request]:
    """Join event logs to requests, in the order in which each first appears."""
    halves: dict[int, list[EventLog | None]] = {}
    for event in events:
        pair = halves.setdefault(event.request_uuid_int, [None, None])
        pair[0 if event.status is Status.START else 1] = event
    return [Request(start, outcome) for start, outcome in halves.values()]
