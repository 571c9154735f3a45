"""One pair per request of one action, however instrumentations are stacked in one process."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import fastapi
import flask
import httpx
import pytest
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware as AsgiMiddleware
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware as WsgiMiddleware
from opentelemetry.propagate import extract
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler
from starlette.middleware.opentelemetry import OpenTelemetryMiddleware as StarletteMiddleware

from tests.support.tracing import CLIENT, INTERNAL, LOGIN, SERVER, Tracing, tracing

PAIR = ("PasswordsAuthenticate start", "PasswordsAuthenticate success")
ANY_SAMPLER = pytest.mark.parametrize("sampler", [ALWAYS_ON, ALWAYS_OFF], ids=["on", "off"])
SAMPLED = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
UNSAMPLED = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"}
STYTCH = {
    "http.request.method": "POST",
    "url.full": "https://test.stytch.com/v1/passwords/authenticate",
    "server.address": "test.stytch.com",
}


async def post_asgi(app: Any, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
    """Send one POST to an ASGI application."""
    headers = {"X-Request-Id": "abc-1"} | (headers or {})
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.post(path, headers=headers)


def run(coroutine: Any) -> Any:
    """Run a coroutine to its end."""
    import asyncio

    return asyncio.run(coroutine)


@contextmanager
def fastapi_app(traced: Tracing) -> Iterator[fastapi.FastAPI]:
    """Return an instrumented FastAPI application with a login."""
    app = fastapi.FastAPI()

    @app.post("/login")
    async def login() -> dict[str, str]:
        return {}

    FastAPIInstrumentor.instrument_app(app, tracer_provider=traced.provider)
    try:
        yield app
    finally:
        FastAPIInstrumentor.uninstrument_app(app)


@ANY_SAMPLER
def test_asgi_middleware_around_fastapi(sampler: Sampler) -> None:
    """The outer server span is the request; the inner internal one is marked as no request."""
    with tracing(sampler=sampler) as traced, fastapi_app(traced) as app:
        stacked = AsgiMiddleware(app, tracer_provider=traced.provider)
        answer = run(post_asgi(stacked, "/login"))
        traced.events.assert_events(*PAIR)
        assert answer.headers.get_list("X-EventLog-Request-Id") == [traced.events[0].request_id]
        assert traced.events[0].correlation_id == "abc-1"
        assert bool(traced.exported) is (sampler is ALWAYS_ON)


def native_app(traced: Tracing) -> fastapi.FastAPI:
    """Return an application that FastAPI itself traces, without any instrumentation.

    FastAPI for older SDKs cannot; there Starlette's own middleware does what FastAPI does in newer.
    """
    if "telemetry" in inspect.signature(fastapi.FastAPI).parameters:
        native: Any = {"tracer_provider": traced.provider, "metrics": False, "logs": False}
        app = fastapi.FastAPI(telemetry=native)
    else:
        app = fastapi.FastAPI()
        app.add_middleware(StarletteMiddleware, tracer_provider=traced.provider)

    @app.post("/login")
    async def login(answer: int = 200) -> fastapi.Response:
        return fastapi.Response(status_code=answer)

    return app


@ANY_SAMPLER
@pytest.mark.parametrize("headers", [{}, SAMPLED, UNSAMPLED], ids=["none", "sampled", "unsampled"])
def test_fastapi_that_traces_itself(sampler: Sampler, headers: dict[str, str]) -> None:
    """Newer FastAPI makes its own server spans; the route comes late, the path is there at once."""
    with tracing(sampler=ParentBased(sampler)) as traced:
        run(post_asgi(native_app(traced), "/login?answer=401", headers))
        traced.events.assert_events(PAIR[0], "PasswordsAuthenticate error")
        assert {event.correlation_id for event in traced.events} == {"abc-1"}
        assert {event.http_route for event in traced.events} <= {"/login", None}


@ANY_SAMPLER
@pytest.mark.parametrize("headers", [{}, SAMPLED, UNSAMPLED], ids=["none", "sampled", "unsampled"])
def test_asgi_middleware_around_fastapi_that_traces_itself(
    sampler: Sampler, headers: dict[str, str]
) -> None:
    """Both read the caller's headers, so that neither span is the other's child: still one pair."""
    with tracing(sampler=ParentBased(sampler)) as traced:
        stacked = AsgiMiddleware(native_app(traced), tracer_provider=traced.provider)
        answer = run(post_asgi(stacked, "/login?answer=401", headers))
        start, outcome = traced.events
        traced.events.assert_events(PAIR[0], "PasswordsAuthenticate error")
        assert start.request_id == outcome.request_id
        assert answer.headers.get_list("X-EventLog-Request-Id") == [start.request_id]
        assert {event.correlation_id for event in traced.events} == {"abc-1"}


@ANY_SAMPLER
def test_starlettes_own_middleware_in_fastapi_that_traces_itself(sampler: Sampler) -> None:
    """The same for Starlette's middleware, inside of FastAPI's own span."""
    with tracing(sampler=sampler) as traced:
        app = native_app(traced)
        app.add_middleware(StarletteMiddleware, tracer_provider=traced.provider)
        run(post_asgi(app, "/login", SAMPLED))
        traced.events.assert_events(*PAIR)


def test_two_requests_in_a_row_in_one_context_are_two() -> None:
    """A request that is over is not around the next one, even where a context outlives it."""
    with tracing() as traced:
        app = native_app(traced)

        async def both() -> None:
            for _ in range(2):
                await post_asgi(app, "/login")

        run(both())
        traced.events.assert_events(*PAIR, *PAIR)


@ANY_SAMPLER
def test_wsgi_middleware_around_flask(sampler: Sampler) -> None:
    """The same for Flask under a WSGI middleware."""
    with tracing(sampler=sampler) as traced:
        app = flask.Flask("stacked")
        app.post("/login")(dict)
        FlaskInstrumentor().instrument_app(app, tracer_provider=traced.provider)
        app.wsgi_app = WsgiMiddleware(  # type: ignore[method-assign]
            app.wsgi_app, tracer_provider=traced.provider
        )
        answer = app.test_client().post("/login", headers={"X-Request-Id": "abc-1"})
        assert answer.data == b"{}\n", "read to its end, which is where the outer span ends"
        traced.events.assert_events(*PAIR)
        assert traced.events[0].correlation_id == "abc-1"


@ANY_SAMPLER
def test_a_mounted_sub_application(sampler: Sampler) -> None:
    """FastAPI in FastAPI: the server span ends before the inner one; it is one pair."""
    with tracing(sampler=sampler) as traced, fastapi_app(traced) as inner:
        outer = fastapi.FastAPI()
        outer.mount("/api", inner)
        FastAPIInstrumentor.instrument_app(outer, tracer_provider=traced.provider)
        run(post_asgi(outer, "/api/login"))
        FastAPIInstrumentor.uninstrument_app(outer)
        traced.events.assert_events(*PAIR)


def test_a_client_span_of_the_same_action_inside_the_server_span() -> None:
    """A login that asks an auth provider is one request, not two; the collector is told so too."""
    with tracing() as traced:
        with (
            traced.login(),
            traced.tracer.start_as_current_span("between"),
            traced.tracer.start_as_current_span("POST", kind=CLIENT, attributes=STYTCH),
        ):
            pass
        traced.events.assert_events(*PAIR)
        client = traced.exported[0]
        assert dict(client.attributes or {})["eventlog.drop"] is True


def test_unrecorded_spans_in_between_hide_nothing() -> None:
    """At ratio 0 the span between server and client span is not recorded; it is still one pair."""
    with tracing(sampler=ALWAYS_OFF) as traced:
        context = extract({"HTTP_X_REQUEST_ID": "abc-1", "wsgi.version": (1, 0)})
        from opentelemetry import context as context_api

        token = context_api.attach(context)
        try:
            with (
                traced.login(),
                traced.tracer.start_as_current_span("between") as between,
                traced.tracer.start_as_current_span("POST", kind=CLIENT, attributes=STYTCH),
            ):
                assert not between.is_recording()
        finally:
            context_api.detach(token)
        traced.events.assert_events(*PAIR)


def test_another_action_inside_is_a_request_of_its_own() -> None:
    """A login that also sends a magic link is two requests."""
    sends = STYTCH | {"url.full": "https://test.stytch.com/v1/magic_links/email/login_or_create"}
    with tracing() as traced:
        with (
            traced.login(),
            traced.tracer.start_as_current_span("POST", kind=CLIENT, attributes=sends),
        ):
            pass
        assert len({event.request_id for event in traced.events}) == 2
        assert len({event.action for event in traced.events}) == 2


def test_two_logins_in_a_row_are_two_requests() -> None:
    """What has ended is no ancestor: a batch of logins under one outer span is a pair each."""
    with tracing() as traced:
        with traced.tracer.start_as_current_span("batch"):
            for _ in range(2):
                with traced.tracer.start_as_current_span("POST", kind=CLIENT, attributes=STYTCH):
                    pass
        traced.events.assert_events(*PAIR, *PAIR)


def test_an_undecided_server_span_around_a_client_span() -> None:
    """Django: by the time the view runs the route is set, so the outer span is the request."""
    with tracing() as traced:
        with traced.tracer.start_as_current_span(
            "POST", kind=SERVER, attributes={"http.method": "POST"}
        ) as server:
            server.set_attribute("http.route", "accounts/login/")
            with traced.tracer.start_as_current_span("POST", kind=CLIENT, attributes=STYTCH):
                pass
            server.set_attribute("http.status_code", 200)
        traced.events.assert_events(*PAIR)
        assert traced.events[0].http_route == "accounts/login/"


def test_a_server_span_recognised_after_its_own_client_span() -> None:
    """Where even that comes too late, the client span's pair stays the only one."""
    with tracing() as traced:
        with traced.tracer.start_as_current_span(
            "POST", kind=SERVER, attributes={"http.method": "POST"}
        ) as server:
            with traced.tracer.start_as_current_span("POST", kind=CLIENT, attributes=STYTCH):
                pass
            server.set_attributes({"http.route": "/login", "http.status_code": 200})
        traced.events.assert_events(*PAIR)


def test_internal_spans_of_an_instrumentation_are_nothing() -> None:
    """ASGI's `http send` spans carry a status code, and are no request."""
    with tracing() as traced:
        with (
            traced.login(),
            traced.tracer.start_as_current_span(
                "POST /login http send",
                kind=INTERNAL,
                attributes=LOGIN | {"asgi.event.type": "http.response.start"},
            ),
        ):
            pass
        traced.events.assert_events(*PAIR)
