"""`EventLogSpanProcessor`: which spans become which event logs, and that the host never suffers."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.propagate import extract
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from otel_eventlog import guard
from otel_eventlog.mapping import Mapper
from otel_eventlog.model import Rank, Status
from otel_eventlog.outcome import Annotations
from otel_eventlog.privacy import Privacy
from otel_eventlog.processor import EventLogSpanProcessor
from otel_eventlog.rulefile import load_rule_set
from tests.support.builders import rule_set
from tests.support.tracing import INTERNAL, LOGIN, SERVER, new_provider, tracing

HOLDING = """
[[rule]]
name = "login"
action = "PasswordsAuthenticate"
method = ["GET", "POST"]
route = "/login"
[[rule.outcome]]
when = { status = [204] }
status = "none"
"""


def test_the_start_leaves_while_the_request_runs() -> None:
    """A request that is killed in the middle has left its start."""
    with tracing() as traced, traced.login():
        traced.events.assert_events("PasswordsAuthenticate start")


def test_start_and_outcome_are_one_request() -> None:
    """Both halves have the ids, times and places of their span."""
    with tracing() as traced:
        with traced.login() as span:
            span.set_attribute("http.response.status_code", 401)
        start, outcome = traced.events
        (exported,) = traced.exported
    assert start.request_id == outcome.request_id
    assert (start.status, outcome.status) == (Status.START, Status.ERROR)
    assert start.start_unix_nano == outcome.start_unix_nano == exported.start_time
    assert outcome.time_unix_nano == exported.end_time
    assert outcome.span_id == exported.context.span_id
    assert (outcome.service, outcome.project) == ("shop", "acme")
    assert outcome.trace_sampled is True


def test_the_scope_is_asked_before_rules_behind_it() -> None:
    """A user's rule that drops what one instrumentation reports stands before the other rules."""
    rules = rule_set(
        '[[rule]]\nname = "not-ours"\ndrop = true\nroute = "/login"\nscope = "test*"\n'
        '[[rule]]\nname = "login"\naction = "PasswordsAuthenticate"\nroute = "/login"'
    )
    mapper = Mapper(rules, Privacy(), Rank.APP)
    taken: list[Any] = []
    delivery: Any = type("Sink", (), {"put": lambda _, item: taken.append(item)})()
    provider, _ = new_provider()
    provider.add_span_processor(EventLogSpanProcessor(mapper, delivery))
    for scope_name in ("tests", "other"):
        provider.get_tracer(scope_name).start_span("x", kind=SERVER, attributes=LOGIN).end()
    assert [type(item).__name__ for item in taken] == ["Started", "Ended"]
    assert taken[0].head.scope.name == "other"


def test_a_start_that_has_left_gets_an_outcome_whatever_the_span_says_later() -> None:
    """Also where the rule that fits in the end would conclude that nothing was attempted."""
    rules = rule_set(
        '[[rule]]\nname = "login"\naction = "PasswordsAuthenticate"\nroute = "/login"\n'
        '[[rule]]\nname = "page"\naction = "SessionsAuthenticate"\nroute = "/page"\n'
        '[[rule.outcome]]\nwhen = { status = [200] }\nstatus = "none"'
    )
    with tracing(rules) as traced:
        with traced.login() as span:
            later = {"http.route": "/page", "url.path": "/page", "http.status_code": 200}
            span.set_attributes({**later, "eventlog.action": "SessionsAuthenticate"})
        traced.events.assert_events("PasswordsAuthenticate start", "SessionsAuthenticate success")


def test_a_rule_that_fits_in_the_end_goes_before_those_behind_it() -> None:
    """The first rule of a file holds, also where the handler sets what it asks for."""
    rules = rule_set(
        '[[rule]]\nname = "otp"\naction = "OTPsAuthenticate"\nroute = "/login"\n'
        'attributes = { "app.factor" = "otp" }\n'
        '[[rule]]\nname = "login"\naction = "PasswordsAuthenticate"\nroute = "/login"'
    )
    with tracing(rules) as traced:
        with traced.login() as span:
            span.set_attribute("app.factor", "otp")
        traced.events.assert_events("PasswordsAuthenticate start", "OTPsAuthenticate success")
        traced.events.clear()
        with traced.login() as span:
            span.set_attributes({"app.factor": "otp", "eventlog.action": "SSOAuthenticate"})
        traced.events.assert_events("PasswordsAuthenticate start", "SSOAuthenticate success")


def test_the_span_says_which_event_logs_are_its_own() -> None:
    """Jaeger can be searched for the action and the request id."""
    with tracing() as traced:
        with traced.login():
            pass
        (span,) = traced.exported
        attributes = dict(span.attributes or {})
        assert attributes["eventlog.action"] == "PasswordsAuthenticate"
        assert attributes["eventlog.request_id"] == traced.events[0].request_id


