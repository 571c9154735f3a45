"""Many rules compiled into one `RuleSet`: which action a span is, in about a microsecond.

Order of rules (spec section 2): what the span itself says, the user's files as listed, vendor
packs, `common`; within a file the first match, within a pack more literal templates first.
How rules are found, and why a miss costs no more with many of them: `ruleindex.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from otel_eventlog import semconv
from otel_eventlog.limits import IDENTIFIER_CHARS_MAX
from otel_eventlog.model import AttributeValue, SpanKind
from otel_eventlog.request_facts import ASKED
from otel_eventlog.ruleindex import LATER, UNTOLD, Entry, Glance, Later, RuleIndex, Untold
from otel_eventlog.rules import KINDS, Match, Rule, RuleGroup
from otel_eventlog.templates import parse_template

_SERVER = int(SpanKind.SERVER)
_TELLING = (
    *semconv.HTTP_ROUTE,
    *semconv.URL_PATH,
    *semconv.HTTP_TARGET,
    *semconv.URL_FULL,
    *semconv.RPC_SYSTEM,
)


class RuleSet:
    """Compiled rules. Immutable to its users, thread-safe, pure and total."""

    def __init__(self, groups: Sequence[RuleGroup] = ()) -> None:
        """Compile groups of rules, given in order of precedence.

        Raises:
            ValueError: a route is no template.

        """
        self.groups = tuple(groups)
        self.asks_attributes = any(rule.attributes for group in groups for rule in group.rules)
        """Whether a rule may fit only at the end: attributes are set while a request runs."""
        self.asked_attributes = ASKED.union(
            (semconv.EVENTLOG_ACTION, semconv.EVENTLOG_DROP),
            *(rule.attributes for rule in self.rules),
        )
        """Every attribute that `match` may ask for."""
        self.outcome_attributes = frozenset(
            name
            for rule in self.rules
            for outcome in rule.outcomes
            for name in outcome.when.attributes
        )
        """Every attribute that a condition of a rule's outcome names."""
        entries: dict[int, list[Entry]] = {}
        for priority, rule in enumerate(_in_order(self.groups)):
            entry = Entry.of(priority, rule)
            for kind in KINDS[rule.kind]:
                entries.setdefault(int(kind), []).append(entry)
        # Kinds that the same rules are about (servers and consumers) share an index.
        shared: dict[tuple[int, ...], RuleIndex] = {}
        self._indexes: dict[int, RuleIndex] = {}
        for number, of_kind in entries.items():
            priorities = tuple(entry.priority for entry in of_kind)
            if priorities not in shared:
                shared[priorities] = RuleIndex(of_kind)
            self._indexes[number] = shared[priorities]
        self.glances: Mapping[int, Glance] = {
            number: index.glance for number, index in self._indexes.items()
        }
        """By kind number, `RuleIndex.glance`; kinds that no rule is about are absent."""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules in the order in which they are asked."""
        return tuple(_in_order(self.groups))

    @property
    def kinds(self) -> frozenset[int]:
        """Span kinds that at least one rule is about, numbered as in OTLP."""
        return frozenset(self._indexes)

    def match(
        self, kind: int, attributes: Mapping[str, AttributeValue], scope_name: str
    ) -> Match | None:
        """Return what a span is, or None if it is no auth call.

        Args:
            kind: span kind, numbered as in OTLP.
            attributes: the span's attributes, as far as they are known yet.
            scope_name: name of the instrumentation scope.

        """
        found = self._find(kind, attributes, scope_name)
        if found is None and semconv.EVENTLOG_ACTION not in attributes:
            return None
        match = _weighed(found, attributes)
        return None if match is LATER else match  # type: ignore[return-value] # not LATER

    def at_start(
        self,
        kind: int,
        attributes: Mapping[str, AttributeValue],
        scope_name: str | None = None,
    ) -> Match | Later | None:
        """Return what a starting span is; LATER if it may be an auth call once it has ended.

        A rule may ask for what a span shows only at its end (an attribute that the handler sets),
        or for what a sampler is not told (the scope); and some frameworks (Django, Express) tell
        nothing at all at the start. Such spans must be recorded, and judged again.

        Args:
            kind: span kind, numbered as in OTLP.
            attributes: the span's attributes at its start.
            scope_name: name of the instrumentation scope; None if it is not known.

        """
        glance = self.glances.get(kind)
        found = None if glance is None else glance(attributes)
        return self.after_glance(found, kind, attributes, scope_name)

    def after_glance(
        self,
        found: Entry | Later | Untold | None,
        kind: int,
        attributes: Mapping[str, AttributeValue],
        scope_name: str | None = None,
    ) -> Match | Later | None:
        """Return what `at_start` does, to who has glanced already.

        That is for the sampler and the span processor, which every span of an application passes:
        what a glance finds foreign, says no action itself and is no server span without a route,
        is None here, and they need not ask.

        Args:
            found: what the glance of this kind told; None where the kind has none.
            kind: as above.
            attributes: as above.
            scope_name: as above.

        """
        if found is UNTOLD:
            found = self._indexes[kind].find(attributes, scope_name)
        if (
            type(found) is Entry
            and semconv.EVENTLOG_ACTION not in attributes
            and semconv.EVENTLOG_DROP not in attributes
        ):
            return found.match
        if found is None and semconv.EVENTLOG_ACTION not in attributes:
            # With a route it was judged; the usual unwanted span ends here.
            if (
                kind != _SERVER
                or "http.route" in attributes
                or kind not in self._indexes
                or any(name in attributes for name in _TELLING)
            ):
                return None
            return LATER
        return _weighed(found, attributes)  # type: ignore[arg-type] # not UNTOLD any more

    def _find(
        self, kind: int, attributes: Mapping[str, AttributeValue], scope_name: str | None
    ) -> Entry | Later | None:
        index = self._indexes.get(kind)
        if index is None:
            return None
        found = index.glance(attributes)
        if found is UNTOLD:
            found = index.find(attributes, scope_name)
        return found  # type: ignore[return-value] # not UNTOLD any more


def _weighed(
    found: Entry | Later | None, attributes: Mapping[str, AttributeValue]
) -> Match | Later | None:
    """Weigh what the rules say against what the span itself says."""
    if attributes.get(semconv.EVENTLOG_DROP) is True:
        return None
    own_action = attributes.get(semconv.EVENTLOG_ACTION)
    if isinstance(own_action, str) and own_action:
        rule = found.rule if isinstance(found, Entry) and not found.rule.drop else None
        return Match(own_action[:IDENTIFIER_CHARS_MAX], rule)
    return found.match if isinstance(found, Entry) else found


def _in_order(groups: Iterable[RuleGroup]) -> list[Rule]:
    ordered: list[Rule] = []
    for group in groups:
        rules = list(group.rules)
        if group.literal_first:
            rules.sort(key=_specificity, reverse=True)
        ordered += rules
    return ordered


def _specificity(rule: Rule) -> tuple[int, tuple[int, ...]]:
    return (-1, ()) if rule.route is None else parse_template(rule.route).specificity
