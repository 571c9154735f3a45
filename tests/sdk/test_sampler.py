"""`EventLogSampler`: wanted spans are recorded, and nothing else changes."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    DEFAULT_ON,
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState

from otel_eventlog.rulefile import load_rule_set
from otel_eventlog.sampler import EventLogSampler
from tests.support.builders import rule_set
from tests.support.tracing import CLIENT, INTERNAL, LOGIN, SERVER

STATE = TraceState([("vendor", "1")])


def unsampled_parent() -> Context:
    """Return what a caller leaves that sends `traceparent: …-00`."""
    parent = SpanContext(0xABC, 0xDEF, is_remote=True, trace_flags=TraceFlags(0), trace_state=STATE)
    return trace.set_span_in_context(NonRecordingSpan(parent), Context())


def decide(inner: Sampler, kind: trace.SpanKind = SERVER, **attributes: str) -> SamplingResult:
    """Return what our sampler decides on a root span with the default packs."""
    sampler = EventLogSampler(inner, load_rule_set())
    return sampler.should_sample(Context(), 1, "name", kind, attributes)


def test_a_wanted_span_is_recorded_and_not_sampled() -> None:
    """DROP becomes RECORD_ONLY for a login, with all the attributes it was started with."""
    result = decide(ALWAYS_OFF, **LOGIN)
    assert result.decision is Decision.RECORD_ONLY
    assert dict(result.attributes) == LOGIN


def test_an_unwanted_span_stays_dropped() -> None:
    """A span that no rule wants is decided by the inner sampler alone."""
    other = LOGIN | {"http.route": "/news", "url.path": "/news"}
    assert decide(ALWAYS_OFF, **other).decision is Decision.DROP
    assert decide(ALWAYS_OFF, INTERNAL, **LOGIN).decision is Decision.DROP


def test_a_sampled_span_is_the_inner_samplers_affair() -> None:
    """RECORD_AND_SAMPLE is passed on as it is, whatever the rules say."""
    assert decide(ALWAYS_ON, **LOGIN).decision is Decision.RECORD_AND_SAMPLE


def test_a_caller_cannot_hide_a_login() -> None:
    """A request with an unsampled traceparent is recorded under the default sampler."""
    sampler = EventLogSampler(DEFAULT_ON, load_rule_set())
    result = sampler.should_sample(unsampled_parent(), 0xABC, "name", SERVER, LOGIN)
    assert result.decision is Decision.RECORD_ONLY
    assert result.trace_state == STATE


def test_what_cannot_be_judged_yet_is_recorded() -> None:
    """A server span without route and path (Django, Express) is recorded; a client span is not."""
    assert decide(ALWAYS_OFF, **{"http.method": "POST"}).decision is Decision.RECORD_ONLY
    assert decide(ALWAYS_OFF, CLIENT, **{"http.method": "POST"}).decision is Decision.DROP


def test_a_wanted_client_span_is_recorded() -> None:
    """A call to an auth provider's API that the default packs know is recorded."""
    url = "https://test.stytch.com/v1/passwords/authenticate"
    result = decide(ALWAYS_OFF, CLIENT, **{"http.method": "POST", "http.url": url})
    assert result.decision is Decision.RECORD_ONLY


@pytest.mark.parametrize(
    "condition", ['scope = "my.framework"', 'attributes = { tenant = "acme" }', 'query = "code"']
)
def test_a_rule_that_asks_for_what_comes_later_does_not_lose_its_spans(condition: str) -> None:
    """Scope, late attributes and query cannot be judged by a sampler: the span is recorded."""
    rules = rule_set(
        f'[[rule]]\nname = "x"\naction = "SSOAuthenticate"\nroute = "/cb"\n{condition}'
    )
    sampler = EventLogSampler(ALWAYS_OFF, rules)
    wanted = {"http.request.method": "POST", "http.route": "/cb", "url.path": "/cb"}
    decision = sampler.should_sample(Context(), 1, "name", SERVER, wanted).decision
    assert decision is Decision.RECORD_ONLY
    other = wanted | {"http.route": "/x", "url.path": "/x"}
    assert sampler.should_sample(Context(), 1, "name", SERVER, other).decision is Decision.DROP


def test_wrapping_twice_is_wrapping_once() -> None:
    """A sampler of ours inside of ours is unwrapped, so that the rules are asked once."""
    inner = ParentBased(TraceIdRatioBased(0.5))
    once = EventLogSampler(inner, load_rule_set())
    assert EventLogSampler(once, load_rule_set()).inner is inner
    assert inner.get_description() in once.get_description()
