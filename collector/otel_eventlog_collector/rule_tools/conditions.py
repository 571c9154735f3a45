"""Which conditions of a rule a span meets, and which rules it almost fits. Pure.

No second matcher: each condition is judged by the engine itself, asked with a rule that has this
condition alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import partial
from typing import Any

from otel_eventlog import semconv
from otel_eventlog.model import AttributeValue, SpanData, SpanKind
from otel_eventlog.outcome import Annotations, decide
from otel_eventlog.request_facts import first, first_text, host, path, query_names
from otel_eventlog.rules import KINDS, Conclusion, OutcomeRule, Rule, RuleGroup, When
from otel_eventlog.ruleset import RuleSet

NEAR_MISSES_MAX = 3
_FAILED_MAX = 2
_SEGMENTS_ALIKE = 0.5
_TEXT_ALIKE = 0.75
_TOLD_FIRST = {"kind": 0, "method": 1, "route": 2}
_ASKED_ALONE = "AskedAlone"
_HTTP_ROUTE = semconv.HTTP_ROUTE[0]
_PATHS = (*semconv.URL_PATH, *semconv.HTTP_TARGET, *semconv.URL_FULL)


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a rule, and whether a span meets it.

    Attributes:
        key: the key of the rule file.
        wanted: what the rule asks for.
        seen: what the span shows.
        holds: whether that fits.

    """

    key: str
    wanted: str
    seen: str
    holds: bool


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A rule that does not fit a span, with all of its conditions."""

    rule: Rule
    conditions: tuple[Condition, ...]

    @property
    def failed(self) -> tuple[Condition, ...]:
        """The conditions that stand in the way."""
        return tuple(condition for condition in self.conditions if not condition.holds)


def conditions(rule: Rule, span: SpanData) -> tuple[Condition, ...]:
    """Return every condition of a rule, judged by the engine one at a time."""
    return _in_order(_conditions(rule, _Asked(span)))


def _in_order(found: Iterable[Condition]) -> tuple[Condition, ...]:
    """Return conditions in the order in which people think of them."""
    return tuple(sorted(found, key=lambda each: _TOLD_FIRST.get(each.key, len(_TOLD_FIRST))))


class _Asked:
    """A span, asked about one condition after the other."""

    def __init__(self, span: SpanData) -> None:
        own = (semconv.EVENTLOG_ACTION, semconv.EVENTLOG_DROP)
        self.span = span
        self.attributes = {k: v for k, v in span.attributes.items() if k not in own}
        self.method = first_text(span.attributes, semconv.HTTP_METHOD)
        # With no method of its own a rule refuses HEAD and OPTIONS: ask with the span's.
        methods = frozenset() if self.method is None else frozenset({self.method})
        self.neutral = Rule("", _ASKED_ALONE, kind=_neutral_kind(span.kind), methods=methods)
        self._answers: dict[str, bool] = {}

    def fits(self, without: Sequence[str] = (), **only: Any) -> bool:
        """Ask the engine whether the span fits a rule with these conditions alone."""
        question = f"{without} {only}"
        if question not in self._answers:
            self._answers[question] = self._ask(without, only)
        return self._answers[question]

    def _ask(self, without: Sequence[str], only: Mapping[str, Any]) -> bool:
        rules = RuleSet([RuleGroup("", [replace(self.neutral, **only)])])
        attributes = {k: v for k, v in self.attributes.items() if k not in without}
        return rules.match(self.span.kind, attributes, self.span.scope_name) is not None


def _neutral_kind(kind: int) -> str:
    """Return the narrowest word for a span's kind: a rule is filed once for each kind it takes."""
    words = (word for word, kinds in KINDS.items() if kind in kinds)
    return next(words, "any")


