"""Two paths, one row: the application and the collector make the same event logs of one span."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, Status, StatusCode

from otel_eventlog.mapping import Mapper
from otel_eventlog.model import EventLog, Rank
from otel_eventlog.privacy import Privacy
from otel_eventlog.readable import span_data
from otel_eventlog.rulefile import load_rule_set
from otel_eventlog_collector.otlp.decode_protobuf import decode_traces_protobuf

MAPPER = Mapper(load_rule_set(), Privacy(), Rank.DERIVED)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
ATTRIBUTES = st.fixed_dictionaries(
    {"http.request.method": st.just("POST"), "http.route": st.sampled_from(["/login", "/logout"])},
    optional={
        "url.path": TEXT,
        "http.response.status_code": st.sampled_from([200, 302, 401, 405, 500]),
        "client.address": TEXT,
        "user_agent.original": TEXT,
        "user.id": TEXT,
        "eventlog.action": st.sampled_from(["PasswordsAuthenticate", "Other"]),
        "eventlog.status": st.sampled_from(["success", "error", "x"]),
        "http.request.header.x_request_id": st.lists(TEXT, max_size=2),
        "error.type": TEXT,
        "app.flag": st.booleans(),
        "app.ratio": st.floats(allow_nan=False),
    },
)


def finished(attributes: dict[str, Any], exception: str | None, *, is_error: bool) -> ReadableSpan:
    """Return a span that the SDK itself made and ended."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": "shop", "service.version": "1"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("opentelemetry.instrumentation.flask")
    span = tracer.start_span("POST", kind=SpanKind.SERVER, attributes=attributes)
    if exception is not None:
        span.record_exception(ValueError(exception))
    if is_error:
        span.set_status(Status(StatusCode.ERROR, "broken"))
    span.end()
    (ended,) = exporter.get_finished_spans()
    return ended


def by_the_application(span: ReadableSpan) -> list[EventLog]:
    """Map the SDK's span."""
    return list(MAPPER.map_span(span_data(span)))


def by_the_collector(span: ReadableSpan) -> list[EventLog]:
    """Map what the SDK's own encoder puts on the wire."""
    decoded = decode_traces_protobuf(encode_spans([span]).SerializeToString())
    assert not decoded.rejected
    return [event for data in decoded.spans for event in MAPPER.map_span(data)]


@given(ATTRIBUTES, st.none() | TEXT, st.booleans())
def test_both_sides_make_the_same_event_logs(
    attributes: dict[str, Any],
    exception: str | None,
    is_error: bool,  # noqa: FBT001 - drawn
) -> None:
    """Whatever is on the span, ids, times, action, outcome and fields are equal."""
    span = finished(attributes, exception, is_error=is_error)
    ours = by_the_application(span)
    assert len(ours) in {0, 2}
    assert by_the_collector(span) == ours


@pytest.mark.parametrize("mode", ["", "http", "http/dup"])
def test_both_attribute_conventions_make_the_same(mode: str) -> None:
    """Old, stable and doubled names of one request end in the same fields."""
    old = {"http.method": "POST", "http.target": "/login?x=1", "http.status_code": 401,
           "net.peer.ip": "192.0.2.7", "http.user_agent": "a/1"}  # fmt: skip
    new = {"http.request.method": "POST", "url.path": "/login", "url.query": "x=1",
           "http.response.status_code": 401, "client.address": "192.0.2.7",
           "user_agent.original": "a/1"}  # fmt: skip
    chosen: dict[str, Any] = {"": old, "http": new, "http/dup": old | new}[mode]
    start, outcome = by_the_collector(finished(chosen, None, is_error=False))
    assert (start.http_method, start.http_route) == ("POST", "/login")
    assert (start.client_address, start.user_agent) == ("192.0.2.7", "a/1")
    assert (outcome.http_status_code, outcome.status) == (401, "error")
