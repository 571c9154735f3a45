"""Judging spans in the request's thread: what is it, and if nothing yet, may it become something?

The same answers as `RuleSet.match`, remembered for requests that look the same. And the question
that only a running application has: which starting spans may turn out to be auth calls once they
have ended. A rule may ask for what a span shows only at its end (an attribute that the handler
sets), or for what a sampler is not told (the scope). Such spans must be recorded, and judged again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from otel_eventlog.model import Attributes, SpanKind
from otel_eventlog.rules import KINDS, Rule, RuleGroup
from otel_eventlog.ruleset import Match, RuleSet
from otel_eventlog.semconv import EVENTLOG_ACTION, EVENTLOG_DROP

MEMO_REQUESTS_MAX = 4096
"""Most combinations of method, route and path remembered; beyond, it begins anew."""

_Key = tuple[str, str, str | None, str]
_Found = TypeVar("_Found")
_UNKNOWN = object()


class Judge:
    """Judges spans by a rule set; thread-safe.

    Args:
        rules: the rules proper.

    """

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        all_rules = rules.rules
        self.kinds = frozenset[int]().union(*(KINDS[rule.kind] for rule in all_rules))
        """Span kinds that at least one rule is about."""
        self._server_by_route_only = not any(
            SpanKind.SERVER in KINDS[rule.kind] and _asks_for_more(rule) for rule in all_rules
        )
        self._matches: dict[_Key, Match | None] = {}
        self._wanted: dict[_Key, bool] = {}
        self._loose: RuleSet | None = None
        if any(_loosened(rule) is not rule for rule in all_rules):
            self._loose = RuleSet([_loosened_group(group) for group in rules.groups])

    def match(self, kind: int, attributes: Attributes, scope_name: str) -> Match | None:
        """Return what `RuleSet.match` returns, mostly without asking it."""
        if kind not in self.kinds and EVENTLOG_ACTION not in attributes:
            return None
        key = self._key(kind, attributes)
        if key is None:
            return self._rules.match(kind, attributes, scope_name)
        found = self._matches.get(key, _UNKNOWN)
        if found is _UNKNOWN:
            found = self._rules.match(kind, attributes, scope_name)
            _remember(self._matches, key, found)
        return found  # type: ignore[return-value] # not _UNKNOWN any more

    def wants(self, kind: int, attributes: Attributes) -> bool:
        """Whether a starting span of unknown scope fits a rule, or may fit one at its end."""
        if kind not in self.kinds and EVENTLOG_ACTION not in attributes:
            return False
        key = self._key(kind, attributes)
        if key is None:
            return self._wants(kind, attributes)
        found = self._wanted.get(key)
        if found is None:
            found = self._wants(kind, attributes)
            _remember(self._wanted, key, found)
        return found

    def _wants(self, kind: int, attributes: Attributes) -> bool:
        if self._rules.match(kind, attributes, "") is not None:
            return True
        return self.may_match(kind, attributes)

    def _key(self, kind: int, attributes: Attributes) -> _Key | None:
        """Return all that the rules look at in a span, or None if that is too much to remember."""
        if kind != SpanKind.SERVER or not self._server_by_route_only:
            return None
        if EVENTLOG_ACTION in attributes or EVENTLOG_DROP in attributes:
            return None
        get = attributes.get
        path = get("url.path")
        if not isinstance(path, str):
            path = get("http.target")
            # A query string is no part of the path, and nothing to remember.
            if not isinstance(path, str) or path[:1] != "/" or "?" in path:
                return None
        route = get("http.route")
        if not isinstance(route, str) and route is not None:
            return None
        # As text: a method that is an array, which nobody sends, could not be looked up.
        return str(get("http.request.method")), str(get("http.method")), route, path

    def may_match(self, kind: int, attributes: Attributes) -> bool:
        """Whether a span that no rule fits yet may fit one at its end.

        Args:
            kind: span kind, numbered as in OTLP.
            attributes: the span's attributes at its start.

        """
        if self._loose is not None and self._loose.match(kind, attributes, "") is not None:
            return True
        return self._rules.undecidable(kind, attributes)

    def is_to_be_judged_again(self, kind: int, attributes: Attributes) -> bool:
        """Whether a recorded span that no rule fits yet is to be judged again at its end.

        Wider than `may_match`: where a server span's route comes late (Django), the path alone
        may have been misleading, and looking again is cheaper than recording was.
        """
        if kind == SpanKind.SERVER and "http.route" not in attributes:
            return kind in self.kinds
        return self._loose is not None and self.may_match(kind, attributes)


def _remember(memo: dict[_Key, _Found], key: _Key, found: _Found) -> None:
    if len(memo) >= MEMO_REQUESTS_MAX:
        memo.clear()
    memo[key] = found


def _asks_for_more(rule: Rule) -> bool:
    """Whether a rule asks for anything but method, route and path."""
    if rule.route is None:
        return True
    return bool(rule.host or rule.rpc_service or rule.rpc_method or _is_late(rule))


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
