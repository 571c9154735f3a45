"""Both packs for Stytch against the list of endpoints: every row, also what no SDK method calls."""

from __future__ import annotations

import pytest

from otel_eventlog.rulefile import load_pack, load_rule_set
from otel_eventlog.ruleset import RuleSet
from tests.support.builders import CLIENT, SERVER
from tests.support.catalogues import Endpoint, stytch_endpoints

PROVIDERS = ("Google", "Github", "GitLab", "LinkedIn", "TikTok", "Microsoft", "Salesforce")


def concrete(endpoint: Endpoint) -> list[tuple[str, str]]:
    """Return paths of an endpoint, each with its action; one for each provider if it names any."""
    if "{Provider}" not in endpoint.action:
        return [(endpoint.path.replace("{", "").replace("}", "-1"), endpoint.action)]
    return [
        (
            endpoint.path.replace("{provider}", name.lower()),
            endpoint.action.replace("{Provider}", name),
        )
        for name in PROVIDERS
    ]


CASES = [
    pytest.param(row.http_method, path, action, id=f"{row.http_method} {path}")
    for row in stytch_endpoints()
    if row.path
    for path, action in concrete(row)
]


@pytest.fixture(scope="module")
def calling() -> RuleSet:
    """The rules of an application that calls Stytch: the default ones."""
    return load_rule_set()


@pytest.fixture(scope="module")
def serving() -> RuleSet:
    """The rules of a server that has Stytch's routes."""
    return load_rule_set(packs=["stytch_server"])


@pytest.mark.parametrize(("method", "path", "action"), CASES)
def test_every_endpoint_is_its_action(
    method: str, path: str, action: str, calling: RuleSet, serving: RuleSet
) -> None:
    """A call to the vendor's host is the listed action by default; a server's request if asked."""
    old = {"http.method": method, "http.url": f"https://api.stytch.com{path}"}
    new = {
        "http.request.method": method,
        "url.full": f"https://test.stytch.com{path}?a=b",
        "server.address": "test.stytch.com",
    }
    for attributes in (old, new):
        found = calling.match(CLIENT, attributes, "opentelemetry.instrumentation.requests")
        assert found is not None
        assert found.action == action
    elsewhere = {"http.request.method": method, "url.full": f"https://api.acme.example{path}"}
    assert calling.match(CLIENT, elsewhere, "") is None
    request = {"http.request.method": method, "url.path": path}
    served = serving.match(SERVER, request, "opentelemetry.instrumentation.flask")
    assert served is not None
    assert served.action == action
    by_default = calling.match(SERVER, request, "opentelemetry.instrumentation.flask")
    assert by_default is None, "other people have such routes as well"


def test_both_packs_say_the_same() -> None:
    """The opt-in pack for servers has exactly the routes and actions of the one for callers."""
    client, server = load_pack("stytch").rules, load_pack("stytch_server").rules
    assert all(rule.kind == "client" and rule.host == ("*.stytch.com",) for rule in client)
    assert all(rule.kind == "server" and not rule.host for rule in server)
    assert [(rule.methods, rule.route, rule.action, rule.name) for rule in client] == [
        (rule.methods, rule.route, rule.action, rule.name) for rule in server
    ]


def test_an_unknown_provider_is_still_an_oauth_start(calling: RuleSet) -> None:
    """A provider that the vendor adds one day is seen, without a name."""
    url = "https://test.stytch.com/v1/public/oauth/madeup/start"
    found = calling.match(CLIENT, {"http.request.method": "GET", "url.full": url}, "")
    assert found is not None
    assert found.action == "OAuthStart"
