"""Outcome: the precedence of section 1 of the specification, source by source."""

from __future__ import annotations

from typing import Any

import pytest

from otel_eventlog.model import Status
from otel_eventlog.outcome import Annotations, decide
from tests.support.builders import CLIENT, INTERNAL, only_rule, span_data

RULE = '[[rule]]\nname = "x"\naction = "PasswordsAuthenticate"\nroute = "/login"\n'


def told(span: Any, rule: str = "", notes: Annotations | None = None) -> tuple[str, str] | None:
    """Return status and source of a span's outcome."""
    outcome = decide(span, only_rule(RULE + rule) if rule else None, notes)
    return None if outcome is None else (outcome.status.value, outcome.source.value)


def rpc(code: int | str | None, **changes: Any) -> Any:
    """Return a gRPC server span."""
    attributes = {"rpc.system": "grpc", "rpc.service": "a.A", "rpc.grpc.status_code": code}
    return span_data(None, None, None, None, attributes=attributes, **changes)


ERROR_RULE = '[[rule.outcome]]\nwhen = {}\nstatus = "error"\n'
BOOM = {"exception.type": "app.Boom", "exception.message": "x"}


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (span_data(status=200), ("success", "http")),
        (span_data(status=302), ("success", "http")),
        (span_data(status=401), ("error", "http")),
        (span_data(status=500, span_status=2), ("error", "http")),
        (span_data(status=500, span_status=2, exceptions=[BOOM]), ("error", "exception")),
        (span_data(status=200, exceptions=[BOOM]), ("success", "http")),
        (span_data(status=200, span_status=2), ("error", "span")),
        (span_data(status=None), ("error", "aborted")),
        (span_data(status=None, kind=CLIENT), ("success", "default")),
        (span_data(None, None, None, None, kind=INTERNAL), ("success", "default")),
        (span_data(status=401, attributes={"eventlog.status": "success"}), ("success", "app")),
        (span_data(status=200, attributes={"eventlog.status": "error"}), ("error", "app")),
        (span_data(status=200, attributes={"eventlog.status": "maybe"}), ("success", "http")),
        (rpc(0), ("success", "default")),
        (rpc(16), ("error", "span")),
        (rpc("UNAUTHENTICATED"), ("error", "span")),
        (rpc(0, exceptions=[BOOM]), ("error", "exception")),
    ],
)
def test_the_generic_order(span: Any, expected: tuple[str, str]) -> None:
    """Without a rule's condition the span decides, the most telling sign first."""
    assert told(span) == expected


def test_each_source_outranks_the_next() -> None:
    """App, then signal, then rule, then what the span shows."""
    span = span_data(status=200)
    signal = Annotations(signal=Status.SUCCESS)
    assert told(span, ERROR_RULE) == ("error", "rule")
    assert told(span, ERROR_RULE, signal) == ("success", "signal")
    signal.status = Status.ERROR
    assert told(span, ERROR_RULE, signal) == ("error", "app")


@pytest.mark.parametrize(
    ("span", "rule", "expected"),
    [
        (span_data(status=200), "", ("error", "signal")),
        (span_data(status=302), "", ("error", "signal")),
        (span_data(status=401), "", ("error", "http")),
        (span_data(status=200, span_status=2), "", ("error", "span")),
        (span_data(status=500, span_status=2, exceptions=[BOOM]), "", ("error", "exception")),
        (span_data(status=None), "", ("error", "aborted")),
        (span_data(status=200, attributes={"eventlog.status": "success"}), "", ("success", "app")),
        (
            span_data(status=200),
            '[[rule.outcome]]\nwhen = { status = 200 }\nstatus = "success"\n',
            ("success", "rule"),
        ),
    ],
)
def test_the_absence_of_a_signal_is_asked_last(
    span: Any, rule: str, expected: tuple[str, str]
) -> None:
    """It stands only against "HTTP below 400 is a success"; all that shows more says more."""
    assert told(span, rule, Annotations(signal_missing=True)) == expected


def test_what_a_signal_says_beside_its_status() -> None:
    """Reason and next step count where the signal decides; the application's own come first."""
    span = span_data(status=200)

    def details(**said: Any) -> tuple[str | None, str | None]:
        outcome = decide(span, None, Annotations(**said))
        assert outcome is not None
        return outcome.error_type, outcome.next_step

    assert details(signal_missing=True) == ("refused", None)
    failed = {"signal": Status.ERROR, "signal_error_type": "invalid_code"}
    assert details(**failed) == ("invalid_code", None)
    assert details(**failed, error_type="locked") == ("locked", None)
    right = {"signal": Status.SUCCESS, "signal_next_step": "second_factor"}
    assert details(**right) == (None, "second_factor")
    assert details(**right, next_step="new_password") == (None, "new_password")
    assert details(**right, status=Status.SUCCESS) == (None, None)


