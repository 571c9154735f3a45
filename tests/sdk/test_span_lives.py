"""Spans that live oddly: ended in a crowd, never, late, crowded with attributes; one pair each."""

from __future__ import annotations

import gc
import threading
import time
from typing import Any

import pytest
from opentelemetry import context as context_api
from opentelemetry.propagate import extract
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Sampler

import otel_eventlog
from tests.support.tracing import CLIENT, INTERNAL, LOGIN, SERVER, tracing

PAIR = ("PasswordsAuthenticate start", "PasswordsAuthenticate success")
ANY_SAMPLER = pytest.mark.parametrize("sampler", [ALWAYS_ON, ALWAYS_OFF], ids=["on", "off"])
ANSWERED = LOGIN | {"http.response.status_code": 200}
STYTCH = {
    "http.request.method": "POST",
    "url.full": "https://test.stytch.com/v1/passwords/authenticate",
    "server.address": "test.stytch.com",
}


@ANY_SAMPLER
def test_ended_by_many_threads_at_once_it_has_one_outcome(sampler: Sampler) -> None:
    """Eight threads end the same span at the same moment: one of them counts."""
    with tracing(sampler=sampler) as traced:
        span = traced.tracer.start_span("x", kind=SERVER, attributes=ANSWERED)
        barrier = threading.Barrier(8)

        def end() -> None:
            barrier.wait(30)
            span.end()

        threads = [threading.Thread(target=end) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        traced.events.assert_events(*PAIR)


@ANY_SAMPLER
def test_many_requests_at_once_are_one_pair_each(sampler: Sampler) -> None:
    """Requests that start on one thread and end on another do not get mixed up."""
    with tracing(sampler=sampler) as traced:
        spans: list[Any] = []
        lock = threading.Lock()

        def start() -> None:
            for _ in range(25):
                span = traced.tracer.start_span("x", kind=SERVER, attributes=ANSWERED)
                with lock:
                    spans.append(span)

        def end() -> None:
            for _ in range(25):
                with lock:
                    span = spans.pop()
                span.end()

        for target in (start, end):
            threads = [threading.Thread(target=target) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        requests: dict[str, list[str]] = {}
        for event in traced.events:
            requests.setdefault(event.request_id, []).append(event.status.value)
        assert list(requests.values()) == [["start", "success"]] * 100


def test_a_span_that_never_ends_has_a_start_and_no_invented_outcome() -> None:
    """Forgotten by the application, collected, or open at the end of the process: in progress."""
    with tracing() as traced:
        span = traced.tracer.start_span("x", kind=SERVER, attributes=LOGIN)
        del span
        gc.collect()
        kept = traced.tracer.start_span("x", kind=SERVER, attributes=LOGIN)
        traced.provider.shutdown()
        traced.events.assert_events(PAIR[0], PAIR[0])
        kept.end()
        traced.events.assert_events(PAIR[0], PAIR[0])


def test_an_inner_span_that_outlives_the_request_adds_nothing() -> None:
    """The server span ends first (mounted applications, streams); the inner one is no request."""
    with tracing() as traced:
        with traced.login():
            inner = traced.tracer.start_span("POST", kind=CLIENT, attributes=STYTCH)
            never = traced.tracer.start_span("POST", kind=CLIENT, attributes=STYTCH)
        inner.end()
        traced.events.assert_events(*PAIR)
        del never


def test_an_inner_span_ended_on_another_thread_adds_nothing() -> None:
    """A client call that a thread pool finishes is still part of the login that made it."""
    with tracing() as traced:
        with traced.login():
            inner = traced.tracer.start_span("POST", kind=CLIENT, attributes=STYTCH)
            thread = threading.Thread(target=inner.end)
            thread.start()
            thread.join()
            inner.end()
        traced.events.assert_events(*PAIR)


def test_crowded_spans_inside_of_each_other_are_one_pair() -> None:
    """Where 200 attributes push out ours and those of the request, neither span is lost or two."""
    crowd = {f"app.{number}": number for number in range(200)}
    with tracing() as traced:
        with traced.login() as outer:
            with traced.tracer.start_as_current_span(
                "POST", kind=CLIENT, attributes=STYTCH
            ) as inner:
                inner.set_attributes(crowd)
                inner.update_name("renamed")
            outer.set_attributes(crowd)
            outer.update_name("renamed")
        assert "eventlog.request_id" not in (outer.attributes or {}), "pushed out, as it must be"
        traced.events.assert_events(*PAIR)
        start, outcome = traced.events
        assert start.request_id == outcome.request_id


def test_a_span_that_begins_crowded_is_recognised() -> None:
    """Attributes given at the start are limited too; the last ones stay."""
    with tracing() as traced:
        crowd = {f"app.{number}": number for number in range(200)}
        with traced.tracer.start_as_current_span("x", kind=SERVER, attributes=crowd | ANSWERED):
            pass
        traced.events.assert_events(*PAIR)


def test_a_request_that_is_renamed_to_another_route_stays_one() -> None:
    """A late route of another action changes neither start nor outcome nor their number."""
    with tracing() as traced:
        with traced.login() as span:
            span.update_name("POST /logout")
            span.set_attribute("http.route", "/logout")
        traced.events.assert_events(*PAIR)


def test_a_wall_clock_that_steps_back_keeps_the_halves_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The machine's clock is set back by an hour while the request runs."""
    with tracing() as traced:
        span = traced.tracer.start_span("x", kind=SERVER, attributes=LOGIN)
        now = time.time_ns()
        monkeypatch.setattr("opentelemetry.sdk.trace.time_ns", lambda: now - 3_600_000_000_000)
        span.end()
        start, outcome = traced.events
        assert outcome.duration_ns == 0
        assert start.time_unix_nano == outcome.time_unix_nano
        assert start.request_id == outcome.request_id


@ANY_SAMPLER
def test_the_same_action_three_deep_is_one_pair(sampler: Sampler) -> None:
    """Server span, our own API, client span inside: the outermost is the request."""
    with tracing(sampler=sampler) as traced:
        # As every server instrumentation does: at ratio 0 nothing else connects the three.
        token = context_api.attach(extract({"wsgi.version": (1, 0)}))
        try:
            with (
                traced.login(),
                traced.tracer.start_as_current_span("between", kind=INTERNAL),
                otel_eventlog.action("PasswordsAuthenticate"),
                traced.tracer.start_as_current_span("POST", kind=CLIENT, attributes=STYTCH),
            ):
                pass
        finally:
            context_api.detach(token)
        traced.events.assert_events(*PAIR)
