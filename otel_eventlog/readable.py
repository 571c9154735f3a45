"""Spans of the OpenTelemetry SDK, running or finished, as `SpanData`.

`attributes_of` is all that is needed in the request's thread; `span_data` is called later, by the
worker, because everything else on a span stays as it is.
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext
from opentelemetry.trace import SpanKind as ApiSpanKind
from opentelemetry.trace import Status as ApiStatus

from otel_eventlog.model import Attributes, AttributeValue, SpanData, SpanEvent
from otel_eventlog.semconv import EVENTLOG_ACTION, EVENTLOG_REQUEST_ID, EXCEPTION_EVENT

SPAN_ID_AT: Any = 1 if SpanContext(1, 2, is_remote=False)[1:2] == (2,) else None
"""A span context is a tuple whose names are properties, that is calls in Python."""
new_tuple: Any = tuple.__new__
"""Makes a NamedTuple of its class and its fields, in half the time of calling the class."""
_resource_memo: tuple[Resource | None, Attributes] = (None, {})


def kind_number(kind: ApiSpanKind) -> int:
    """Return a span kind of the API, numbered as on the OTLP wire."""
    # `_value_` is the plain attribute: `value`, and hashing for a dictionary, run Python code.
    number: int = kind._value_ + 1
    return number


def peek(span: ReadableSpan) -> Attributes:
    """Return a span's attributes as they are now, not copied: to look at and let go."""
    known: Any = span
    try:
        # The SDK's own dictionary. Through the public mapping each look-up is a call in Python,
        # which is most of what an unwanted span would cost.
        return cast("Attributes", known._attributes._dict)  # noqa: SLF001
    except AttributeError:
        return cast("Attributes", span.attributes or {})


def at_start(span: Span) -> tuple[Attributes, int, SpanContext | None]:
    """Return what a starting span is judged by: attributes (not copied), kind number, parent."""
    known: Any = span
    try:
        # One call in Python in place of five: every span of the application comes by here.
        return known._attributes._dict, known._kind._value_ + 1, known._parent  # noqa: SLF001
    except AttributeError:  # another SDK than those we know
        return peek(span), kind_number(span.kind), span.parent


def at_end(span: ReadableSpan) -> tuple[int, Attributes]:
    """Return what an ending span is looked up by: its id, and its attributes (not copied)."""
    known: Any = span
    try:
        return known._context[SPAN_ID_AT], known._attributes._dict  # noqa: SLF001 - as above
    except (AttributeError, TypeError):
        return span.context.span_id, peek(span)


def attributes_of(span: ReadableSpan) -> dict[str, AttributeValue]:
    """Return a copy of a span's attributes; the span may still be running in another thread."""
    known: Any = peek(span)
    # `copy` is one step in C; dict(…) of a mapping is three calls for each attribute.
    copied: dict[str, AttributeValue] = known.copy()
    return copied


def mark(span: Span, action: str, request_id: str, *, is_starting: bool) -> None:
    """Write action and request id on a span.

    Args:
        span: a running span.
        action: the action.
        request_id: the request id.
        is_starting: nobody else has the span yet. Where there is room for both, the SDK's own
            dictionary is then written without its locks and checks: these would be a third of
            what a wanted span costs.

    """
    if is_starting:
        known: Any = span
        try:
            bounded = known._attributes  # noqa: SLF001
            values, limit = bounded._dict, bounded.maxlen  # noqa: SLF001
            if bounded.max_value_len is None and (limit is None or len(values) + 2 <= limit):
                values[EVENTLOG_ACTION] = action
                values[EVENTLOG_REQUEST_ID] = request_id
                return
        except AttributeError:  # another SDK than those we know
            pass
    span.set_attributes({EVENTLOG_ACTION: action, EVENTLOG_REQUEST_ID: request_id})


