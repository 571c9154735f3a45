"""Matching: routes or paths, conditions, precedence; total on any attributes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_eventlog.rulefile import load_pack, load_rule_set, pack_names, parse_rules
from otel_eventlog.ruleset import RuleSet
from tests.support.builders import CLIENT, INTERNAL, SERVER, rule_set

LOGIN = """
[[rule]]
name = "login"
action = "PasswordsAuthenticate"
method = "POST"
route = "/auth/login"
"""


def http(method: str = "POST", **attributes: Any) -> dict[str, Any]:
    """Return attributes of a request; `__` in a name stands for a dot."""
    named = {key.replace("__", "."): value for key, value in attributes.items()}
    return {"http.request.method": method, **named}


def action(rules: RuleSet, attributes: dict[str, Any], kind: int = SERVER, scope: str = "") -> str:
    """Return the action that a span gets, or "" for none."""
    match = rules.match(kind, attributes, scope)
    return "" if match is None else match.action


@pytest.mark.parametrize(
    "attributes",
    [
        http(http__route="/auth/login", url__path="/auth/login"),
        http(http__route="auth/login/"),
        http(url__path="/auth/login"),
        {"http.method": "POST", "http.target": "/auth/login?next=/"},
        {"http.method": "POST", "http.url": "https://shop.example/auth/login?next=/"},
        http(http__route="/auth", url__path="/auth/login"),
        http(http__route="/login", http__target="/auth/login"),
        http(http__route="/{rest:path}", url__path="/auth/login"),
    ],
    ids=["both", "dialect", "path", "old", "url", "mount", "dispatcher", "catch-all"],
)
def test_a_rule_fits_the_route_or_the_path(attributes: dict[str, Any]) -> None:
    """Old and stable names, mounts and prefixes: the login is recognised in all of them."""
    assert action(rule_set(LOGIN), attributes) == "PasswordsAuthenticate"


@pytest.mark.parametrize(
    "attributes",
    [
        http("GET", http__route="/auth/login"),
        http("HEAD", http__route="/auth/login"),
        http(http__route="/auth/login/help", url__path="/auth/login/help"),
        http(http__route="/auth/login", url__path="/auth/login/deeper"),
        http(),
        {},
    ],
    ids=["method", "head", "longer", "mount point of the same name", "no path", "empty"],
)
def test_a_rule_does_not_fit_what_is_no_login(attributes: dict[str, Any]) -> None:
    """Another method, another path or nothing to judge by yields no action."""
    assert action(rule_set(LOGIN), attributes) == ""


@pytest.mark.parametrize("kind", [INTERNAL, CLIENT])
def test_a_server_rule_takes_server_spans_only(kind: int) -> None:
    """INTERNAL children and outgoing calls of the same route are no logins."""
    assert action(rule_set(LOGIN), http(http__route="/auth/login"), kind) == ""


def test_a_rule_without_method_takes_any_but_head_and_options() -> None:
    """Preflights and probes attempt nothing."""
    rules = rule_set('[[rule]]\nname = "x"\naction = "GetUser"\nroute = "/me"')
    assert [
        action(rules, http(m, http__route="/me")) for m in ("GET", "PUT", "HEAD", "OPTIONS")
    ] == [
        "GetUser",
        "GetUser",
        "",
        "",
    ]


def test_the_first_rule_of_a_file_and_the_first_file_win() -> None:
    """Users' files are asked in the order given, rules in the order written."""
    first = '[[rule]]\nname = "a"\naction = "First"\nroute = "/{x}"\n'
    second = '[[rule]]\nname = "b"\naction = "Second"\nroute = "/login"\n'
    assert action(rule_set(first, second), http(http__route="/login")) == "First"
    assert action(rule_set(second, first), http(http__route="/login")) == "Second"
    assert action(rule_set(first + second), http(http__route="/login")) == "First"


