"""`otel_eventlog.testing`: what users assert with."""

from __future__ import annotations

import base64
import contextlib
import gc
import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import fastapi
import flask
import pytest
from opentelemetry import propagate
from opentelemetry.instrumentation import propagators
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.sdk.trace import TracerProvider

from otel_eventlog import current_action, install, record
from otel_eventlog.installation import installed_on
from otel_eventlog.privacy import Privacy
from otel_eventlog.processor import active_processors
from otel_eventlog.testing import EventLogs, capture
from tests.support.builders import event_log, rule_set
from tests.support.otlp_sink import OtlpSink
from tests.support.tracing import LOGIN, SERVER, new_provider, tracing

PAIR = ("PasswordsAuthenticate start", "PasswordsAuthenticate error unauthorized")

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


@pytest.mark.parametrize(
    "disguise",
    [
        lambda text: f"x={text}!",
        lambda text: quote(text, safe=""),
        lambda text: base64.b64encode(text.encode()).decode(),
        lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
        lambda text: text.encode().hex(),
        lambda text: hashlib.sha256(text.encode()).hexdigest(),
        lambda text: hashlib.sha512(text.encode()).hexdigest()[:20].upper(),
    ],
)
def test_secrets_are_found_in_thin_disguises(disguise: Callable[[str], str]) -> None:
    """Encoded, or hashed without a key: in a field, in an attribute, in its name."""
    secret = 'p/\\"ss w\nörd?>'
    hidden = disguise(secret)
    for event in (
        event_log(user_id=hidden),
        event_log(attributes={"key": ["a", hidden]}),
        event_log(attributes={f"a.{hidden}": 1}),
    ):
        events = EventLogs(lambda item: (item,))
        events.put(event)
        events.assert_no_secret("another")
        with pytest.raises(AssertionError, match="secret 2 is in"):
            events.assert_no_secret("another", secret)
    with pytest.raises(ValueError, match="empty"):
        events.assert_no_secret("")


def test_a_keyed_hash_of_a_secret_is_none() -> None:
    """What is meant to leave may leave."""
    hashed = Privacy(hash_key=b"k" * 16).keyed_hash("token-1")
    events = EventLogs(lambda item: (item,))
    events.put(event_log(session_token_hash=hashed))
    events.assert_no_secret("token-1")


def test_expectations_may_name_the_reason() -> None:
    """A third word is the reason of an error or the next step of a success."""
    with tracing() as traced:
        with traced.login():
            current_action().fail("locked")
        with traced.login():
            current_action().succeed(next_step="second_factor")
        traced.events.assert_events(
            "PasswordsAuthenticate start",
            "PasswordsAuthenticate error  locked",
            "PasswordsAuthenticate start",
            "PasswordsAuthenticate success second_factor",
        )
        with pytest.raises(AssertionError) as failure:
            traced.events.assert_events(
                "PasswordsAuthenticate start",
                "PasswordsAuthenticate error invalid_credentials",
                "PasswordsAuthenticate start",
            )
    assert [line[:42] for line in str(failure.value).splitlines()[1:]] == [
        "    PasswordsAuthenticate start  POST /log",
        "  - PasswordsAuthenticate error invalid_cr",
        "  + PasswordsAuthenticate error  locked  b",
        "    PasswordsAuthenticate start  POST /log",
        "  + PasswordsAuthenticate success  next se",
    ]


def test_a_failure_says_why_nothing_was_there() -> None:
    """Not instrumented, or requests that no rule knows: the message tells which."""
    with tracing() as traced:
        with pytest.raises(AssertionError, match=r"No span was seen\. Is the application instru"):
            traced.events.assert_events("PasswordsAuthenticate start")
        with traced.tracer.start_as_current_span("work"):
            pass
        with pytest.raises(AssertionError, match="1 spans were seen, none of a request"):
            traced.events.outcome()
        with traced.tracer.start_as_current_span("POST /let-me-in", kind=SERVER):
            pass
        with pytest.raises(AssertionError, match=r"1 requests were seen, .*: POST /let-me-in"):
            traced.events.wait_for(1, timeout_s=0.01)


