"""Which request the running code belongs to."""

from __future__ import annotations

from opentelemetry import trace

from otel_eventlog.processor import EventLogSpanProcessor, active_processors
from otel_eventlog.tracking import Request, slot_of


def request_in_progress() -> tuple[EventLogSpanProcessor, Request] | None:
    """Return the innermost request around the running code, and whose it is."""
    processors = active_processors()
    if not processors:
        return None
    span_id = trace.get_current_span().get_span_context().span_id
    for processor in processors:
        request = processor.find(span_id)
        if request is not None and not request.is_ended:
            return processor, request
    slot = slot_of(None)
    if slot is None or slot.request is None or slot.request.is_ended:
        return None
    for processor in processors:
        if processor.find(slot.request.span_id) is slot.request:
            return processor, slot.request
    return None
