"""Builders: a span or an event log with whatever a test wants to vary."""

from __future__ import annotations

from typing import Any

from otel_eventlog.model import EventLog, Rank, SpanData, SpanEvent, Status
from otel_eventlog.rulefile import load_rule_set, parse_rules
from otel_eventlog.rules import Rule
from otel_eventlog.ruleset import RuleSet

NOW = 1_795_419_852_646_225_529
"""A moment of November 2026, nanoseconds since the epoch."""
SERVER, CLIENT, INTERNAL = 2, 3, 1


def span_data(
    method: str | None = "POST",
    route: str | None = "/login",
    path: str | None = None,
    status: int | None = 200,
    **changes: Any,
) -> SpanData:
    """Return a finished server span as Flask or FastAPI make it (stable attribute names)."""
    attributes: dict[str, Any] = {
        "http.request.method": method,
        "http.route": route,
        "url.path": path if path is not None else route,
        "http.response.status_code": status,
        "client.address": "192.0.2.7",
        "user_agent.original": "tests/1.0",
    }
    attributes |= changes.pop("attributes", {})
    events = [SpanEvent("exception", found) for found in changes.pop("exceptions", ())]
    span = SpanData(
        trace_id=0xABC,
        span_id=0x0123456789ABCDEF,
        parent_span_id=0,
        name="POST /login",
        kind=SERVER,
        start_unix_nano=NOW,
        end_unix_nano=NOW + 12_000_000,
        attributes={key: value for key, value in attributes.items() if value is not None},
        resource={"service.name": "shop", "service.namespace": "acme"},
        scope_name="opentelemetry.instrumentation.flask",
        events=events,
        trace_sampled=True,
    )
    for name, value in changes.items():
        setattr(span, name, value)
    return span


def event_log(status: Status = Status.SUCCESS, **changes: Any) -> EventLog:
    """Return an event log of one login."""
    event = EventLog(
        status=status,
        action="PasswordsAuthenticate",
        span_id=0x0123456789ABCDEF,
        start_unix_nano=NOW,
        time_unix_nano=NOW if status is Status.START else NOW + 12_000_000,
        trace_id=0xABC,
        trace_sampled=True,
        category="passwords",
        service="shop",
        rank=Rank.APP,
    )
    for name, value in changes.items():
        setattr(event, name, value)
    return event


def rule_set(*texts: str) -> RuleSet:
    """Compile rule files given as text, in order of precedence."""
    return RuleSet([parse_rules(text, f"rules-{n}.toml") for n, text in enumerate(texts)])


def only_rule(text: str) -> Rule:
    """Return the one rule of a rule file given as text."""
    (rule,) = parse_rules(text, "rules.toml").rules
    return rule


def rule_set_with_packs(*texts: str) -> RuleSet:
    """Compile rule files given as text, with the default packs after them, as `install` does."""
    return RuleSet([*rule_set(*texts).groups, *load_rule_set(()).groups])