def _conditions(rule: Rule, asked: _Asked) -> Iterator[Condition]:
    yield Condition("kind", rule.kind, kind_word(asked.span.kind), asked.fits(kind=rule.kind))
    methods = " or ".join(sorted(rule.methods)) or "any but HEAD and OPTIONS"
    seen = asked.method or "no HTTP method"
    yield Condition("method", methods, seen, asked.fits(methods=rule.methods))
    if rule.host:
        seen = host(asked.attributes) or "no host"
        yield Condition("host", " or ".join(rule.host), seen, asked.fits(host=rule.host))
    names = ", ".join(sorted(query_names(asked.attributes))) or "no query parameters"
    for name in rule.query:
        yield Condition("query", name, names, asked.fits(query=(name,)))
    if rule.scope:
        seen = asked.span.scope_name or "no scope"
        yield Condition("scope", " or ".join(rule.scope), seen, asked.fits(scope=rule.scope))
    for key, attribute in (("rpc_service", "rpc.service"), ("rpc_method", "rpc.method")):
        wanted = getattr(rule, key)
        if wanted is not None:
            seen = text_of(asked.attributes.get(attribute)) or f"no {attribute}"
            yield Condition(key, wanted, seen, asked.fits(**{key: wanted}))
    for name, value in rule.attributes.items():
        wanted = f"{name} = {text_of(value)}"
        seen = text_of(asked.attributes.get(name)) or "not there"
        yield Condition("attributes", wanted, seen, asked.fits(attributes={name: value}))
    # Last, because every rule has another one: what failed before may make it pointless to ask.
    if rule.route is not None:
        yield _route(rule.route, asked)


def _route(template: str, asked: _Asked) -> Condition:
    """Judge a route, and find out whether it was the span's route or its path that fitted."""
    route = first_text(asked.attributes, semconv.HTTP_ROUTE)
    where = path(asked.attributes)
    holds = asked.fits(route=template)
    ways = []
    # A route that fits by itself may be a mount point only: then it does not count.
    if route is not None and (not holds or asked.fits(_PATHS, route=template)):
        ways.append(f"http.route {route}")
    tells_a_path = where is not None and where != route
    if tells_a_path and (not holds or asked.fits((_HTTP_ROUTE,), route=template)):
        ways.append(f"path {where}")
    return Condition("route", template, ", ".join(ways) or "neither route nor path", holds)


def kind_word(kind: int) -> str:
    """Return a span kind as rule files spell it, or as OpenTelemetry names it."""
    words = (word for word, kinds in KINDS.items() if kind in kinds and word != "any")
    known = kind in tuple(SpanKind)
    return next(words, SpanKind(kind).name.lower() if known else str(kind))


def text_of(value: AttributeValue | None) -> str:
    """Return an attribute's value as a rule file would say it; nothing for none."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def near_misses(rules: Sequence[Rule], span: SpanData) -> tuple[NearMiss, ...]:
    """Return the rules that come closest to fitting, the closest first.

    A rule is near if its route fits and little else stands in the way, or if its route alone does
    not fit and resembles the span's.
    """
    asked = _Asked(span)
    found: dict[tuple[str, str], tuple[tuple[int, float], NearMiss]] = {}
    for rule in rules:
        miss = _if_near(rule, asked)
        distance = None if miss is None else _distance(miss, asked)
        key = (rule.source, rule.name)
        if (
            miss is not None
            and distance is not None
            and (key not in found or distance < found[key][0])
        ):
            found[key] = (distance, miss)
    nearest = sorted(found.values(), key=lambda each: each[0])
    return tuple(miss for _, miss in nearest[:NEAR_MISSES_MAX])


def _if_near(rule: Rule, asked: _Asked) -> NearMiss | None:
    """Return all conditions of a rule, None as soon as too many of them fail."""
    told: list[Condition] = []
    failed: list[str] = []
    for condition in _conditions(rule, asked):
        told.append(condition)
        if not condition.holds:
            failed.append(condition.key)
        # A rule about the other side of a call is near only if nothing else is wrong.
        if len(failed) > (1 if "kind" in failed else _FAILED_MAX):
            return None
    return NearMiss(rule, _in_order(told))


def _distance(miss: NearMiss, asked: _Asked) -> tuple[int, float] | None:
    failed = [condition.key for condition in miss.failed]
    if not failed or len(failed) > _FAILED_MAX:
        return None
    if "route" not in failed:
        names_a_place = miss.rule.route is not None or miss.rule.rpc_method is not None
        return (len(failed), 0.0) if names_a_place else None
    if failed != ["route"]:
        return None
    places = (first_text(asked.attributes, semconv.HTTP_ROUTE), path(asked.attributes))
    alike = max((_alike(miss.rule.route or "", place) for place in places if place), default=0.0)
    return (1, 1.0 - alike) if alike else None


def _alike(template: str, place: str) -> float:
    """Return how much two routes resemble each other; 0 if that is too little to tell anybody."""
    one, other = template.strip("/"), place.strip("/")
    segments = SequenceMatcher(None, one.split("/"), other.split("/")).ratio()
    text = SequenceMatcher(None, one, other).ratio()
    return max(segments if segments >= _SEGMENTS_ALIKE else 0, text if text >= _TEXT_ALIKE else 0)


def when_conditions(
    when: When, span: SpanData, notes: Annotations | None = None
) -> tuple[Condition, ...]:
    """Return every part of an outcome's condition, judged by the engine one at a time."""
    holds = partial(_outcome_holds, span, notes or Annotations())
    return tuple(_when_conditions(when, span, notes or Annotations(), holds))