def test_spans_that_no_rule_wants_leave_nothing_and_are_left_alone() -> None:
    """A page view and inner spans yield no event log and get no attribute."""
    with tracing() as traced:
        with (
            traced.login(attributes={"http.route": "/news", "url.path": "/news"}),
            traced.tracer.start_as_current_span("inner", attributes={"a": 1}),
        ):
            pass
        assert list(traced.events) == []
        for span in traced.exported:
            assert not [key for key in span.attributes or {} if key.startswith("eventlog.")]


def test_a_held_start_comes_with_the_outcome_and_leaves_no_mark() -> None:
    """A rule that may conclude "nothing attempted" keeps quiet until the end."""
    with tracing(rule_set(HOLDING)) as traced:
        with traced.login() as span:
            span.set_attribute("http.response.status_code", 200)
            assert list(traced.events) == []
        traced.events.assert_events("PasswordsAuthenticate start", "PasswordsAuthenticate success")
        (exported,) = traced.exported
        assert not [key for key in exported.attributes or {} if key.startswith("eventlog.")]


def test_nothing_attempted_is_no_event_log() -> None:
    """A held request whose rule concludes "none" leaves nothing at all."""
    with tracing(rule_set(HOLDING)) as traced:
        with traced.login() as span:
            span.set_attribute("http.response.status_code", 204)
        assert list(traced.events) == []


def test_a_span_recognised_only_at_its_end_yields_both_halves() -> None:
    """Django sets the route late: start and outcome leave at the end, with the span's own start."""
    with tracing() as traced:
        with traced.tracer.start_as_current_span(
            "POST", kind=SERVER, attributes={"http.method": "POST", "http.target": "/prefix/login"}
        ) as span:
            assert list(traced.events) == []
            span.set_attributes({"http.route": "login", "http.status_code": 200})
        traced.events.assert_events("PasswordsAuthenticate start", "PasswordsAuthenticate success")
        (exported,) = traced.exported
        assert traced.events[0].time_unix_nano == exported.start_time


@pytest.mark.parametrize("kind", [SERVER, INTERNAL])
def test_a_span_that_says_late_what_it_is_yields_both_halves(kind: trace.SpanKind) -> None:
    """`eventlog.action`, set by the application while the span runs, is enough."""
    with tracing() as traced:
        with traced.tracer.start_as_current_span(
            "x", kind=kind, attributes={"http.route": "/x", "url.path": "/x"}
        ) as span:
            span.set_attribute("eventlog.action", "SessionsRevoke")
        traced.events.assert_events("SessionsRevoke start", "SessionsRevoke success")


def test_the_outcomes_action_is_what_the_span_says_at_its_end() -> None:
    """An application that renames its action while it runs is believed."""
    with tracing() as traced:
        with traced.login() as span:
            span.set_attribute("eventlog.action", "OTPsAuthenticate")
        traced.events.assert_events("PasswordsAuthenticate start", "OTPsAuthenticate success")


def test_a_renamed_span_changes_nothing() -> None:
    """Instrumentations rename spans; names are never judged."""
    with tracing() as traced:
        with traced.login() as span:
            span.update_name("something else")
        traced.events.assert_events("PasswordsAuthenticate start", "PasswordsAuthenticate success")


def test_more_attributes_than_a_span_holds_lose_nothing() -> None:
    """The SDK pushes out the oldest of 128 attributes; the request is known beside the span."""
    with tracing() as traced:
        with traced.login() as span:
            for number in range(200):
                span.set_attribute(f"app.{number}", number)
            span.set_attribute("http.response.status_code", 401)
        traced.events.assert_events("PasswordsAuthenticate start", "PasswordsAuthenticate error")
        assert traced.events[0].request_id == traced.events[1].request_id


def test_a_clock_that_steps_back_gives_no_negative_duration() -> None:
    """A span that ends before it starts has taken no time."""
    with tracing() as traced:
        span = traced.tracer.start_span("x", kind=SERVER, attributes=LOGIN, start_time=5_000)
        span.end(end_time=1_000)
        assert traced.events.outcome().duration_ns == 0


def test_a_span_ended_elsewhere_or_twice_has_one_outcome() -> None:
    """Ended on another thread, and once more on this one: one start, one outcome."""
    with tracing() as traced:
        span = traced.tracer.start_span("x", kind=SERVER, attributes=LOGIN)
        span.set_attribute("http.response.status_code", 200)
        thread = threading.Thread(target=span.end)
        thread.start()
        thread.join()
        span.end()
        traced.events.assert_events("PasswordsAuthenticate start", "PasswordsAuthenticate success")


def test_the_callers_id_is_in_the_live_start() -> None:
    """The start that leaves at once has the X-Request-Id already, and so has the outcome."""
    with tracing() as traced:
        context = extract({"HTTP_X_REQUEST_ID": "abc-1", "wsgi.version": (1, 0)})
        traced.tracer.start_span("x", kind=SERVER, attributes=LOGIN, context=context).end()
        assert [event.correlation_id for event in traced.events] == ["abc-1", "abc-1"]