class SpanHead(NamedTuple):
    """What a span says of itself from its start to its end, so that nobody need keep the span.

    A span of the SDK is a dozen objects. Kept until the worker has seen them, they would be a good
    part of what a request costs its thread: memory that is new each time, and looked through by the
    garbage collector. What is here is not looked into before the worker does so.
    """

    context: SpanContext
    parent: SpanContext | None
    kind: ApiSpanKind
    start_unix_nano: int | None
    resource: Resource
    scope: InstrumentationScope | None


def head_of(span: ReadableSpan) -> SpanHead:
    """Return what a span says of itself from its start on."""
    known: Any = span
    try:
        # Each of the public properties is a call in Python.
        head: SpanHead = new_tuple(
            SpanHead,
            (
                known._context,  # noqa: SLF001
                known._parent,  # noqa: SLF001
                known._kind,  # noqa: SLF001
                known._start_time,  # noqa: SLF001
                known._resource,  # noqa: SLF001
                known._instrumentation_scope,  # noqa: SLF001
            ),
        )
    except AttributeError:  # another SDK than those we know
        return SpanHead(
            span.context,
            span.parent,
            span.kind,
            span.start_time,
            span.resource,
            span.instrumentation_scope,
        )
    return head


def end_of(
    span: ReadableSpan,
) -> tuple[Attributes, int | None, ApiStatus, tuple[SpanEvent, ...]]:
    """Return what an ended span says at last: attributes (not copied), end, status, exceptions."""
    known: Any = span
    try:
        # Mostly there are no events, and each of the public properties is a call in Python.
        events = _exceptions(span) if known._events._dq else ()  # noqa: SLF001
        return known._attributes._dict, known._end_time, known._status, events  # noqa: SLF001, TRY300
    except AttributeError:  # another SDK than those we know, or a span built by hand
        return peek(span), span.end_time, span.status, _exceptions(span)


def span_data(
    span: ReadableSpan, attributes: Attributes | None = None, *, running: bool = False
) -> SpanData:
    """Return a span of the SDK as `SpanData`.

    Args:
        span: a finished span, or a running one.
        attributes: a copy made earlier, to use in place of what the span says now.
        running: leave out end, status and events, even if the span has ended since.

    """
    attributes = attributes_of(span) if attributes is None else attributes
    head = head_of(span)
    if running:
        return running_data(head, attributes)
    _, end_unix_nano, status, events = end_of(span)
    return finished_data(head, attributes, end_unix_nano, status, events)


def running_data(head: SpanHead, attributes: Attributes) -> SpanData:
    """Return a running span as `SpanData`; rules never look at its name."""
    context, parent, scope = head.context, head.parent, head.scope
    return SpanData(
        trace_id=context.trace_id,
        span_id=context.span_id,
        parent_span_id=0 if parent is None else parent.span_id,
        name="",
        kind=kind_number(head.kind),
        start_unix_nano=head.start_unix_nano or 0,
        end_unix_nano=0,
        attributes=attributes,
        resource=resource_attributes(head.resource),
        scope_name="" if scope is None else scope.name,
        trace_sampled=context.trace_flags.sampled,
    )


def finished_data(
    head: SpanHead,
    attributes: Attributes,
    end_unix_nano: int | None,
    status: ApiStatus,
    events: tuple[SpanEvent, ...],
) -> SpanData:
    """Return a finished span as `SpanData`."""
    data = running_data(head, attributes)
    data.end_unix_nano = end_unix_nano or 0
    data.span_status = status.status_code.value
    data.span_status_message = status.description or ""
    data.events = events
    return data


def resource_attributes(resource: Resource) -> Attributes:
    """Return a resource's attributes as a plain dictionary, made once per resource."""
    global _resource_memo  # noqa: PLW0603 - one slot; a race costs one more copy
    known, attributes = _resource_memo
    if known is not resource:
        attributes = cast("Attributes", dict(resource.attributes))
        _resource_memo = (resource, attributes)
    return attributes


def _exceptions(span: ReadableSpan) -> tuple[SpanEvent, ...]:
    return tuple(
        SpanEvent(event.name, cast("Attributes", event.attributes or {}))
        for event in span.events
        if event.name == EXCEPTION_EVENT
    )
