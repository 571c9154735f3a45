"""The compiled rule set gives the answers of a matcher that tries every rule in turn."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otel_eventlog.mapping import Mapper
from otel_eventlog.model import Rank
from otel_eventlog.privacy import Privacy
from otel_eventlog.rulefile import load_pack, pack_names
from otel_eventlog.rules import Rule, RuleGroup
from otel_eventlog.ruleset import RuleSet
from tests.support.builders import span_data
from tests.support.naive_matching import naive_match

WORDS = st.sampled_from(
    ["auth", "login", "career-path", "users", "a:b", "key:verify", "x%2Fy", "caf%C3%A9"]
)
PLACEHOLDERS = st.sampled_from(
    ["{id}", "{id:int}", "<id>", "<int:id>", ":id", "(?P<id>[^/]+)", r"(?P<id>[\w-]+)"]
)
PARTIAL = st.sampled_from(["{id}:verify", "<id>.json", "user-{id}", "{a}:{b}"])
REST = st.sampled_from(["{rest:path}", "<path:rest>", "*"])
SLASH = st.sampled_from(["", "/"])
METHODS = st.sampled_from(["GET", "POST", "DELETE", "HEAD", "OPTIONS"])
HOSTS = st.sampled_from(["api.acme.example", "acme.example", "other.example"])
QUERY_NAMES = st.sampled_from(["code", "state", "error", "a b"])


@st.composite
def templates(draw: st.DrawFn) -> str:
    """Return a route template, of mixed dialects at worst."""
    segments = draw(st.lists(st.one_of(WORDS, WORDS, PLACEHOLDERS, PARTIAL), max_size=4))
    if draw(st.integers(0, 5)) == 0 or not segments:
        segments.append(draw(REST if draw(st.booleans()) else WORDS))
    return draw(SLASH) + "/".join(segments) + draw(SLASH)


def mostly(usual: Any, *others: Any) -> st.SearchStrategy[Any]:
    """Return the usual value far more often than any other one."""
    return st.sampled_from([usual] * 3 * len(others) + list(others))


RULES = st.builds(
    Rule,
    name=st.text("abcdefgh", min_size=1, max_size=8),
    action=st.just("Found"),
    drop=mostly(False, True),
    kind=st.sampled_from(["server", "server", "client", "internal", "any"]),
    methods=mostly(frozenset(), frozenset({"POST"}), frozenset({"GET", "POST"})),
    route=st.one_of(templates(), templates(), templates(), templates(), st.none()),
    host=mostly((), ("*.example",), ("acme.example",), ("*.acme.example",)),
    query=mostly((), ("code",), ("code", "state"), ("a b",)),
    scope=mostly((), ("*.flask",), ("*.django", "*.express")),
    rpc_service=mostly(None, "auth.Auth"),
    rpc_method=mostly(None, "Login"),
    attributes=mostly({}, {"app.kind": "sso"}, {"app.n": 1}),
)
GROUPS = st.lists(
    st.builds(
        RuleGroup,
        st.just("x"),
        st.lists(RULES, min_size=1, max_size=5).map(tuple),
        literal_first=st.booleans(),
    ),
    min_size=1,
    max_size=3,
)


FILLINGS = st.sampled_from(["17", "a%2Fb", "login", "{x}", "<int:x>", ":x"])
_FILLED = re.compile(r"\{[^}]*\}|<[^>]*>|\(\?P<[^)]*\)|(?<![^/]):\w+|\*")


@st.composite
def rules_and_spans(draw: st.DrawFn) -> tuple[list[RuleGroup], list[tuple[int, Any, str]]]:
    """Return rules, and spans that mostly nearly fit one of them."""
    groups = draw(GROUPS)
    rules = [rule for group in groups for rule in group.rules]
    return groups, [draw(spans_near(rules)) for _ in range(draw(st.integers(1, 6)))]


@st.composite
def spans_near(draw: st.DrawFn, rules: list[Rule]) -> tuple[int, dict[str, Any], str]:
    """Return a span: old or new names, mounted, prefixed, without route, or another path."""
    aim = draw(st.sampled_from(rules)) if rules else Rule("none")
    filling = draw(FILLINGS)
    path = _FILLED.sub(filling, aim.route or draw(templates())).strip("/")
    if draw(mostly(False, True)):
        path = draw(st.sampled_from(["auth/" + path, path + "/login", path.upper()]))
    names = aim.query or tuple(draw(st.lists(QUERY_NAMES, max_size=2)))
    query = "&".join(f"{name}=1" for name in names).replace(
        " ", draw(st.sampled_from(["%20", "+"]))
    )
    attributes = _addressed(draw, "/" + path + draw(SLASH), query, draw(HOSTS))
    if draw(st.integers(0, 2)):
        attributes["http.route"] = draw(_routes(path.split("/")))
    methods = METHODS if draw(st.booleans()) else st.sampled_from([*sorted(aim.methods), "POST"])
    attributes[draw(st.sampled_from(["http.method", "http.request.method"]))] = draw(methods)
    attributes |= draw(st.sampled_from([aim.attributes, aim.attributes, {"app.n": "1"}, {}]))
    attributes |= draw(st.sampled_from([_RPC, _RPC, {}, {"rpc.method": "x"}]))
    aimed = {"client": 3, "internal": 1}.get(aim.kind, 2)
    kinds = [aimed] * 6 + [5, 2, 0]
    scopes = ["opentelemetry.instrumentation.flask", ""]
    return draw(st.sampled_from(kinds)), attributes, draw(st.sampled_from(scopes))


def _addressed(draw: st.DrawFn, path: str, query: str, host: str) -> dict[str, Any]:
    """Return the attributes that tell a path, in the old or the new convention, or not at all."""
    form = draw(st.sampled_from(["stable", "target", "http.url", "url.full", "late"]))
    if form == "stable":
        return {"url.path": path, "url.query": query, "server.address": host}
    if form == "target":
        return {"http.target": f"{path}?{query}", "server.address": host}
    return {} if form == "late" else {form: f"https://{host}:8443{path}?{query}"}


_RPC = {"rpc.system": "grpc", "rpc.service": "auth.Auth", "rpc.method": "Login"}


def _routes(segments: list[str]) -> st.SearchStrategy[str]:
    """Return the path's own route, its beginning (a mount), its end (a dispatcher), or another."""
    cuts = st.integers(0, len(segments))
    return st.one_of(
        st.just("/" + "/".join(segments)),
        cuts.map(lambda cut: "/" + "/".join(segments[:cut])),
        cuts.map(lambda cut: "/".join(segments[cut:]) + "/"),
        templates(),
    )


@settings(max_examples=500, suppress_health_check=[HealthCheck.too_slow])
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


@pytest.mark.parametrize("name", pack_names())
@given(name_of_span=st.text(max_size=40))
def test_a_spans_name_decides_nothing(name: str, name_of_span: str) -> None:
    """Two spans that differ in their names alone get the same event logs, or both get none."""
    mapper = Mapper(RuleSet([load_pack(name)]), Privacy(), Rank.DERIVED)
    for route in ("/login", None):
        span = span_data(route=route, path=None, name=name_of_span)
        other = span_data(route=route, path=None, name="POST /login")
        assert mapper.map_span(span) == mapper.map_span(other)
