"""Which starting spans may turn out to be auth calls once they have ended.

A rule may ask for what a span shows only at its end (an attribute that the handler sets) or for
what a sampler is not told (the scope). Such spans must be recorded, and judged again at their end.
"""

from __future__ import annotations

from dataclasses import replace

from otel_eventlog.model import Attributes, SpanKind
from otel_eventlog.rules import KINDS, Rule, RuleGroup
from otel_eventlog.ruleset import RuleSet

_NO_KINDS: frozenset[int] = frozenset()


class Candidates:
    """Judges starting spans by the parts of the rules that can be known at a start.

    Args:
        rules: the rules proper.

    """

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        self.kinds = frozenset(_NO_KINDS.union(*(KINDS[rule.kind] for rule in rules.rules)))
        """Span kinds that at least one rule is about."""
        self._loose: RuleSet | None = None
        if any(_loosened(rule) is not rule for rule in rules.rules):
            self._loose = RuleSet([_loosened_group(group) for group in rules.groups])

    def may_match(self, kind: int, attributes: Attributes) -> bool:
        """Whether a span that no rule fits yet may fit one at its end.

        Args:
            kind: span kind, numbered as in OTLP.
            attributes: the span's attributes at its start.

        """
        if self._loose is not None and self._loose.match(kind, attributes, "") is not None:
            return True
        return self._rules.undecidable(kind, attributes)

    def judge_again(self, kind: int, attributes: Attributes) -> bool:
        """Whether a recorded span that no rule fits yet is to be judged again at its end.

        Wider than `may_match`: where a server span's route comes late (Django), the path alone
        may have been misleading, and looking again is cheaper than recording was.
        """
        if kind == SpanKind.SERVER and "http.route" not in attributes:
            return kind in self.kinds
        return self._loose is not None and self.may_match(kind, attributes)


def _loosened_group(group: RuleGroup) -> RuleGroup:
    # A dropping rule that asks for more than is known yet must not hide what comes after it.
    rules = [_loosened(rule) for rule in group.rules if not (rule.drop and _is_late(rule))]
    return replace(group, rules=rules)


def _loosened(rule: Rule) -> Rule:
    if not _is_late(rule):
        return rule
    if rule.route is None and rule.rpc_service is None and rule.rpc_method is None:
        # Without its attributes such a rule would fit every span; they must be there at the start.
        return replace(rule, scope=())
    return replace(rule, scope=(), attributes={}, query=())


def _is_late(rule: Rule) -> bool:
    return bool(rule.scope or rule.attributes or rule.query)
