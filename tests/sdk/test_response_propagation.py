"""The response propagator under the real Flask and FastAPI instrumentations."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import fastapi
import flask
import httpx
import pytest
from fastapi.responses import HTMLResponse, RedirectResponse
from opentelemetry import context, propagate, trace
from opentelemetry.instrumentation import propagators
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.instrumentation.propagators import TraceResponsePropagator
from opentelemetry.trace import SpanKind

from otel_eventlog.processor import find_request
from otel_eventlog.propagation import EventLogResponsePropagator
from tests.support.builders import rule_set
from tests.support.tracing import Tracing, tracing

RULES = rule_set("""
[[rule]]
name = "login"
action = "PasswordsAuthenticate"
route = "/login"
[[rule.outcome]]
when = { location = "/login" }
status = "error"
error_type = "sent_back"
[[rule.outcome]]
when = { content_type = "text/html", status = 200 }
status = "error"
error_type = "page"
""")

Post = Callable[[Tracing, str], httpx.Headers]


class Counting(TraceResponsePropagator):
    """The application's own propagator, which counts how often it is asked."""

    def __init__(self) -> None:
        self.calls = 0

    def inject(self, *args: Any, **kwargs: Any) -> None:
        """Count, and write the header."""
        self.calls += 1
        super().inject(*args, **kwargs)


@pytest.fixture(autouse=True)
def _global_propagators() -> Iterator[None]:
    """Leave the process's propagators as they were."""
    before = propagate.get_global_textmap(), propagators.get_global_response_propagator()
    yield
    propagate.set_global_textmap(before[0])
    propagators.set_global_response_propagator(before[1])


def post_flask(traced: Tracing, answer: str) -> httpx.Headers:
    """Log in at a Flask application that answers as asked; return the response's headers."""
    app = flask.Flask("shop")
    answers = {
        "page": lambda: "<p>again</p>",
        "sent_back": lambda: flask.redirect("/login?next=/"),
        "in": lambda: flask.redirect("/home"),
    }
    app.add_url_rule("/login", "login", answers[answer], methods=["POST"])
    FlaskInstrumentor().instrument_app(app, tracer_provider=traced.provider)
    try:
        return httpx.Headers(list(app.test_client().post("/login").headers))
    finally:
        FlaskInstrumentor.uninstrument_app(app)


def post_fastapi(traced: Tracing, answer: str) -> httpx.Headers:
    """Log in at a FastAPI application that answers as asked; return the response's headers."""
    app = fastapi.FastAPI()
    answers = {
        "page": lambda: HTMLResponse("<p>again</p>"),
        "sent_back": lambda: RedirectResponse("http://test/login?next=/", 303),
        "in": lambda: RedirectResponse("/home", 303),
    }
    app.add_api_route("/login", answers[answer], methods=["POST"], response_model=None)
    FastAPIInstrumentor.instrument_app(app, tracer_provider=traced.provider)

    async def post() -> httpx.Headers:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return (await client.post("/login")).headers

    try:
        return asyncio.run(post())
    finally:
        FastAPIInstrumentor.uninstrument_app(app)


POSTS = pytest.mark.parametrize("post", [post_flask, post_fastapi], ids=["flask", "fastapi"])


@POSTS
@pytest.mark.parametrize("answer", ["page", "sent_back", "in"])
def test_location_and_content_type_decide_without_being_captured(post: Post, answer: str) -> None:
    """No header is captured on any span; the conditions see them all the same."""
    with tracing(RULES) as traced:
        post(traced, answer)
        outcome = traced.events.outcome()
        assert outcome.error_type == (None if answer == "in" else answer)
        captured = [name for span in traced.exported for name in span.attributes or ()]
        assert not [name for name in captured if ".header." in name]


@POSTS
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_propagator_of_the_application_is_composed(post: Post, when: str) -> None:
    """Whether it was set before event logs were switched on or after: both headers, each once."""
    own = Counting()
    if when == "before":
        propagators.set_global_response_propagator(own)
    with tracing(RULES) as traced:
        if when == "after":
            propagators.set_global_response_propagator(own)
        headers = post(traced, "sent_back")
        assert own.calls == (1 if post is post_flask else 2)
        assert len(headers.get_list("traceresponse")) == 1
        assert headers.get_list("X-EventLog-Request-Id") == [traced.events[0].request_id]
        assert traced.events.outcome().error_type == "sent_back"


@POSTS
def test_what_no_rule_wants_gets_no_header(post: Post) -> None:
    """Only auth calls carry a request id, and the application's propagator is asked as ever."""
    own = Counting()
    propagators.set_global_response_propagator(own)
    with tracing(rule_set()) as traced:
        headers = post(traced, "in")
        assert "X-EventLog-Request-Id" not in headers
        assert own.calls >= 1
        assert len(traced.events) == 0


def test_a_response_is_seen_where_a_request_is_tracked_or_nobody_can_tell() -> None:
    """The instrumentations ask `if propagator:`; what no rule wants ends there, at no cost."""
    with tracing(RULES) as traced:
        propagator = propagators.get_global_response_propagator()
        composed = EventLogResponsePropagator(Counting(), find_request)
        told = []
        for path in ("/login", "/articles"):
            around = propagate.extract({"accept": "*/*"})
            attributes = {"http.method": "POST", "http.route": path, "url.path": path}
            span = traced.tracer.start_span("x", around, SpanKind.SERVER, attributes)
            token = context.attach(trace.set_span_in_context(span, around))
            told.append((bool(propagator), bool(composed)))
            context.detach(token)
            span.end()
        # The application's own propagator has its turn with every response.
        assert told == [(True, True), (False, True)]
        assert propagator, "without a slot only the span tells, and that comes with the call"
