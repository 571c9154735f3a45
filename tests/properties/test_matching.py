"""The compiled rule set gives the answers of a matcher that tries every rule in turn."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otel_eventlog.mapping import Mapper
from otel_eventlog.model import Rank
from otel_eventlog.privacy import Privacy
from otel_eventlog.rulefile import load_pack, pack_names
from otel_eventlog.rules import RuleGroup
from otel_eventlog.ruleset import RuleSet
from tests.support.builders import span_data
from tests.support.naive_matching import naive_match
from tests.support.rule_strategies import rules_and_spans


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(rules_and_spans())
def test_the_compiled_rules_answer_as_the_plain_ones(
    drawn: tuple[list[RuleGroup], list[tuple[int, dict[str, Any], str]]],
) -> None:
    """For any rules and spans the trie, the index and the caches change no answer."""
    groups, spans = drawn
    rules = RuleSet(groups)
    for kind, attributes, scope in spans:
        match = rules.match(kind, attributes, scope)
        found = None if match is None else match.rule
        assert found is naive_match(groups, kind, attributes, scope), (kind, attributes, scope)


PACKS = tuple(load_pack(name) for name in pack_names())
ALL_PACKS = RuleSet(PACKS)


@st.composite
def near_pack_routes(draw: st.DrawFn) -> dict[str, Any]:
    """Return a request of a rule in a pack, its placeholders filled or respelled."""
    rule = draw(st.sampled_from([rule for pack in PACKS for rule in pack.rules if rule.route]))
    filling = draw(st.sampled_from(["17", "{x}", "<int:x>", "emails", "a%2Fb"]))
    route = "/".join(
        filling if segment[:1] in ("{", "<") else segment for segment in str(rule.route).split("/")
    )
    host = rule.host[0].replace("*", "test") if rule.host else "shop.example"
    method = draw(st.sampled_from([*sorted(rule.methods), "GET", "OPTIONS"]))
    if "client" in rule.kind:
        return {"http.request.method": method, "url.full": f"https://{host}{route}"}
    return {"http.request.method": method, "http.route": route, "server.address": host}


@settings(max_examples=300)
@given(near_pack_routes(), st.sampled_from([1, 2, 3]))
def test_the_packs_answer_as_the_plain_ones(attributes: dict[str, Any], kind: int) -> None:
    """The built-in packs, all of them on, are matched as if each rule were tried in turn."""
    match = ALL_PACKS.match(kind, attributes, "")
    found = naive_match(PACKS, kind, attributes, "")
    assert (match and match.rule) is found


MAPPERS = {
    name: Mapper(RuleSet([pack]), Privacy(), Rank.DERIVED)
    for name, pack in zip(pack_names(), PACKS, strict=True)
}


@pytest.mark.parametrize("name", pack_names())
@settings(max_examples=20)
@given(name_of_span=st.text(max_size=40))
def test_a_spans_name_decides_nothing(name: str, name_of_span: str) -> None:
    """Two spans that differ in their names alone get the same event logs, or both get none."""
    mapper = MAPPERS[name]
    for route in ("/login", None):
        span = span_data(route=route, path=None, name=name_of_span)
        other = span_data(route=route, path=None, name="POST /login")
        assert mapper.map_span(span) == mapper.map_span(other)
