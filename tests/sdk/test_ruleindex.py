"""How rules are found: at a glance where no rule can fit, and which spans are judged again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_eventlog.rulefile import load_rule_set
from otel_eventlog.ruleindex import (
    LATER,
    MEMO_HOSTS_MAX,
    MEMO_ROUTES_MAX,
    UNTOLD,
    Entry,
    RuleIndex,
)
from otel_eventlog.rules import Match, Rule
from tests.support.builders import CLIENT, INTERNAL, SERVER, rule_set

RULES = load_rule_set()

PARTS = st.sampled_from(["login", "users", "me", "{x}", "<int:id>", ":id", "a:verb", "{x}.json"])
RULE_ROUTES = st.lists(PARTS, max_size=4).map(lambda parts: "/" + "/".join(parts))
ROUTES = (
    st.lists(PARTS | st.sampled_from(["{rest:path}", "^x$", "(?P<x>[^/]+)"]), max_size=4).map(
        "/".join
    )
    | st.none()
)
PATHS = (
    st.lists(
        st.sampled_from(["login", "users", "me", "7", "a:verb", "x.json", "%6Cogin"]), max_size=5
    )
    .map(lambda parts: "/" + "/".join(parts))
    .flatmap(lambda path: st.sampled_from([path, path + "/", path + "?next=/login"]))
    | st.none()
    | st.just(7)
    | st.sampled_from(["", "login", "*", "shop.example:443"])
)


def span_attributes(route: Any, path: Any, method: str, *, is_old: bool) -> dict[str, Any]:
    """Return the attributes of a request under old or new names, without those that are None."""
    names = ("http.method", "http.target") if is_old else ("http.request.method", "url.path")
    told = {names[0]: method, "http.route": route, names[1]: path}
    return {name: value for name, value in told.items() if value is not None}


@settings(max_examples=400)
@given(
    st.lists(RULE_ROUTES, min_size=1, max_size=6),
    st.lists(st.tuples(ROUTES, PATHS, st.booleans()), min_size=1, max_size=8),
)
def test_a_glance_tells_what_a_look_would(
    rule_routes: list[str], spans: list[tuple[Any, Any, bool]]
) -> None:
    """Whatever was seen before, what is told at a glance is what looking closer finds."""
    rules = [Rule(name=str(n), action="A", route=route) for n, route in enumerate(rule_routes)]
    index = RuleIndex([Entry.of(number, rule) for number, rule in enumerate(rules)])
    same = [(route, route, is_old) for route, _, is_old in spans]
    for route, path, is_old in spans + same + spans:
        attributes = span_attributes(route, path, "POST", is_old=is_old)
        seen = index.glance(attributes)
        assert seen is UNTOLD or seen == index.find(attributes, ""), attributes


@pytest.mark.parametrize(
    ("route", "path"),
    [
        ("/news", "/news"),
        ("/api/articles/<int:article>", "/api/articles/7"),
        ("/api/articles/{article}/edit", "/api/articles/7/edit"),
        ("/:id", "/7"),
    ],
)
def test_a_route_that_no_rule_wants_is_foreign_at_a_glance(route: str, path: str) -> None:
    """Its placeholders may hold anything: the answer is found once, and holds for all its paths."""
    index = RuleIndex([Entry.of(0, Rule(name="x", action="A", route="/api/login"))])
    assert index.glance({"http.route": route, "url.path": path}) is None
    assert index.glance({"http.route": route, "http.target": path + "?page=2"}) is None


@pytest.mark.parametrize(
    ("route", "path"),
    [
        ("/api/{kind}", "/api/login"),  # a placeholder that may hold what a rule wants
        ("/api", "/api/login"),  # a mount
        ("/news", "/api/login"),  # rewritten on the way
        ("/{rest:path}", "/api/login"),
        (None, "/api/login"),
    ],
)
def test_a_path_that_says_more_than_the_route_is_looked_at(route: str | None, path: str) -> None:
    """No path that a rule wants can hide behind a route that none wants."""
    rules = rule_set('[[rule]]\nname = "x"\naction = "Found"\nroute = "/api/login"')
    attributes = span_attributes(route, path, "POST", is_old=False)
    for _ in range(2):
        match = rules.match(SERVER, attributes, "")
        assert match is not None
        assert match.action == "Found"


def test_a_host_that_no_rule_is_about_is_foreign_at_a_glance() -> None:
    """Calls to other hosts cost one look at the host; those to the vendor are looked at whole."""
    index = RuleIndex(
        [Entry.of(0, Rule(name="x", action="A", route="/v1/x", host=("*.stytch.com",)))]
    )
    assert index.glance({"http.url": "https://billing.example/v1/x"}) is None
    assert index.glance({"url.full": "https://x.stytch.com@billing.example/v1/x"}) is None
    assert index.glance({"url.full": "https://api.stytch.com:443/v1/x"}) is UNTOLD
    assert index.glance({"server.address": "API.STYTCH.COM"}) is UNTOLD


OTHERS = st.lists(
    st.tuples(
        st.lists(st.sampled_from(["login", "auth", "a:verb", "{x}", "%41", ""]), max_size=3),
        st.sampled_from([(), ("h.example",), ("*.example",)]),
    ),
    min_size=1,
    max_size=4,
)
CALLS = st.builds(
    lambda scheme, host, path, tail: f"{scheme}{host}{path}{tail}",
    st.sampled_from(["https://", "http://u:p@", ""]),
    st.sampled_from(["h.example", "o.example", "h.example:443", "other.net"]),
    st.lists(st.sampled_from(["login", "auth", "%6Cogin", "7", ""]), max_size=3).map(
        lambda parts: "".join("/" + part for part in parts)
    ),
    st.sampled_from(["", "?next=/login", "#login", "/"]),
)


@settings(max_examples=400)
@given(OTHERS, st.lists(st.tuples(CALLS, st.booleans()), min_size=1, max_size=8))
def test_a_glance_at_a_call_tells_what_a_look_would(
    written: list[tuple[list[str], tuple[str, ...]]], calls: list[tuple[str, bool]]
) -> None:
    """Outgoing calls, whose hosts and first segments are remembered, are told alike."""
    rules = [
        Rule(name=str(n), action="Found", route="/" + "/".join(parts), host=host)
        for n, (parts, host) in enumerate(written)
    ]
    index = RuleIndex([Entry.of(number, rule) for number, rule in enumerate(rules)])
    for url, is_old in calls + calls:
        attributes = {"http.method": "POST", "http.url" if is_old else "url.full": url}
        seen = index.glance(attributes)
        assert seen is UNTOLD or seen == index.find(attributes, ""), attributes


@pytest.mark.parametrize(
    "rule",
    [
        'attributes = { tenant = "acme" }',
        'query = "code"',
        'scope = "*.flask"',
    ],
)
def test_what_a_rule_asks_beyond_the_route_is_judged_each_time(rule: str) -> None:
    """Two requests of one route that differ in what is asked for are judged each by its own."""
    rules = rule_set(f'[[rule]]\nname = "x"\naction = "SSOAuthenticate"\nroute = "/cb"\n{rule}')
    span = {"http.request.method": "POST", "http.route": "/cb", "url.path": "/cb"}
    fitting = span | {"tenant": "acme", "url.query": "code=1"}
    for _ in range(2):
        assert rules.match(SERVER, span, "") is None
        assert rules.match(SERVER, fitting, "x.flask") is not None
        assert rules.at_start(SERVER, span) is LATER
        found = rules.at_start(SERVER, fitting, "x.flask")
        assert isinstance(found, Match)


def test_a_scope_that_is_known_and_does_not_fit_is_no_reason_to_wait() -> None:
    """A sampler is not told the scope and has to wait; a span processor knows it."""
    rules = rule_set('[[rule]]\nname = "x"\naction = "Found"\nroute = "/cb"\nscope = "*.flask"')
    span = {"http.request.method": "POST", "http.route": "/cb"}
    assert rules.at_start(SERVER, span) is LATER
    assert rules.at_start(SERVER, span, "x.django") is None
    assert isinstance(rules.at_start(SERVER, span, "x.flask"), Match)


@pytest.mark.parametrize("says", ['action = "First"', "drop = true"])
def test_a_rule_that_asks_for_the_scope_is_not_passed_over(says: str) -> None:
    """As long as nobody has told the scope, a rule behind it does not take its place."""
    rules = rule_set(
        f'[[rule]]\nname = "x"\n{says}\nroute = "/cb"\nscope = "*.flask"\n'
        '[[rule]]\nname = "y"\naction = "Second"\nroute = "/cb"'
    )
    span = {"http.request.method": "POST", "http.route": "/cb"}
    assert rules.at_start(SERVER, span) is LATER
    for scope_name in ("x.flask", "x.django"):
        assert rules.at_start(SERVER, span, scope_name) == rules.match(SERVER, span, scope_name)
    found = rules.at_start(SERVER, span, "x.django")
    assert isinstance(found, Match)
    assert found.action == "Second"


def test_a_dropping_rule_that_asks_for_more_is_nothing_to_wait_for() -> None:
    """Should it fit at the end, there is no event log; should it not, there was none either."""
    rules = rule_set('[[rule]]\nname = "x"\ndrop = true\nroute = "/cb"\nattributes = { a = 1 }')
    assert rules.at_start(SERVER, {"http.route": "/cb"}) is None


@pytest.mark.parametrize(
    ("condition", "fitting"),
    [
        ('attributes = { "app.kind" = "sso" }', {"app.kind": "sso"}),
        ('attributes = { "app.kind" = true }', {"app.kind": "anything"}),
        ('query = ["code", "state"]', {"url.query": "state=1&code=2"}),
        ('host = "*.example"', {"server.address": "login.example"}),
        ('rpc_service = "auth.Auth"', {"rpc.service": "auth.Auth", "rpc.method": "Login"}),
        ('rpc_method = "Login"', {"rpc.method": "auth.Auth/Login"}),
    ],
)
def test_a_rule_without_a_route_is_found_by_its_first_condition(
    condition: str, fitting: dict[str, Any]
) -> None:
    """It takes spans of any route that fit it, and no other, and waits for none."""
    rules = rule_set(f'[[rule]]\nname = "x"\naction = "Found"\n{condition}')
    span = {"http.request.method": "POST", "http.route": "/x", "url.path": "/x"}
    assert rules.match(SERVER, span | fitting, "") is not None
    assert rules.match(SERVER, span, "") is None
    assert rules.at_start(SERVER, span) is None


def test_what_is_remembered_of_a_host_is_true_of_it() -> None:
    """A URL of an odd kind, or with a user in it, says nothing of calls that look alike."""
    index = RuleIndex([Entry.of(0, Rule(name="x", action="A", route="/v1", host=("*.example",)))])
    call = {"server.address": "api.example", "url.path": "/v1"}
    for odd in (["https://other.net/"], 5, []):
        index.glance(call | {"url.full": odd})
        index.find(call | {"url.full": odd}, "")
        assert isinstance(index.find(call, ""), Entry)
    index.glance({"url.full": "https://ada:pw@api.example/v1"})
    assert not any("pw" in name for name in index._hosts)


def test_what_is_remembered_is_bounded() -> None:
    """A scanner that tries a hundred thousand paths and hosts fills no memory."""
    index = RuleIndex(
        [
            Entry.of(0, Rule(name="x", action="A", route="/login")),
            Entry.of(1, Rule(name="y", action="A", route="/login", host=("*.example",))),
        ]
    )
    for number in range(max(MEMO_ROUTES_MAX, MEMO_HOSTS_MAX) + 10):
        told = {"http.route": f"/{number}", "server.address": f"{number}.net"}
        index.glance(told)
        index.find(told, "")
        index.glance({"url.full": f"https://{number}.net/{number}/x"})
    assert len(index._routes) <= MEMO_ROUTES_MAX
    assert len(index._origins) <= MEMO_HOSTS_MAX
    assert len(index._hosts) <= MEMO_HOSTS_MAX


def test_a_server_span_without_route_and_path_cannot_be_judged_yet() -> None:
    """Django and Express tell their route at the end: such spans must be recorded."""
    assert RULES.at_start(SERVER, {"http.method": "POST"}) is LATER
    assert RULES.at_start(SERVER, {"http.target": "/x"}) is None
    assert RULES.at_start(CLIENT, {}) is None
    assert RULES.at_start(INTERNAL, {}) is None
    assert rule_set().at_start(SERVER, {}) is None
