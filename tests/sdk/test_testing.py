"""`otel_eventlog.testing`: what users assert with."""

from __future__ import annotations

import pytest

from otel_eventlog.testing import EventLogs, capture
from tests.support.tracing import LOGIN, SERVER, new_provider, tracing

pytest_plugins = ["pytester"]


def test_a_failed_assertion_shows_what_was_there() -> None:
    """The message names what was expected and lists what was found, with the reasons."""
    with tracing() as traced:
        with traced.login() as span:
            span.set_attribute("http.response.status_code", 401)
        with pytest.raises(AssertionError) as failure:
            traced.events.assert_events("PasswordsAuthenticate start")
    text = str(failure.value)
    assert "PasswordsAuthenticate error  unauthorized  by http  POST /login  HTTP 401" in text


def test_unpaired_starts_are_found() -> None:
    """A start without its outcome fails the assertion, a pair does not."""
    with tracing() as traced:
        with traced.login(), pytest.raises(AssertionError, match="start without outcome: Passw"):
            traced.events.assert_no_unpaired_starts()
        traced.events.assert_no_unpaired_starts()


def test_secrets_are_found_without_being_shown() -> None:
    """The message says which secret and where, and not what it is."""
    with tracing() as traced:
        with traced.login(attributes={"user.id": "hunter2"}):
            pass
        traced.events.assert_no_secret("correct horse")
        with pytest.raises(AssertionError) as failure:
            traced.events.assert_no_secret("correct horse", "hunter2")
    assert "secret 2 is in 'user_id'" in str(failure.value)
    assert "hunter2" not in str(failure.value)


def test_the_one_outcome() -> None:
    """`outcome` returns the one there is, and fails where there are none or several."""
    with tracing() as traced:
        with pytest.raises(AssertionError, match="0 outcomes"):
            traced.events.outcome()
        for _ in range(2):
            with traced.login():
                pass
        with pytest.raises(AssertionError, match="2 outcomes of PasswordsAuthenticate"):
            traced.events.outcome("PasswordsAuthenticate")


def test_after_the_block_nothing_is_caught_or_changed() -> None:
    """`capture` leaves sampler and spans as they were."""
    provider, exporter = new_provider()
    before = provider.sampler
    with capture(provider) as events:
        pass
    provider.get_tracer("x").start_span("x", kind=SERVER, attributes=LOGIN).end()
    assert provider.sampler is before
    assert isinstance(events, EventLogs)
    assert len(events) == 0
    (span,) = exporter.get_finished_spans()
    assert dict(span.attributes or {}) == LOGIN


def test_the_fixture_needs_no_set_up(pytester: pytest.Pytester) -> None:
    """A user's test asks for `event_logs`, with rules of their own, and that is all."""
    pytester.makefile(
        ".toml", rules='[[rule]]\nname = "x"\naction = "SSOAuthenticate"\nroute = "/sso"\n'
    )
    pytester.makepyfile(
        """
        import flask, pytest
        from opentelemetry.instrumentation.flask import FlaskInstrumentor

        @pytest.fixture
        def event_logs_rules():
            return ["rules.toml"]

        def test_sso(event_logs):
            app = flask.Flask("app")
            app.post("/sso")(lambda: ("no", 401))
            FlaskInstrumentor().instrument_app(app)
            app.test_client().post("/sso")
            event_logs.assert_events("SSOAuthenticate start", "SSOAuthenticate error")

        def test_nothing(event_logs):
            assert len(event_logs) == 0
        """
    )
    pytester.runpytest_subprocess("-q").assert_outcomes(passed=2)