def test_what_the_handler_says_is_not_in_the_start() -> None:
    """A start mapped late, in the worker, holds what was known at the start and no more."""
    kept: list[Any] = []
    mapper = Mapper(load_rule_set(), Privacy(), Rank.APP)
    provider, _ = new_provider()
    provider.add_span_processor(EventLogSpanProcessor(mapper, _Keeping(kept)))
    span = provider.get_tracer("x").start_span("x", kind=SERVER, attributes=LOGIN)
    span.set_attribute("http.route", "/changed")
    span.end()
    started = kept[0]
    assert started.attributes["http.route"] == "/login"


class _Keeping:
    """A delivery that keeps what it is given."""

    def __init__(self, kept: list[Any]) -> None:
        self.put = kept.append

    def force_flush(self, timeout_s: float) -> bool:
        """Nothing waits."""
        return timeout_s >= 0

    def shutdown(self) -> None:
        """Nothing to end."""


class _Broken(_Keeping):
    """A delivery in which everything fails."""

    def __init__(self) -> None:
        super().__init__([])
        self.put = self._fail  # type: ignore[assignment]

    def _fail(self, *_: object) -> None:
        raise RuntimeError("ours")

    force_flush = shutdown = _fail  # type: ignore[assignment]


def test_nothing_of_ours_reaches_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """With everything inside failing, spans start, end and are exported as ever."""
    monkeypatch.delenv("OTEL_EVENTLOG_RAISE", raising=False)
    provider, exporter = new_provider()
    mapper = Mapper(load_rule_set(), Privacy(), Rank.APP)
    processor = EventLogSpanProcessor(mapper, _Broken())
    provider.add_span_processor(processor)
    before = guard.faults()
    with provider.get_tracer("x").start_as_current_span("x", kind=SERVER, attributes=LOGIN):
        pass
    assert processor.force_flush() is False
    processor.shutdown()
    assert len(exporter.get_finished_spans()) == 1
    assert guard.faults() >= before + 3


def test_spans_that_never_end_fill_no_memory() -> None:
    """The oldest are forgotten and counted; their outcome, should it come, is not lost."""
    kept: list[Any] = []
    mapper = Mapper(load_rule_set(), Privacy(), Rank.APP)
    processor = EventLogSpanProcessor(mapper, _Keeping(kept), spans_max=10)
    provider, _ = new_provider()
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("x")
    first = tracer.start_span("x", kind=SERVER, attributes=LOGIN)
    for _ in range(20):
        tracer.start_span("x", kind=SERVER, attributes=LOGIN)
    assert processor.spans_evicted == 11
    kept.clear()
    first.end()
    (ended,) = kept
    assert ended.match.action == "PasswordsAuthenticate"


def test_after_shutdown_nothing_more_is_taken() -> None:
    """`on_end` still comes after a provider's shutdown; nothing is made of it."""
    with tracing() as traced:
        span = traced.tracer.start_span("x", kind=SERVER, attributes=LOGIN)
        traced.provider.shutdown()
        span.end()
        traced.events.assert_events("PasswordsAuthenticate start")


def test_a_child_of_an_unsampled_login_is_not_recorded() -> None:
    """RECORD_ONLY is for the wanted span alone: what runs inside is dropped as before."""
    with tracing(sampler=ALWAYS_OFF) as traced:
        with traced.login() as span, traced.tracer.start_as_current_span("child") as child:
            assert span.is_recording()
            assert not child.is_recording()
            assert not span.get_span_context().trace_flags.sampled
        assert traced.exported == ()
        assert traced.events.outcome().trace_sampled is False


def test_location_and_content_type_reach_the_rules() -> None:
    """Response headers noted beside the span decide the outcome where a rule asks for them."""
    rules = rule_set(
        '[[rule]]\nname = "x"\naction = "PasswordsAuthenticate"\nroute = "/login"\n'
        '[[rule.outcome]]\nwhen = { location = ["/login*"] }\nstatus = "error"\n'
        'error_type = "invalid_credentials"'
    )
    with tracing(rules) as traced:
        with traced.login() as span:
            _notes(span).location = "/login?next=/"
            span.set_attribute("http.response.status_code", 302)
        outcome = traced.events.outcome()
        assert (outcome.outcome_source, outcome.error_type) == ("rule", "invalid_credentials")


def _notes(span: Any) -> Annotations:
    from otel_eventlog.processor import find_request

    request = find_request(span.get_span_context().span_id)
    assert request is not None
    return request.notes


def test_a_span_of_a_remote_parent_is_a_request_of_its_own() -> None:
    """A caller's span id that happens to be one of ours in progress is not an ancestor."""
    with tracing() as traced:
        with traced.login() as span:
            inner = span.get_span_context()
            remote = trace.SpanContext(
                inner.trace_id, inner.span_id, is_remote=True, trace_flags=trace.TraceFlags(1)
            )
            context = trace.set_span_in_context(trace.NonRecordingSpan(remote), Context())
            traced.tracer.start_span("x", kind=SERVER, attributes=LOGIN, context=context).end()
        assert len({event.request_id for event in traced.events}) == 2
