"""`readable`: spans of the SDK as `SpanData`."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanLimits, TracerProvider

from otel_eventlog.readable import at_end, at_start, attributes_of, mark, peek, span_data
from tests.support.tracing import LOGIN, SERVER, new_provider


def test_a_finished_span_is_taken_over_whole() -> None:
    """Ids, times, kind, status, resource, scope and exceptions come over as on the wire."""
    provider, exporter = new_provider()
    tracer = provider.get_tracer("scope")
    with tracer.start_as_current_span("outer"):
        span = tracer.start_span("POST /login", kind=SERVER, attributes=LOGIN, start_time=1_000)
        span.add_event("note")
        span.record_exception(ValueError("no"))
        span.set_status(trace.StatusCode.ERROR, "broken")
        span.end(end_time=3_000)
    finished, outer = exporter.get_finished_spans()
    data = span_data(finished)
    assert (data.start_unix_nano, data.end_unix_nano) == (1_000, 3_000)
    assert (data.kind, data.span_status, data.span_status_message) == (2, 2, "broken")
    assert data.attributes == LOGIN
    assert data.parent_span_id == outer.context.span_id
    assert data.trace_id == outer.context.trace_id
    assert data.resource["service.name"] == "shop"
    assert data.scope_name == "scope"
    assert data.trace_sampled is True
    assert [event.attributes["exception.type"] for event in data.events] == ["ValueError"]


def test_a_running_span_keeps_nothing_of_its_end() -> None:
    """What is mapped later from a start must not depend on how far the span got meanwhile."""
    provider, _ = new_provider()
    span = provider.get_tracer("scope").start_span("x", attributes=LOGIN)
    assert isinstance(span, Span)
    before = attributes_of(span)
    span.set_attribute("user.id", "u-1")
    span.set_status(trace.StatusCode.ERROR)
    span.end()
    data = span_data(span, before, running=True)
    assert data.attributes == LOGIN
    assert (data.end_unix_nano, data.span_status, list(data.events)) == (0, 0, [])


def test_attributes_are_found_in_any_kind_of_span() -> None:
    """A span without the SDK's own dictionary is read through the public mapping."""
    span = ReadableSpan("x", attributes={"a": 1})
    assert dict(peek(span)) == attributes_of(span) == {"a": 1}
    assert attributes_of(ReadableSpan("x")) == {}


class _OtherSpan:
    """A span of an SDK that has only what the API promises."""

    def __init__(self, span: Span) -> None:
        self.context, self.parent, self.kind = span.context, span.parent, span.kind
        self.attributes = span.attributes


def test_what_a_span_is_judged_by_is_the_same_in_every_sdk() -> None:
    """The short way through the SDK's own fields tells what its public ones tell."""
    tracer = new_provider()[0].get_tracer("scope")
    with tracer.start_as_current_span("outer"):
        span = tracer.start_span("POST /login", kind=SERVER, attributes=LOGIN)
    assert isinstance(span, Span)
    for each in (span, _OtherSpan(span)):
        attributes, kind, parent = at_start(each)  # type: ignore[arg-type] # that is the point
        assert (dict(attributes), kind, parent) == (LOGIN, 2, span.parent)
        span_id, attributes = at_end(each)  # type: ignore[arg-type]
        assert (span_id, dict(attributes)) == (span.get_span_context().span_id, LOGIN)


@pytest.mark.parametrize("is_starting", [True, False])
@pytest.mark.parametrize(
    ("limits", "kept"),
    [
        (SpanLimits(), {"a": 1, "eventlog.action": "SSOAuthenticate", "eventlog.request_id": "r"}),
        (
            SpanLimits(max_span_attributes=2),
            {"eventlog.action": "SSOAuthenticate", "eventlog.request_id": "r"},
        ),
        (
            SpanLimits(max_span_attribute_length=3),
            {"a": 1, "eventlog.action": "SSO", "eventlog.request_id": "r"},
        ),
    ],
    ids=["roomy", "few", "short"],
)
def test_marking_a_span_keeps_to_its_limits(
    limits: SpanLimits, kept: dict[str, object], *, is_starting: bool
) -> None:
    """The fast way and the ordinary way leave the same attributes, within the span's limits."""
    provider = TracerProvider(span_limits=limits, shutdown_on_exit=False)
    span = provider.get_tracer("x").start_span("x", attributes={"a": 1})
    assert isinstance(span, Span)
    mark(span, "SSOAuthenticate", "r", is_starting=is_starting)
    assert dict(span.attributes or {}) == kept