def test_within_a_pack_more_literal_templates_win() -> None:
    """`/users/me` is asked before `/users/{id}`, however they are written."""
    text = """
[[rule]]
name = "one"
action = "GetUser"
route = "/users/{id}"
[[rule]]
name = "me"
action = "GetMe"
route = "/users/me"
"""
    group = parse_rules(text, "pack", literal_first=True)
    assert action(RuleSet([group]), http("GET", http__route="/users/me")) == "GetMe"
    assert action(RuleSet([group]), http("GET", http__route="/users/{id}")) == "GetUser"


def test_a_path_of_a_higher_rule_beats_a_route_of_a_lower_one() -> None:
    """Precedence is by rule, not by whether route or path fitted."""
    mine = '[[rule]]\nname = "m"\naction = "AdminAuthenticate"\nroute = "/admin/login"\n'
    common = '[[rule]]\nname = "c"\naction = "PasswordsAuthenticate"\nroute = "/login"\n'
    attributes = http(http__route="/login", http__target="/admin/login")
    assert action(rule_set(mine, common), attributes) == "AdminAuthenticate"


def test_drop_ends_the_search() -> None:
    """A dropping rule says that it is no auth call; no later rule is asked."""
    drop = '[[rule]]\nname = "d"\ndrop = true\nroute = "/auth/login"\n'
    assert action(rule_set(drop, LOGIN), http(http__route="/auth/login")) == ""


def test_what_the_span_itself_says_goes_first() -> None:
    """`eventlog.action` wins over every rule; the rule still serves for outcomes and keeps."""
    attributes = http(http__route="/auth/login", eventlog__action="MagicLinksAuthenticate")
    match = rule_set(LOGIN).match(SERVER, attributes, "")
    assert match is not None
    assert match.action == "MagicLinksAuthenticate"
    assert match.rule is not None
    assert match.rule.name == "login"
    assert action(rule_set(), {"eventlog.action": "GetUser"}, INTERNAL) == "GetUser"


def test_a_span_marked_as_part_of_another_request_never_matches() -> None:
    """`eventlog.drop` marks the second of two stacked instrumentations."""
    marked = http(http__route="/auth/login", eventlog__drop=True, eventlog__action="X")
    assert action(rule_set(LOGIN), marked) == ""


@pytest.mark.parametrize(
    ("condition", "attributes", "fits"),
    [
        ('query = "code"', http("GET", url__path="/cb", url__query="code=1&state=2"), True),
        ('query = "code"', http("GET", url__path="/cb", url__query="error=1"), False),
        ('query = ["a", "b"]', {"http.method": "GET", "http.target": "/cb?b=1&a"}, True),
        ('query = "a=b c"', http("GET", url__path="/cb", url__query="x=1&a=b+c"), True),
        ('query = "a=b c"', http("GET", url__path="/cb", url__query="a=b+cd"), False),
        ('query = "a=b"', http("GET", url__path="/cb", url__query="a"), False),
        ('query = ["a=b", "c"]', http("GET", url__full="https://x.example/cb?c&a=b#f"), True),
        ('host = "*.stytch.com"', http("GET", url__full="https://test.stytch.com:443/cb"), True),
        ('host = "*.stytch.com"', http("GET", url__full="https://evil.example/cb"), False),
        (
            'host = "*.stytch.com"',
            http("GET", url__full="https://x.stytch.com@evil.example/cb"),
            False,
        ),
        ('scope = "*.flask"', http("GET", url__path="/cb"), True),
        ('scope = "*.django"', http("GET", url__path="/cb"), False),
        (
            'attributes = { "app.kind" = "sso" }',
            http("GET", url__path="/cb", app__kind="sso"),
            True,
        ),
        ('attributes = { "app.kind" = "sso" }', http("GET", url__path="/cb", app__kind="x"), False),
        ('attributes = { "app.n" = 1 }', http("GET", url__path="/cb", app__n="1"), True),
        ('attributes = { "app.kind" = true }', http("GET", url__path="/cb", app__kind="x"), True),
        ('attributes = { "app.kind" = true }', http("GET", url__path="/cb"), False),
    ],
)
def test_conditions(condition: str, attributes: dict[str, Any], *, fits: bool) -> None:
    """Query presence, host, scope and attributes narrow a rule down."""
    text = f'[[rule]]\nname = "x"\naction = "Found"\nkind = "any"\nroute = "/cb"\n{condition}\n'
    found = action(rule_set(text), attributes, CLIENT, "opentelemetry.instrumentation.flask")
    assert (found == "Found") is fits


