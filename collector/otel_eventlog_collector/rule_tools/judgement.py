"""Why a span is, or is not, an event log: which rule, what outcome, what is kept. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from otel_eventlog import semconv
from otel_eventlog.mapping import Mapper
from otel_eventlog.model import AttributeValue, EventLog, Rank, SpanData
from otel_eventlog.outcome import Annotations, decide
from otel_eventlog.privacy import Privacy
from otel_eventlog.redaction import is_blocked_name
from otel_eventlog.rules import Match, Rule, RuleGroup
from otel_eventlog.ruleset import RuleSet
from otel_eventlog_collector.rule_tools.conditions import (
    Condition,
    NearMiss,
    conditions,
    near_misses,
    outcome_holds,
    text_of,
    when_conditions,
)

ALSO_MAX = 3
_USED = frozenset(  # become fields, or serve to judge the outcome
    name
    for names in (
        semconv.HTTP_METHOD,
        semconv.HTTP_ROUTE,
        semconv.HTTP_STATUS_CODE,
        semconv.CLIENT_ADDRESS,
        semconv.USER_AGENT,
        semconv.USER_ID,
        semconv.REQUEST_CORRELATION_ID,
        semconv.RESPONSE_LOCATION,
        semconv.RESPONSE_CONTENT_TYPE,
    )
    for name in names
)


@dataclass(frozen=True, slots=True)
class OutcomeTried:
    """One [[rule.outcome]] of the rule that took the span."""

    number: int
    holds: bool
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """What of a span's attributes stays.

    Attributes:
        kept: attributes that the event log carries.
        scrubbed: those of them out of which something was taken.
        absent: names in the rule's `keep` that the span does not have.
        refused: attributes that may never leave, whatever a rule says.
        unasked: attributes that nobody asked to keep.

    """

    kept: dict[str, AttributeValue]
    scrubbed: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """All that can be said about one span and a rule set.

    Attributes:
        action: the action; empty if it is no auth call.
        rule: the rule that fits, also one that drops; None for none.
        said_by_span: whether the span itself says its action (`eventlog.action`).
        marked: whether the span belongs to another span's request (`eventlog.drop`).
        conditions: the rule's conditions, all of which hold.
        near_misses: rules that would go first and almost fit.
        also: rules that fit too, and are asked later.
        tried: the rule's outcome conditions, up to the one that decided.
        event: the outcome, if the span is finished and something was attempted.
        refused_method: whether a server answered 405, which is no attempt.

    """

    span: SpanData
    action: str
    rule: Rule | None
    said_by_span: bool
    marked: bool
    conditions: tuple[Condition, ...]
    near_misses: tuple[NearMiss, ...]
    also: tuple[Rule, ...]
    tried: tuple[OutcomeTried, ...]
    event: EventLog | None
    refused_method: bool
    kept: Kept

    @property
    def holds_start(self) -> bool:
        """Whether the start waits for the end."""
        return bool(self.action) and self.rule is not None and self.rule.holds_start


class RuleBook:
    """A rule set that can say why.

    Args:
        rules: the rules.
        privacy: what may leave; without a hash key when absent.

    """

    def __init__(self, rules: RuleSet, privacy: Privacy | None = None) -> None:
        self._mapper = Mapper(rules, privacy or Privacy(), Rank.DERIVED)
        self._ordered = rules.rules
        # The engine is silent about rules that drop; here they are to be named too.
        self._telling = [replace(rule, drop=False, action="Told") for rule in self._ordered]
        self._places = {id(rule): place for place, rule in enumerate(self._telling)}
        self._all = RuleSet([RuleGroup("", self._telling)])

    def judge(self, span: SpanData, notes: Annotations | None = None) -> Judgement:
        """Return what a span is and why, as the application and the collector judge it."""
        match = self._mapper.match(span)
        pair = () if match is None else self._mapper.pair(span, match, notes)
        event = pair[-1] if pair else None
        place = self._place(self._all, span)
        rule = None if place is None else self._ordered[place]
        if match is not None:
            rule = match.rule  # what a span says of itself stands above a rule that drops it
        return Judgement(
            span=span,
            action="" if match is None else match.action,
            rule=rule,
            said_by_span=bool(span.attributes.get(semconv.EVENTLOG_ACTION)),
            marked=span.attributes.get(semconv.EVENTLOG_DROP) is True,
            conditions=() if rule is None else conditions(rule, span),
            near_misses=self._near_misses(place, span),
            also=() if place is None else self._also(place, span),
            tried=_tried(match, span, notes),
            event=event,
            refused_method=match is not None
            and event is None
            and decide(span, match.rule, notes) is not None,
            kept=_kept(match, span, event),
        )

    def covers(self, span: SpanData) -> bool:
        """Whether any rule fits a span, one that drops it included."""
        return self._place(self._all, span) is not None

    def _place(self, rules: RuleSet, span: SpanData) -> int | None:
        """Return the place of the first rule that fits, in the order in which they are asked."""
        ours = (semconv.EVENTLOG_DROP, semconv.EVENTLOG_ACTION)
        attributes = {k: v for k, v in span.attributes.items() if k not in ours}
        match = rules.match(span.kind, attributes, span.scope_name)
        return None if match is None else self._places[id(match.rule)]

    def _near_misses(self, place: int | None, span: SpanData) -> tuple[NearMiss, ...]:
        """Return the rules that come closest; of those asked before one that fits, only by route.

        Who has a rule that fits cares about one that should have gone first, not about one that
        looks a little like it.
        """
        first = None if place is None else self._ordered[place]
        earlier = [rule for rule in self._ordered[:place] if not _same(rule, first)]
        found = near_misses(earlier, span)
        if first is None:
            return found
        return tuple(m for m in found if all(each.key != "route" for each in m.failed))

    def _also(self, place: int, span: SpanData) -> tuple[Rule, ...]:
        """Return the rules that fit as well and come too late, in their order."""
        found: list[Rule] = []
        first = self._ordered[place]
        for later in range(place + 1, len(self._ordered)):
            rule = self._ordered[later]
            if len(found) == ALSO_MAX or _same(rule, first) or any(_same(rule, r) for r in found):
                continue
            alone = RuleSet([RuleGroup("", [self._telling[later]])])
            if self._place(alone, span) is not None:
                found.append(rule)
        return tuple(found)


def _same(one: Rule, other: Rule | None) -> bool:
    """Whether two rules are the same [[rule]], with another of its routes."""
    return other is not None and (one.source, one.name) == (other.source, other.name)


def _tried(
    match: Match | None, span: SpanData, notes: Annotations | None
) -> tuple[OutcomeTried, ...]:
    """Return a rule's outcome conditions up to the first that holds."""
    tried: list[OutcomeTried] = []
    for number, outcome in enumerate(match.rule.outcomes if match and match.rule else (), 1):
        parts = when_conditions(outcome.when, span, notes)
        tried.append(OutcomeTried(number, outcome_holds(outcome, span, notes), parts))
        if tried[-1].holds:
            break
    return tuple(tried)


def _kept(match: Match | None, span: SpanData, event: EventLog | None) -> Kept:
    kept = {} if event is None else dict(event.attributes)
    wanted = match.rule.keep if match is not None and match.rule is not None else ()
    left = [name for name in span.attributes if name not in kept and name not in _USED]
    left = [name for name in left if not name.startswith(semconv.EVENTLOG_PREFIX)]
    return Kept(
        kept=kept,
        scrubbed=tuple(
            name for name, value in kept.items() if text_of(value) != text_of(_listed(span, name))
        ),
        absent=tuple(name for name in wanted if name not in span.attributes),
        refused=tuple(sorted(name for name in left if is_blocked_name(name))),
        unasked=tuple(sorted(name for name in left if not is_blocked_name(name))),
    )


def _listed(span: SpanData, name: str) -> AttributeValue | None:
    value = span.attributes.get(name)
    return list(value) if isinstance(value, tuple) else value
