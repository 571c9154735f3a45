"""Rules that can never be reached, because an earlier one takes all that they would take. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from otel_eventlog.model import SpanKind
from otel_eventlog.rules import KINDS, Rule, RuleGroup
from otel_eventlog.ruleset import RuleSet
from otel_eventlog.templates import parse_template


@dataclass(frozen=True, slots=True)
class Shadow:
    """A rule that no span ever reaches, and the rule that is in its way."""

    rule: Rule
    by: Rule


def shadows(rules: Sequence[Rule]) -> tuple[Shadow, ...]:
    """Return the rules of one file that are never reached, each with the first that hides it.

    Careful on the side of silence: a rule is told only if the earlier one asks for no more.
    """
    found: dict[str, list[Shadow]] = {}
    reached: set[str] = set()
    for place, rule in enumerate(rules):
        by = next((earlier for earlier in rules[:place] if _takes_all_of(earlier, rule)), None)
        if by is None or by.name == rule.name:
            reached.add(rule.name)  # with one of its routes, at least
        else:
            found.setdefault(rule.name, []).append(Shadow(rule, by))
    return tuple(told[0] for name, told in found.items() if name not in reached)


def _takes_all_of(earlier: Rule, later: Rule) -> bool:
    if earlier.methods and (not later.methods or not earlier.methods >= later.methods):
        return False
    return (
        KINDS[earlier.kind] >= KINDS[later.kind]
        and (bool(earlier.methods) or not later.methods & {"HEAD", "OPTIONS"})
        and earlier.host in ((), later.host)
        and earlier.scope in ((), later.scope)
        and set(earlier.query) <= set(later.query)
        and earlier.rpc_service in (None, later.rpc_service)
        and earlier.rpc_method in (None, later.rpc_method)
        and earlier.attributes.items() <= later.attributes.items()
        and _route_takes(earlier.route, later.route)
    )


def _route_takes(earlier: str | None, later: str | None) -> bool:
    """Whether a template takes all that another one does; the engine knows.

    It looks a span's route up as it is: a placeholder of the later rule equals no literal, so only
    a placeholder of the earlier one takes it.
    """
    if earlier is None or later is None:
        return earlier is None
    if parse_template(later).catch_all and not parse_template(earlier).catch_all:
        return False
    alone = RuleSet([RuleGroup("", [Rule("", "AskedAlone", route=earlier)])])
    return alone.match(SpanKind.SERVER, {"http.route": later}, "") is not None