@pytest.mark.parametrize(
    "attributes",
    [
        {"rpc.system": "grpc", "rpc.service": "auth.Auth", "rpc.method": "Login"},
        {"rpc.system.name": "grpc", "rpc.method": "auth.Auth/Login"},
    ],
)
def test_rpc_rules_fit_service_and_method(attributes: dict[str, Any]) -> None:
    """Both conventions of naming an RPC are understood."""
    text = '[[rule]]\nname = "x"\naction = "Found"\nrpc_service = "auth.Auth"\nrpc_method = "Login"'
    assert action(rule_set(text), attributes) == "Found"
    assert action(rule_set(text), attributes | {"rpc.method": "auth.Auth/Other"}) == ""


def test_the_default_packs_know_the_usual_routes_and_the_vendor() -> None:
    """Zero configuration recognises POST to the usual routes and calls of the Stytch API."""
    rules = load_rule_set()
    usual = {
        "/login": "PasswordsAuthenticate",
        "/api/auth/login": "PasswordsAuthenticate",
        "/logout": "SessionsRevoke",
        "/register": "CreateUser",
        "/oauth/token": "IDPOAuthToken",
        "/forgot-password": "PasswordsEmailResetStart",
    }
    assert {route: action(rules, http(http__route=route)) for route in usual} == usual
    assert action(rules, http("GET", http__route="/login")) == ""
    url = "https://api.stytch.com/v1/magic_links/authenticate"
    assert action(rules, http(url__full=url), CLIENT) == "MagicLinksAuthenticate"
    assert action(rules, http(url__full=url.replace("stytch.com", "acme.example")), CLIENT) == ""


@pytest.mark.parametrize(
    ("template", "route", "path"),
    [
        ("/users/{id}/otp", "/users/{user_id}/otp", "/users/7/otp"),
        ("/users/<id>/otp", "/users/<int:uid>/otp", "/users/7/otp"),
        ("/users/:id/otp", "users/<uuid:uid>/otp/", "/users/7/otp/"),
        ("users/<int:id>/otp", "/users/:userId/otp", "/users/7/otp"),
        ("/users/{id}/otp/", r"^users/(?P<pk>[^/]+)/otp/$", "/users/7/otp/"),
        ("/accounts:signIn", "/accounts:signIn", "/accounts:signIn"),
        ("/accounts/{id}:verify", "/accounts/{name}:verify", "/accounts/a-1:verify"),
    ],
)
def test_every_dialect_of_a_route_fits_and_so_does_its_path(
    template: str, route: str, path: str
) -> None:
    """A rule of any dialect takes the route of any other, and the bare path where none is told."""
    rules = rule_set(f'[[rule]]\nname = "x"\naction = "Found"\nroute = "{template}"\n')
    seen = [
        http(http__route=route, url__path=path),
        http(http__route=route),
        http(url__path=path),
        http(http__target=path + "?next=/"),
        http(http__url="http://shop.example" + path),
    ]
    assert [action(rules, attributes) for attributes in seen] == ["Found"] * len(seen)
    assert action(rules, http(url__path=path + "/deeper")) == ""


@pytest.mark.parametrize("mount", ["/auth", "/auth/", "auth", "/{tenant}/auth", "/career-path"])
def test_a_mount_prefix_says_nothing_by_itself(mount: str) -> None:
    """Where the route is only the path's beginning, the path is judged and the route is not."""
    prefix = mount.replace("{tenant}", "acme").strip("/")
    text = f'[[rule]]\nname = "m"\naction = "Mount"\nroute = "{mount}"\n'
    text += f'[[rule]]\nname = "i"\naction = "Inner"\nroute = "/{prefix}/login"\n'
    inner = http(http__route=mount, url__path=f"/{prefix}/login")
    assert action(rule_set(text), inner) == "Inner"
    assert action(rule_set(text), http(http__route=mount, url__path=f"/{prefix}/other")) == ""
    assert action(rule_set(text), http(http__route=mount, url__path=f"/{prefix}")) == "Mount"


