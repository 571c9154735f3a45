"""Judgements and test results in words for people, and as objects for programs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from otel_eventlog import semconv
from otel_eventlog.model import SpanData, SpanKind
from otel_eventlog.request_facts import first_text, path
from otel_eventlog.rules import Rule
from otel_eventlog_collector.event_json import event_json
from otel_eventlog_collector.insight.explanation import decided_by
from otel_eventlog_collector.rule_tools.conditions import Condition, NearMiss, kind_word, text_of
from otel_eventlog_collector.rule_tools.judgement import Judgement
from otel_eventlog_collector.rule_tools.misspelt import Misspelt
from otel_eventlog_collector.rule_tools.shadows import Shadow
from otel_eventlog_collector.rule_tools.testrun import RuleTestResult

_FIELDS_OF_A_PAIR = ("event_id", "request_id", "time", "time_unix_nano", "duration_ns", "phase")
_FIELDS_TOLD = (
    "category",
    "auth_method",
    "auth_factor",
    "user_id",
    "organization_id",
    "client_id",
    "flow_id",
    "correlation_id",
    "http_method",
    "http_route",
    "http_status_code",
    "client_address",
    "user_agent",
    "message_status",
    "error_message",
)


def asked(span: SpanData) -> str:
    """Return what a span is, in a few words: `POST /login (server span)`."""
    attributes = span.attributes
    method = first_text(attributes, semconv.HTTP_METHOD)
    where = first_text(attributes, semconv.HTTP_ROUTE) or path(attributes)
    called = [text_of(attributes.get(name)) for name in ("rpc.service", "rpc.method")]
    parts = [method, where] if method or where else called
    words = " ".join(part for part in parts if part)
    return f"{words} ({kind_word(span.kind)} span)" if words else f"A {kind_word(span.kind)} span"


def rule_text(rule: Rule) -> str:
    """Return a rule by name and place: `rule 'login' of auth.toml:3`."""
    line = f":{rule.line}" if rule.line else ""
    return f"rule {rule.name!r} of {rule.source}{line}"


def shadow_text(shadow: Shadow) -> str:
    """Return what is the matter with a rule that is never reached, and what to do."""
    hidden = f"rule {shadow.rule.name!r} is never reached: {rule_text(shadow.by)} takes all of it"
    return f"{hidden}; put it before that one, or leave it out"


def misspelt_text(found: Misspelt) -> str:
    """Return what is the matter with an action that looks misspelt, and what to do."""
    known = f"is not in the catalogue (`otel-eventlog actions`), {found.meant!r} is"
    return f"{found.where}: action {found.action!r} {known}; a name of your own is all right"


def condition_text(condition: Condition) -> str:
    """Return one condition and what the span shows."""
    if condition.holds:
        same = condition.wanted == condition.seen
        shown = f"`{condition.key}` {condition.wanted}"
        return f"{shown} fits" if same else f"{shown} fits {condition.seen}"
    return f"`{condition.key}` wants {condition.wanted}, the span has {condition.seen}"


def explanation(judgement: Judgement, *, with_outcome: bool) -> Iterator[str]:
    """Yield the lines that tell a person which rule it was, and why.

    Args:
        judgement: about one span.
        with_outcome: whether the span is known to its end.

    """
    yield _headline(judgement)
    if judgement.rule is not None:
        yield f"  by {rule_text(judgement.rule)}"
        yield from (f"    {condition_text(each)}" for each in judgement.conditions)
    if judgement.action and with_outcome:
        yield from _outcome(judgement)
        yield from _kept(judgement)
    if judgement.holds_start:
        yield "  Its start waits for its end, because the rule may conclude that nothing happened."
    for miss in judgement.near_misses:
        early = " would go first, and" if judgement.rule is not None else ""
        yield f"  Almost: {rule_text(miss.rule)}{early} does not fit:"
        yield from (f"    {condition_text(each)}" for each in miss.failed)
    for rule in judgement.also:
        yield f"  Asked later, and fitting too: {rule_text(rule)}"


_MAY_SAY_OTHERWISE = "inside the application its code, or its framework's signal, may say otherwise"


def _headline(judgement: Judgement) -> str:
    what = asked(judgement.span)
    if judgement.marked:
        return (
            f"{what} yields no event log: `eventlog.drop` says that it belongs to the request "
            "of another span"
        )
    if judgement.action and judgement.said_by_span:
        return f"{what} is {judgement.action}, because its attribute `eventlog.action` says so"
    if judgement.action:
        return f"{what} is {judgement.action}"
    if judgement.rule is not None:
        return f"{what} yields no event log: a rule drops it"
    return f"{what} yields no event log: no rule takes it"


def _outcome(judgement: Judgement) -> Iterator[str]:
    event = judgement.event
    if judgement.refused_method:
        yield "  Outcome: none. A server's 405 is never an attempt: no event log"
        return
    if event is None:
        yield "  Outcome: none. The rule concludes that nothing was attempted: no event log"
    else:
        yield f"  Outcome: {event.status} ({event.outcome_source}). {decided_by(event)}"
        if event.error_type:
            yield f"    error_type {event.error_type}"
        if event.next_step:
            yield f"    next_step {event.next_step}"
        if event.status == "success" and event.outcome_source == "http" and _is_served(judgement):
            yield f"    {_MAY_SAY_OTHERWISE}"
    decided = event is None or event.outcome_source == "rule"
    for tried in judgement.tried:
        holds = tried.holds and decided
        parts = tried.conditions if tried.holds else [c for c in tried.conditions if not c.holds]
        told = "; ".join(condition_text(each) for each in parts) or "it has no condition"
        word = (
            "decides" if holds else "holds, and comes too late" if tried.holds else "does not hold"
        )
        yield f"    outcome {tried.number} of the rule {word}: {told}"


def _is_served(judgement: Judgement) -> bool:
    return judgement.span.kind == SpanKind.SERVER


def _kept(judgement: Judgement) -> Iterator[str]:
    if judgement.event is None:
        return
    fields = event_json(judgement.event)
    told = [f"{name}={fields[name]}" for name in _FIELDS_TOLD if fields[name] is not None]
    yield f"  Fields: {', '.join(told)}"
    kept = judgement.kept
    for name, value in kept.kept.items():
        scrubbed = " (what looked like a secret was taken out)" if name in kept.scrubbed else ""
        yield f"  Kept: {name} = {text_of(value)}{scrubbed}"
    if kept.absent:
        yield f"  In `keep`, and not on the span: {', '.join(kept.absent)}"
    if kept.refused:
        yield f"  Never kept, may hold a secret: {', '.join(kept.refused)}"
    if kept.unasked:
        yield f"  Not kept, no `keep` names it: {', '.join(kept.unasked)}"


def judgement_json(judgement: Judgement, *, with_outcome: bool) -> dict[str, Any]:
    """Return a judgement as an object for programs."""
    event = judgement.event if with_outcome else None
    found: dict[str, Any] = {
        "asked": asked(judgement.span),
        "action": judgement.action or None,
        "rule": _rule_json(judgement.rule),
        "dropped": judgement.marked or (judgement.rule is not None and not judgement.action),
        "said_by_span": judgement.said_by_span,
        "conditions": _conditions_json(judgement.conditions),
        "holds_start": judgement.holds_start,
        "near_misses": [_near_miss_json(miss) for miss in judgement.near_misses],
        "fitting_too": [_rule_json(rule) for rule in judgement.also],
    }
    if with_outcome:
        found["attempted"] = event is not None
        found["outcome"] = None if event is None else _event_json(event)
        found["why"] = None if event is None else decided_by(event)
        found["outcome_conditions"] = [
            {
                "number": tried.number,
                "holds": tried.holds,
                "conditions": _conditions_json(tried.conditions),
            }
            for tried in judgement.tried
        ]
        kept = judgement.kept
        found["kept"] = {name: _plain(value) for name, value in kept.kept.items()}
        for name in ("scrubbed", "absent", "refused", "unasked"):
            found[name] = list(getattr(kept, name))
    return found


def _event_json(event: Any) -> dict[str, Any]:
    fields = event_json(event)
    return {name: value for name, value in fields.items() if name not in _FIELDS_OF_A_PAIR}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _rule_json(rule: Rule | None) -> dict[str, Any] | None:
    if rule is None:
        return None
    return {"name": rule.name, "source": rule.source, "line": rule.line or None}


def _conditions_json(conditions: Iterable[Condition]) -> list[dict[str, Any]]:
    return [
        {"key": each.key, "wanted": each.wanted, "seen": each.seen, "holds": each.holds}
        for each in conditions
    ]


def _near_miss_json(miss: NearMiss) -> dict[str, Any]:
    return {"rule": _rule_json(miss.rule), "failed": _conditions_json(miss.failed)}


def failure(result: RuleTestResult) -> Iterator[str]:
    """Yield the lines that tell a person how a test failed, and why."""
    test = result.test
    yield f"{test.source}:{test.line}: test {test.name!r} failed"
    width = max(len(difference.key) for difference in result.differences)
    for difference in result.differences:
        key = difference.key.ljust(width)
        yield f"    expected  {key} = {_toml(difference.expected)}"
        yield f"    actual    {key} = {_toml(difference.actual)}"
    for line in explanation(result.judgement, with_outcome=True):
        yield f"    {line}"


def _toml(value: Any) -> str:
    if value is None:
        return '""'
    if isinstance(value, dict):
        inside = ", ".join(f"{_toml(key)} = {_toml(item)}" for key, item in sorted(value.items()))
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml, value))}]"
    return f'"{value}"' if isinstance(value, str) else text_of(value)


def result_json(result: RuleTestResult) -> dict[str, Any]:
    """Return a test's result as an object for programs."""
    return {
        "file": result.test.source,
        "line": result.test.line,
        "test": result.test.name,
        "passed": result.passed,
        "differences": [
            {"key": each.key, "expected": each.expected, "actual": each.actual}
            for each in result.differences
        ],
        "explanation": judgement_json(result.judgement, with_outcome=True),
    }


def summary(source: str, results: Sequence[RuleTestResult]) -> str:
    """Return one line about the tests of a file."""
    failed = sum(not result.passed for result in results)
    passed = len(results) - failed
    return f"{source}: {passed} passed" + (f", {failed} failed" if failed else "")