def outcome_holds(outcome: OutcomeRule, span: SpanData, notes: Annotations | None = None) -> bool:
    """Whether the condition of a [[rule.outcome]] holds."""
    return _outcome_holds(span, notes or Annotations(), outcome.when)


def _outcome_holds(span: SpanData, notes: Annotations, when: When) -> bool:
    """Ask the engine with this condition alone, and without a word of the application."""
    attributes = {k: v for k, v in span.attributes.items() if k != semconv.EVENTLOG_STATUS}
    rule = Rule("", _ASKED_ALONE, outcomes=[OutcomeRule(when, Conclusion.NONE)])
    unsaid = replace(notes, status=None, signal=None)
    return decide(replace(span, attributes=attributes), rule, unsaid) is None


def _when_conditions(
    when: When, span: SpanData, notes: Annotations, holds: Callable[[When], bool]
) -> Iterator[Condition]:
    attributes = span.attributes
    if when.status:
        seen = text_of(first(attributes, semconv.HTTP_STATUS_CODE)) or "no status"
        yield Condition("status", _or(when.status), seen, holds(When(status=when.status)))
    if when.location:
        seen = notes.location or first_text(attributes, semconv.RESPONSE_LOCATION) or ""
        # What follows the question mark may be a code that signs somebody in.
        seen = seen.partition("?")[0] or "no Location seen"
        yield Condition("location", _or(when.location), seen, holds(When(location=when.location)))
    if when.content_type:
        seen = notes.content_type or first_text(attributes, semconv.RESPONSE_CONTENT_TYPE) or ""
        wanted = When(content_type=when.content_type)
        seen = seen or "no content type seen"
        yield Condition("content_type", _or(when.content_type), seen, holds(wanted))
    names = ", ".join(sorted(query_names(attributes))) or "no query parameters"
    for name in when.query:
        yield Condition("query", name, names, holds(When(query=(name,))))
    for name, value in when.attributes.items():
        seen = text_of(attributes.get(name)) or "not there"
        wanted_text = f"{name} = {text_of(value)}"
        judged = holds(When(attributes={name: value}))
        yield Condition("attributes", wanted_text, seen, judged)
    if when.rpc_status:
        seen = text_of(first(attributes, semconv.RPC_GRPC_STATUS_CODE)) or "no gRPC code"
        judged = holds(When(rpc_status=when.rpc_status))
        yield Condition("rpc_status", _or(when.rpc_status), seen, judged)
    if when.exception is not None:
        types = [text_of(event.attributes.get(semconv.EXCEPTION_TYPE)) for event in span.events]
        wanted_text = (
            _or(when.exception) if isinstance(when.exception, tuple) else text_of(when.exception)
        )
        judged = holds(When(exception=when.exception))
        yield Condition("exception", wanted_text, ", ".join(types) or "none", judged)


def _or(values: Mapping[Any, Any] | frozenset[int] | tuple[str, ...]) -> str:
    return " or ".join(str(value) for value in sorted(values))