@pytest.mark.parametrize(
    ("asked_last", "asked_first", "path"),
    [
        ("/users/{id}", "/users/me", "/users/me"),
        ("/{a}/b", "/a/{b}", "/a/b"),
        ("/users/{id}/external_id", "/users/emails/{id}", "/users/emails/external_id"),
        ("/keys/{name}", "/keys/{name}:verify", "/keys/7:verify"),
        ("/files/{rest:path}", "/files/{name}", "/files/7"),
        ("/{rest:path}", "/files/{rest:path}", "/files/7"),
    ],
)
def test_in_a_pack_literal_segments_go_before_placeholders(
    asked_last: str, asked_first: str, path: str
) -> None:
    """Of two templates that fit, the more literal one is asked first, from left to right."""
    text = "".join(
        f'[[rule]]\nname = "{name}"\naction = "{name}"\nroute = "{route}"\n'
        for name, route in (("Last", asked_last), ("First", asked_first))
    )
    pack = RuleSet([parse_rules(text, "pack", literal_first=True)])
    assert action(pack, http(url__path=path)) == "First"
    assert action(rule_set(text), http(url__path=path)) == "Last"


def test_a_path_is_split_before_it_is_decoded() -> None:
    """An encoded slash in an id neither makes a segment of its own nor hides the route."""
    text = '[[rule]]\nname = "x"\naction = "Found"\nroute = "/users/{id}/été"\n'
    assert action(rule_set(text), http(url__path="/users/a%2Fb%2Bc/%C3%A9t%C3%A9")) == "Found"
    assert action(rule_set(text), http(url__path="/users/a/b/%C3%A9t%C3%A9")) == ""
    assert action(rule_set(text), http(url__path="/users%2Fa/%C3%A9t%C3%A9")) == ""


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
@pytest.mark.parametrize("name", pack_names())
def test_no_pack_takes_a_preflight_or_a_probe(name: str, method: str) -> None:
    """HEAD and OPTIONS of every route in every pack yield nothing."""
    pack = load_pack(name)
    rules = RuleSet([pack])
    for rule in pack.rules:
        host = rule.host[0].replace("*", "test") if rule.host else "shop.example"
        attributes = http(method, http__route=rule.route or "", server__address=host)
        for kind in (SERVER, CLIENT):
            assert action(rules, attributes, kind) == ""


@pytest.mark.parametrize("name", pack_names())
def test_a_rule_of_a_pack_takes_one_side_of_a_call(name: str) -> None:
    """Incoming rules take SERVER spans, outgoing ones CLIENT spans: no rule takes both."""
    for rule in load_pack(name).rules:
        assert rule.kind in ("server", "client"), rule.name
        assert rule.kind == "client" or not rule.host, rule.name


ALL_RULES = RuleSet(
    [
        *load_rule_set().groups,
        parse_rules(
            """
[[rule]]
name = "odd"
action = "Odd"
kind = "any"
host = "*"
query = "x"
scope = "*"
attributes = { "http.host" = true }
""",
            "odd.toml",
        ),
    ]
)

VALUES = st.one_of(
    st.text(), st.integers(), st.booleans(), st.floats(), st.lists(st.text(), max_size=2)
)
NAMES = st.sampled_from(
    [
        "http.route",
        "url.path",
        "http.target",
        "http.url",
        "url.full",
        "url.query",
        "http.method",
        "http.request.method",
        "eventlog.action",
        "eventlog.drop",
        "rpc.method",
        "rpc.service",
        "server.address",
        "http.host",
    ]
)


@given(st.dictionaries(NAMES, VALUES), st.integers(0, 9), st.text())
def test_matching_is_total(attributes: dict[str, Any], kind: int, scope: str) -> None:
    """No attributes, of whatever type and content, make matching raise."""
    ALL_RULES.match(kind, attributes, scope)
    ALL_RULES.at_start(kind, attributes)
    ALL_RULES.at_start(kind, attributes, scope)