def test_a_failure_shows_the_line_of_the_test() -> None:
    """The traceback leaves our own frames out."""
    with tracing() as traced:
        for fail in (
            lambda: traced.events.assert_events("PasswordsAuthenticate start"),
            traced.events.outcome,
            lambda: traced.events.wait_for(1, timeout_s=0.01),
        ):
            with pytest.raises(AssertionError) as caught:
                fail()
            assert caught.traceback[-1].ishidden(caught)


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


def state(provider: TracerProvider) -> list[object]:
    """Return everything of the process and of a provider that a capture might change."""
    several: Any = provider._active_span_processor
    return [
        provider.sampler,
        *several._span_processors,
        provider.get_tracer("x").sampler,  # type: ignore[attr-defined]
        propagate.get_global_textmap(),
        propagators.get_global_response_propagator(),
        installed_on(provider),
        len(active_processors()),
    ]


def test_nothing_is_left_behind() -> None:
    """Sampler, span processors and propagators are what they were, also after a failed test."""
    provider, _ = new_provider()
    gc.collect()  # what other tests have left behind
    before = state(provider)
    for _ in range(3):
        with contextlib.suppress(ZeroDivisionError), capture(provider):
            assert state(provider) != before
            raise ZeroDivisionError
    gc.collect()
    assert state(provider) == before


def test_an_application_that_installs_event_logs_itself(tmp_path: Path) -> None:
    """Its own rules hold and nothing is sent; rules of the test's own replace them."""
    rules = tmp_path / "rules.toml"
    rules.write_text('[[rule]]\nname = "x"\naction = "SSOAuthenticate"\nroute = "/sso"\n')
    others = rule_set('[[rule]]\nname = "y"\naction = "OAuthAuthenticate"\nroute = "/sso"\n')
    sso = {"http.request.method": "POST", "http.route": "/sso"}
    provider, _ = new_provider()
    with OtlpSink() as collector:
        processor = install(provider, endpoint=collector.url, rules=rules)
        assert processor is not None

        def post(user: str) -> None:
            with provider.get_tracer("x").start_as_current_span("x", kind=SERVER, attributes=sso):
                current_action().set_user(user)

        with capture(provider) as events:
            post("u-1")
            record("EmailDelivery", message_status="opened")
        events.assert_events(
            "SSOAuthenticate start", "SSOAuthenticate error", "EmailDelivery success"
        )
        with capture(provider, rules=others) as events:
            post("u-2")
        events.assert_events("OAuthAuthenticate start", "OAuthAuthenticate error")
        assert events.outcome().user_id == "u-2"
        assert installed_on(provider) is processor
        post("u-3")
        sent = collector.wait_for_events(2)
        processor.shutdown()
    assert [event.user_id for event in sent if event.user_id] == ["u-3"]


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


@pytest.mark.parametrize("preserving", [False, True])
def test_flasks_test_client(preserving: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """The outcome is there as soon as the client has its response, in a `with` block too."""
    with tracing() as traced:
        app = flask.Flask("app")
        app.post("/login")(lambda: ("no", 401))
        FlaskInstrumentor().instrument_app(app, tracer_provider=traced.provider)
        with contextlib.ExitStack() as stack:
            client = app.test_client()
            if preserving:
                client = stack.enter_context(client)
            for _ in range(2):
                client.post("/login")
                traced.events.assert_events(*PAIR)
                traced.events.clear()


@pytest.mark.filterwarnings("ignore:Using `httpx`")  # starlette's client wants a newer one
def test_fastapis_test_client() -> None:
    """It runs the application in a thread of its own; the outcome is there with the response."""
    from fastapi.testclient import TestClient

    with tracing() as traced:
        app = fastapi.FastAPI()

        @app.post("/login", status_code=401)
        async def login() -> None: ...

        FastAPIInstrumentor.instrument_app(app, tracer_provider=traced.provider)
        with TestClient(app) as client:
            for _ in range(2):
                client.post("/login")
                traced.events.assert_events(*PAIR)
                traced.events.clear()


def test_a_server_in_another_thread() -> None:
    """`wait_for` waits for what ends after the response was sent."""
    with tracing() as traced:

        def serve() -> None:
            with traced.login() as span:
                span.set_attribute("http.response.status_code", 401)

        thread = threading.Thread(target=serve)
        thread.start()
        traced.events.wait_for(2, timeout_s=30)
        traced.events.assert_events(*PAIR)
        thread.join(30)


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
