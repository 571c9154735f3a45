"""An event log as an OTLP log record, one table for both directions.

Every field of section 1 of the specification that has a semantic convention uses it, every other
is `eventlog.<field>`. No OpenTelemetry package here: `WireRecord` is plain data, turned into
protobuf by the application's delivery and out of protobuf or JSON by the collector.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from otel_eventlog import semconv
from otel_eventlog.actions import lookup
from otel_eventlog.errors import WireError
from otel_eventlog.limits import INT64_MAX
from otel_eventlog.model import AttributeValue, EventLog, OutcomeSource, Rank, Status
from otel_eventlog.privacy import CLEANERS, clean_attributes
from otel_eventlog.scrubbing import scrub

SEVERITY_INFO = 9
SEVERITY_WARN = 13
FLAG_SAMPLED = 0x01

TEXT_ATTRIBUTES: Mapping[str, str] = {
    "action": "eventlog.action",
    "category": "eventlog.category",
    "next_step": "eventlog.next_step",
    "correlation_id": "eventlog.correlation_id",
    "flow_id": "eventlog.flow_id",
    "user_id": "user.id",
    "organization_id": "eventlog.organization_id",
    "client_id": "eventlog.client_id",
    "auth_method": "eventlog.auth_method",
    "auth_factor": "eventlog.auth_factor",
    "http_method": "http.request.method",
    "http_route": "http.route",
    "error_type": "error.type",
    "error_message": "eventlog.error_message",
    "session_token_hash": "eventlog.session_token_hash",
    "session_jwt_hash": "eventlog.session_jwt_hash",
    "client_address": "client.address",
    "user_agent": "user_agent.original",
    "message_status": "eventlog.message_status",
}
"""Text field → attribute of the log record."""

FEW_VALUED = (
    "action",
    "category",
    "next_step",
    "auth_method",
    "auth_factor",
    "http_method",
    "http_route",
    "error_type",
    "message_status",
)
"""Text fields that take few different values together, so that what they are encoded to recurs."""

OUTCOME_SOURCE = "eventlog.outcome_source"

RESOURCE_ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "project": semconv.SERVICE_NAMESPACE,
    "environment": semconv.DEPLOYMENT_ENVIRONMENT,
    "service": semconv.SERVICE_NAME,
    "service_version": semconv.SERVICE_VERSION,
}
"""Text field → attribute of the resource (written under the first name, read under any)."""

EVENT_ID = "log.record.uid"
DURATION = "eventlog.duration_ns"
PARENT_SPAN_ID = "eventlog.parent_span_id"
HTTP_STATUS_CODE = "http.response.status_code"

_SHOWN_CHARS_MAX = 64

_TEXT_KEYS = tuple(TEXT_ATTRIBUTES.values())
_texts_of = attrgetter(*TEXT_ATTRIBUTES)
_NAME_OF_STATUS = {status: semconv.EVENT_NAME_PREFIX + status.value for status in Status}
_STATUS_OF_NAME = {semconv.EVENT_NAME_PREFIX + status.value: status for status in Status}


@dataclass(slots=True)
class WireRecord:
    """The fields of an OTLP LogRecord that we write and read; a nested dict is a kvlist."""

    event_name: str
    time_unix_nano: int
    observed_unix_nano: int
    trace_id: int
    span_id: int
    flags: int
    severity_number: int
    severity_text: str
    body: str
    attributes: dict[str, Any] = field(default_factory=dict)


def to_record(event: EventLog) -> WireRecord:
    """Return an event log as a log record."""
    attributes: dict[str, Any] = {
        EVENT_ID: event.event_id,
        semconv.EVENTLOG_REQUEST_ID: event.request_id,
        semconv.EVENTLOG_START_TIME: event.start_unix_nano,
    }
    texts = zip(_TEXT_KEYS, _texts_of(event), strict=True)
    attributes.update([(key, value) for key, value in texts if value])
    if event.parent_span_id:
        attributes[PARENT_SPAN_ID] = f"{event.parent_span_id:016x}"
    if event.outcome_source is not None:
        attributes[OUTCOME_SOURCE] = event.outcome_source.value
    if event.duration_ns is not None:
        attributes[DURATION] = event.duration_ns
    if event.http_status_code is not None:
        attributes[HTTP_STATUS_CODE] = event.http_status_code
    if event.attributes:
        attributes[semconv.EVENTLOG_ATTRIBUTES] = dict(event.attributes)
    is_error = event.status is Status.ERROR
    return WireRecord(
        event_name=_NAME_OF_STATUS[event.status],
        time_unix_nano=event.time_unix_nano,
        observed_unix_nano=event.observed_unix_nano or event.time_unix_nano,
        trace_id=event.trace_id,
        span_id=event.span_id,
        flags=FLAG_SAMPLED if event.trace_sampled else 0,
        severity_number=SEVERITY_WARN if is_error else SEVERITY_INFO,
        severity_text="WARN" if is_error else "INFO",
        body=sentence(event),
        attributes=attributes,
    )


def resource_of(event: EventLog) -> dict[str, str]:
    """Return the resource attributes under which an event log travels, in their order here."""
    return {
        names[0]: value
        for field_name, names in RESOURCE_ATTRIBUTES.items()
        if (value := getattr(event, field_name))
    }


def sentence(event: EventLog) -> str:
    """Return the readable body: `PasswordsAuthenticate error: invalid_credentials (12.3 ms)`."""
    text = f"{event.action} {event.status.value}"
    if event.error_type:
        text += f": {event.error_type}"
    if event.next_step:
        text += f", next: {event.next_step}"
    if event.duration_ns is not None:
        text += duration_words(event.duration_ns)
    return text


def duration_words(duration_ns: int) -> str:
    """Return what a body says last of an outcome."""
    return f" ({duration_ns / 1e6:.1f} ms)"


def from_record(record: WireRecord, resource: Mapping[str, AttributeValue]) -> EventLog:
    """Return the event log that a log record is, cleaned: whoever made it, no secret gets in.

    Args:
        record: a log record whose event name is one of `semconv.EVENT_NAMES`.
        resource: attributes of its resource.

    Raises:
        WireError: it cannot be an event log; the text names the attribute and what belongs there.

    """
    status = _STATUS_OF_NAME.get(record.event_name)
    if status is None:
        msg = f"event name {record.event_name!r} is none of {', '.join(_STATUS_OF_NAME)}"
        raise WireError(msg)
    attributes = record.attributes
    if not 0 < record.span_id < 1 << 64:
        msg = "span id is missing; an event log carries the id of its request's span"
        raise WireError(msg)
    start = _start_time(record, status)
    event = EventLog(
        status=status,
        action="",
        span_id=record.span_id,
        start_unix_nano=start,
        time_unix_nano=max(start, record.time_unix_nano or start),
        trace_id=record.trace_id,
        trace_sampled=bool(record.flags & FLAG_SAMPLED),
        rank=Rank.APP,
    )
    for name, key, clean in _TEXT_CLEANERS:
        value = attributes.get(key)
        if value is not None:
            setattr(event, name, clean(value))
    for name, names in RESOURCE_ATTRIBUTES.items():
        clean = CLEANERS[name]
        for key in names:
            if text := clean(resource.get(key)):
                setattr(event, name, text)
                break
    _check_identity(event, attributes)
    event.parent_span_id = _hex(attributes.get(PARENT_SPAN_ID))
    info = lookup(event.action)
    event.category = event.category or info.category
    if status is not Status.START:
        _read_outcome(event, attributes)
    return event


_TEXT_CLEANERS = tuple((name, key, CLEANERS[name]) for name, key in TEXT_ATTRIBUTES.items())


def _start_time(record: WireRecord, status: Status) -> int:
    start = record.attributes.get(semconv.EVENTLOG_START_TIME)
    if start is None and status is Status.START:
        start = record.time_unix_nano
    if isinstance(start, bool) or not isinstance(start, int) or not 0 < start <= INT64_MAX:
        msg = (
            f"attribute {semconv.EVENTLOG_START_TIME!r} is {_shown(start)}; an outcome carries the "
            "start of its request there, as an integer of nanoseconds since the epoch"
        )
        raise WireError(msg)
    if record.time_unix_nano > INT64_MAX:
        msg = f"time {record.time_unix_nano} is beyond the year 2262"
        raise WireError(msg)
    return start


def _check_identity(event: EventLog, attributes: Mapping[str, Any]) -> None:
    if not event.action:
        msg = f"attribute {semconv.EVENTLOG_ACTION!r} is missing; it names the action, as text"
        raise WireError(msg)
    claimed = attributes.get(semconv.EVENTLOG_REQUEST_ID)
    if claimed is not None and claimed != event.request_id:
        msg = (
            f"attribute {semconv.EVENTLOG_REQUEST_ID!r} is {_shown(claimed)}, but span id and "
            f"start time make it {event.request_id!r}; leave it out or derive it from the span"
        )
        raise WireError(msg)


def _read_outcome(event: EventLog, attributes: Mapping[str, Any]) -> None:
    event.duration_ns = event.time_unix_nano - event.start_unix_nano
    source = attributes.get(OUTCOME_SOURCE)
    event.outcome_source = (
        OutcomeSource(source)
        if isinstance(source, str) and source in _OUTCOME_SOURCES
        else OutcomeSource.APP
    )
    code = attributes.get(HTTP_STATUS_CODE)
    if isinstance(code, int) and not isinstance(code, bool) and abs(code) <= INT64_MAX:
        event.http_status_code = code
    kept = attributes.get(semconv.EVENTLOG_ATTRIBUTES)
    if isinstance(kept, Mapping):
        event.attributes = clean_attributes(kept)


_OUTCOME_SOURCES = frozenset(source.value for source in OutcomeSource)


def _shown(value: object) -> str:
    """Return a wrong value for a message: bounded, and not the secret that it may be."""
    if isinstance(value, str):
        return repr(scrub(value, _SHOWN_CHARS_MAX) or "")
    return repr(value) if isinstance(value, int | float | None) else type(value).__name__


def _hex(value: object) -> int:
    try:
        return int(value, 16) if isinstance(value, str) and len(value) == 16 else 0  # noqa: PLR2004 - 64 bits
    except ValueError:
        return 0
