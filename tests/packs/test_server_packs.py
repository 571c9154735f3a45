"""Packs for products that people run themselves, against the list of their routes.

They are written from documentation: these tests say that they are what the list says, not more.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from otel_eventlog.mapping import Mapper
from otel_eventlog.model import Rank
from otel_eventlog.privacy import Privacy
from otel_eventlog.rulefile import DEFAULT_PACKS, load_pack, load_rule_set
from otel_eventlog.rules import Rule
from otel_eventlog.ruleset import RuleSet
from tests.support.builders import SERVER, span_data
from tests.support.catalogues import Route, routes

PRODUCTS = {
    "Keycloak": ("keycloak",),
    "Ory Kratos": ("kratos", "kratos_api"),
    "Supabase Auth (GoTrue)": ("supabase_server",),
    "FusionAuth": ("fusionauth",),
    "Hanko": ("hanko",),
}
PROTOCOL = "/realms/{realm}/protocol/openid-connect/"
OTHERWISE = {
    # Opening a form proves nothing.
    ("Keycloak", PROTOCOL + "registrations"): "",
    ("Keycloak", PROTOCOL + "forgot-credentials"): "",
    # A challenge is no check: the check follows it, and would be shown twice.
    ("Supabase Auth (GoTrue)", "/factors/{factor_id}/challenge"): "",
    # The step of a flow is in the query; without it, the flow is only opened.
    ("Hanko", "/login"): "",
    ("Hanko", "/registration"): "",
    ("Hanko", "/profile"): "",
}
"""Where a pack says something else than the list, and why."""
UNMISTAKABLE = ("/realms/", "/auth/realms/", "/admin/realms/", "/auth/admin/realms/")
UNMISTAKABLE += ("/self-service/", "/_allauth/", "_allauth/")
"""Beginnings of routes that only one product has."""


@cache
def rules_of(*packs: str) -> RuleSet:
    """Return the rules of somebody who names these packs."""
    return load_rule_set(packs=packs)


def cases() -> list[Any]:
    """Return every route of the products, with its packs and the action that it must be."""
    return [
        pytest.param(packs, row, id=f"{packs[0]} {row.http_method} {row.route}")
        for product, packs in PRODUCTS.items()
        for row in routes(product)
    ]


def action_of(row: Route) -> str:
    """Return the action of a row, or what is said otherwise for a reason."""
    said = row.action.replace("{Provider}", "")
    return OTHERWISE.get((row.product, row.route), said)


@pytest.mark.parametrize(("packs", "row"), cases())
def test_every_route_of_the_list(packs: tuple[str, ...], row: Route) -> None:
    """A request to a listed route is the listed action, under old and new attribute names."""
    path = row.route.replace("{", "").replace("}", "-1")
    old = {"http.method": row.http_method, "http.target": path}
    new = {"http.request.method": row.http_method, "url.path": path, "http.route": row.route}
    for attributes in (old, new):
        found = rules_of(*packs).match(SERVER, attributes, "")
        assert (found.action if found else "") == action_of(row)


@pytest.mark.parametrize("name", [name for name in DEFAULT_PACKS if name != "common"])
def test_packs_on_by_default_cannot_misfire(name: str) -> None:
    """Each of their rules is bound to what only that vendor or product has."""

    def is_bound(rule: Rule) -> bool:
        begins = rule.route is not None and rule.route.startswith(UNMISTAKABLE)
        return bool(rule.host or rule.scope or rule.rpc_service) or begins

    assert [rule.name for rule in load_pack(name).rules if not is_bound(rule)] == []


@pytest.mark.parametrize(
    ("pack", "span", "outcome"),
    [
        ("fusionauth", span_data(route="/api/login", status=200), ("success", None)),
        ("fusionauth", span_data(route="/api/login", status=404), ("error", "invalid_credentials")),
        ("fusionauth", span_data(route="/api/login", status=242), ("success", "second_factor")),
        ("fusionauth", span_data(route="/api/login", status=203), ("success", "password_change")),
        ("fusionauth", span_data(route="/api/login", status=423), ("error", "locked")),
    ],
)
def test_outcomes_by_status(pack: str, span: Any, outcome: tuple[str, str | None]) -> None:
    """Where the status says more than success or error, the pack does too."""
    end = outcome_of(pack, span)
    assert (str(end.status), end.next_step or end.error_type) == outcome


@pytest.mark.parametrize(
    ("pack", "route", "method", "status", "headers", "outcome"),
    [
        ("keycloak", "login-actions/authenticate", "POST", 200, {"type": "text/html"}, "error"),
        ("keycloak", "login-actions/authenticate", "POST", 302, {"location": "/cb?code=1"}, "ok"),
        ("keycloak", "protocol/openid-connect/auth", "GET", 200, {"type": "text/html"}, "ok"),
        ("keycloak", "protocol/openid-connect/auth", "GET", 302, {"location": "/cb?code=1"}, "ok"),
        (
            "keycloak",
            "protocol/openid-connect/auth",
            "GET",
            302,
            {"location": "https://app.example/cb#error=login_required&state=1"},
            "error",
        ),
    ],
)
def test_keycloak_pages(
    pack: str, route: str, method: str, status: int, headers: dict[str, str], outcome: str
) -> None:
    """A page shown again is an error, a redirect is not, unless it carries one."""
    attributes = {
        f"http.response.header.{'content-type' if name == 'type' else name}": (value,)
        for name, value in headers.items()
    }
    span = span_data(method, f"/realms/acme/{route}", status=status, attributes=attributes)
    assert str(outcome_of(pack, span).status) == ("success" if outcome == "ok" else "error")


@pytest.mark.parametrize(
    ("location", "status"),
    [("https://app.example/welcome", "success"), ("https://app.example/login?flow=1", "error")],
)
def test_kratos_redirects(location: str, status: str) -> None:
    """A redirect back to the flow says that it did not succeed; one elsewhere that it did."""
    told = {"http.response.header.location": (location,)}
    span = span_data("POST", "/self-service/login", status=303, attributes=told)
    assert str(outcome_of("kratos", span).status) == status


def test_a_step_of_hanko_is_told_by_its_query() -> None:
    """Opening a flow is no attempt; a step of it is one."""
    login = {"http.request.method": "POST", "url.path": "/login"}
    rules = rules_of("hanko")
    assert rules.match(SERVER, login, "") is None
    step = rules.match(SERVER, login | {"url.query": "action=password_login%40made-up"}, "")
    assert step is not None
    assert step.action == "PasswordsAuthenticate"


def test_supabase_tells_a_login_from_a_refresh() -> None:
    """The grant in the query decides, behind the gateway and without it."""
    for path in ("/token", "/auth/v1/token"):
        for grant, action in (
            ("password", "PasswordsAuthenticate"),
            ("refresh_token", "SessionsAuthenticate"),
            ("web3", "CryptoWalletsAuthenticate"),
        ):
            asked = {"http.method": "POST", "http.target": f"{path}?grant_type={grant}"}
            found = rules_of("supabase_server").match(SERVER, asked, "")
            assert found is not None
            assert found.action == action


def outcome_of(pack: str, span: Any) -> Any:
    """Return the outcome that a pack gives a span."""
    return Mapper(rules_of(pack), Privacy(), Rank.DERIVED).map_span(span)[-1]
