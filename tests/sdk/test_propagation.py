"""`propagation`: what the caller sent and gets back, composed with the propagators in place."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.propagators import TraceResponsePropagator
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from otel_eventlog.propagation import (
    RESPONSE_HEADER,
    EventLogPropagator,
    EventLogResponsePropagator,
)
from otel_eventlog.tracking import Request, slot_of
from tests.support.tracing import new_provider

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Setter:
    """Writes as the WSGI and ASGI instrumentations do."""

    def set(self, carrier: Any, key: str, value: str) -> None:
        """Append a header."""
        if isinstance(carrier, dict):
            carrier.setdefault("headers", []).append((key.lower().encode(), value.encode()))
        else:
            carrier.append((key, value))


@pytest.mark.parametrize(
    "carrier",
    [
        {"HTTP_X_REQUEST_ID": "abc-1", "wsgi.version": (1, 0)},
        {"HTTP_X_CORRELATION_ID": "abc-1", "wsgi.version": (1, 0)},
        {"type": "http", "headers": [(b"accept", b"*/*"), (b"x-request-id", b"abc-1")]},
        {"type": "http", "headers": ((b"x-correlation-id", b"abc-1"),)},
        {"x-request-id": "abc-1", "x-correlation-id": "second"},
    ],
    ids=["wsgi", "wsgi-correlation", "asgi", "asgi-correlation", "plain"],
)
def test_the_callers_id_rides_in_the_context(carrier: dict[str, Any]) -> None:
    """X-Request-Id, or else X-Correlation-Id, is in the Context before any span starts."""
    context = EventLogPropagator(CompositePropagator([])).extract(carrier, Context())
    slot = slot_of(context)
    assert slot is not None
    assert slot.correlation_id == "abc-1"


def test_the_propagator_in_place_goes_on_working() -> None:
    """Extracting, injecting and the fields are those of the inner propagator."""
    ours = EventLogPropagator(TraceContextTextMapPropagator())
    context = ours.extract({"traceparent": TRACEPARENT})
    span_context = trace.get_current_span(context).get_span_context()
    assert f"{span_context.trace_id:032x}" in TRACEPARENT
    carrier: dict[str, str] = {}
    ours.inject(carrier, context)
    assert carrier["traceparent"] == TRACEPARENT
    assert ours.fields == TraceContextTextMapPropagator().fields


def test_a_propagator_that_extracts_nothing_at_all_is_healed() -> None:
    """An empty composite returns None, and instrumentations crash on it; ours returns a Context."""
    empty = CompositePropagator([])
    assert empty.extract({}) is None
    assert isinstance(EventLogPropagator(empty).extract({}), Context)


def test_headers_that_are_no_text_do_no_harm() -> None:
    """Bytes that are no UTF-8 come out as some text; validating it is the mapper's affair."""
    carrier = {"type": "http", "headers": [(b"x-request-id", b"\xff\xfe")]}
    slot = slot_of(EventLogPropagator(CompositePropagator([])).extract(carrier))
    assert slot is not None
    assert slot.correlation_id == "\xff\xfe"


def test_headers_that_cannot_be_read_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever fails while we look for the caller's id, the inner propagator's Context stands."""

    class Unreadable(dict[str, str]):
        def get(self, key: str, default: Any = None) -> Any:
            if key.startswith("x-"):
                raise RuntimeError(key)
            return TRACEPARENT if key == "traceparent" else default

    monkeypatch.delenv("OTEL_EVENTLOG_RAISE", raising=False)
    context = EventLogPropagator(TraceContextTextMapPropagator()).extract(Unreadable())
    span_context = trace.get_current_span(context).get_span_context()
    assert f"{span_context.trace_id:032x}" in TRACEPARENT
    assert slot_of(context) is None


def test_headers_read_inside_of_a_request_know_it() -> None:
    """Where a second instrumentation reads the headers again, the first one's request is around."""
    request, context = request_with_span()
    inner = EventLogPropagator(CompositePropagator([]), {request.span_id: request}.get)
    slot = slot_of(inner.extract({"x-request-id": "abc-1"}, context))
    assert slot is not None
    assert slot.around is request
    request.is_ended = True
    slot = slot_of(inner.extract({"x-request-id": "abc-1"}, context))
    assert slot is not None
    assert slot.around is None


def request_with_span() -> tuple[Request, Context]:
    """Return a request in progress and a Context with its span, and nothing else."""
    provider, _ = new_provider()
    span: Any = provider.get_tracer("x").start_span("x")
    request = Request(span, span.context.span_id, None, None)
    request.is_started = True
    return request, trace.set_span_in_context(span, Context())


def asgi(kind: str) -> dict[str, Any]:
    """Return an ASGI message; a start has headers."""
    headers = [(b"location", b"/home"), (b"content-type", b"text/html")]
    return {"type": kind, "headers": headers} if kind.endswith("start") else {"type": kind}


def test_the_response_carries_the_request_id_once() -> None:
    """FastAPI calls for head and body, stacked instrumentations twice: one header, on the head."""
    request, context = request_with_span()
    ours = EventLogResponsePropagator(None, {request.span_id: request}.get)
    head, body = asgi("http.response.start"), asgi("http.response.body")
    for message in (head, head, body):
        ours.inject(message, context, Setter())
    names = [name for name, _ in head["headers"]]
    assert names.count(RESPONSE_HEADER.lower().encode()) == 1
    assert dict(head["headers"])[RESPONSE_HEADER.lower().encode()] == request.request_id.encode()
    assert "headers" not in body


@pytest.mark.parametrize("kind", [list, tuple, iter])
def test_the_applications_own_headers_stay_as_they_are(kind: Any) -> None:
    """ASGI allows any iterable, also one to be read but once, or one list for all responses."""
    headers = kind([(b"x-a", b"1"), (b"content-type", b"text/html")])
    sent = []
    for _ in range(2):
        request, context = request_with_span()
        ours = EventLogResponsePropagator(None, {request.span_id: request}.get)
        message = {"type": "http.response.start", "headers": headers}
        ours.inject(message, context, Setter())
        sent.append(dict(message["headers"]))
        assert sent[-1][RESPONSE_HEADER.lower().encode()] == request.request_id.encode()
    assert sent[0][b"x-a"] == b"1"
    assert kind is iter or len(headers) == 2


def test_the_response_headers_are_noted_beside_the_span() -> None:
    """Location and content type are kept with the request and are on no span."""
    request, context = request_with_span()
    ours = EventLogResponsePropagator(None, {request.span_id: request}.get)
    ours.inject([("Location", "/login?error=1"), ("Content-Type", "text/html")], context, Setter())
    assert request.location == "/login?error=1"
    assert request.content_type == "text/html"
    assert not request.span.attributes


def test_a_request_that_may_come_to_nothing_gets_no_header() -> None:
    """A header for support to quote must lead somewhere."""
    request, context = request_with_span()
    request.is_started = False
    headers: list[tuple[str, str]] = []
    EventLogResponsePropagator(None, {request.span_id: request}.get).inject(
        headers, context, Setter()
    )
    assert headers == []


def test_the_response_propagator_in_place_goes_on_working() -> None:
    """A response propagator that was set before writes its headers as before."""
    request, context = request_with_span()
    ours = EventLogResponsePropagator(TraceResponsePropagator(), {request.span_id: request}.get)
    headers: list[tuple[str, str]] = []
    ours.inject(headers, context, Setter())
    assert [name for name, _ in headers if name == "traceresponse"] == ["traceresponse"]
    assert (RESPONSE_HEADER, request.request_id) in headers