@pytest.mark.parametrize(
    ("when", "span", "holds"),
    [
        ("status = [200]", span_data(status=200), True),
        ("status = [200]", span_data(status=302), False),
        ("status = 200", span_data(status=200), True),
        (
            'content_type = "text/html"',
            span_data(attributes={"http.response.header.content-type": ("Text/HTML; charset=x",)}),
            True,
        ),
        ('content_type = "text/html"', span_data(), False),
        (
            'location = "/login"',
            span_data(attributes={"http.response.header.location": ["/login?next=%2Fme"]}),
            True,
        ),
        (
            'location = "/login"',
            span_data(attributes={"http.response.header.location": "https://a.example/login#x"}),
            True,
        ),
        (
            'location = "/login"',
            span_data(attributes={"http.response.header.location": "//a.example/login?next=%2F"}),
            True,
        ),
        (
            'location = "*error=*"',
            span_data(attributes={"http.response.header.location": "/cb?error=denied"}),
            True,
        ),
        (
            'location = "/login"',
            span_data(attributes={"http.response.header.location": "/me"}),
            False,
        ),
        ('query = "error"', span_data(attributes={"url.query": "error=denied"}), True),
        ('query = "error"', span_data(attributes={"url.query": "code=1"}), False),
        ('query = "error=denied"', span_data(attributes={"url.query": "error=denied"}), True),
        ('query = "error=denied"', span_data(attributes={"url.query": "error=other"}), False),
        (
            'attributes = { "auth.outcome" = "failure" }',
            span_data(attributes={"auth.outcome": "failure"}),
            True,
        ),
        ('rpc_status = "UNAUTHENTICATED"', rpc(16), True),
        ("rpc_status = 16", rpc(0), False),
        ("exception = true", span_data(exceptions=[BOOM]), True),
        ("exception = false", span_data(exceptions=[BOOM]), False),
        ('exception = "Boom"', span_data(exceptions=[BOOM]), True),
        ('exception = ["Other"]', span_data(exceptions=[BOOM]), False),
        ('status = [200], query = "error"', span_data(), False),
    ],
)
def test_conditions_of_a_rule(when: str, span: Any, *, holds: bool) -> None:
    """Each condition reads old and captured forms; all parts of one must hold."""
    rule = f'[[rule.outcome]]\nwhen = {{ {when} }}\nstatus = "error"\nerror_type = "because"\n'
    outcome = decide(span, only_rule(RULE + rule))
    assert outcome is not None
    assert (outcome.source.value == "rule") is holds
    assert (outcome.error_type == "because") is holds


def test_response_headers_seen_beside_the_span_count_too() -> None:
    """What the propagator saw serves conditions without ever being an attribute."""
    rule = '[[rule.outcome]]\nwhen = { location = "/login" }\nstatus = "error"\n'
    assert told(span_data(status=302), rule, Annotations(location="/login")) == ("error", "rule")


def test_nothing_attempted_is_no_outcome() -> None:
    """A rule may conclude `none`; what the application says still outranks it."""
    rule = '[[rule.outcome]]\nwhen = { status = [200] }\nstatus = "none"\n'
    assert told(span_data(status=200), rule) is None
    assert told(span_data(status=401), rule) == ("error", "http")
    assert told(span_data(status=200), rule, Annotations(status=Status.ERROR)) == ("error", "app")


def test_a_second_factor_due_is_a_success_with_a_next_step() -> None:
    """A right first factor is no failure."""
    rule = (
        '[[rule.outcome]]\nwhen = { status = [202] }\nstatus = "success"\n'
        'next_step = "second_factor"\n'
    )
    outcome = decide(span_data(status=202), only_rule(RULE + rule))
    assert outcome is not None
    assert (outcome.status, outcome.next_step) == (Status.SUCCESS, "second_factor")


@pytest.mark.parametrize(
    ("span", "reason"),
    [
        (span_data(status=401), "unauthorized"),
        (span_data(status=429), "rate_limited"),
        (span_data(status=418), "http_418"),
        (span_data(status=None), "aborted"),
        (span_data(status=500, span_status=2, exceptions=[BOOM]), "app.Boom"),
        (span_data(status=503, attributes={"error.type": "503"}), "http_503"),
        (span_data(status=503, attributes={"error.type": "timeout"}), "timeout"),
        (
            span_data(status=401, attributes={"eventlog.error_type": "user_not_found"}),
            "user_not_found",
        ),
        (rpc(16), "unauthenticated"),
        (rpc(99), "rpc_99"),
        (rpc(16, exceptions=[{"exception.type": "Exception"}]), "unauthenticated"),
        (rpc(2, exceptions=[BOOM]), "app.Boom"),
        (span_data(status=200, span_status=2), "error"),
    ],
)
def test_the_reason_is_machine_readable(span: Any, reason: str) -> None:
    """Every error has a bounded reason, the most telling one that is known."""
    outcome = decide(span, None)
    assert outcome is not None
    assert outcome.error_type == reason
