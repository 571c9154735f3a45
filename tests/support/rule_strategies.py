"""Random rules, and spans that mostly nearly fit one of them."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import strategies as st

from otel_eventlog.rules import Rule, RuleGroup

WORDS = st.sampled_from(
    ["auth", "login", "career-path", "users", "a:b", "key:verify", "x%2Fy", "%C3%A9t%C3%A9"]
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
