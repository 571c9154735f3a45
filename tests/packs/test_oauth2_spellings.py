"""Pack oauth2_oidc: endpoints as other servers spell them, and what only looks like one."""

from __future__ import annotations

import pytest

from otel_eventlog.mapping import Mapper
from otel_eventlog.model import Rank
from otel_eventlog.privacy import Privacy
from otel_eventlog.rulefile import load_rule_set
from tests.support.builders import span_data


def shown(
    method: str, path: str, status: int = 200, query: str | None = None, location: str | None = None
) -> tuple[str, str, str | None] | None:
    """Return action, status and next step of a request, or None for no event log."""
    mapper = Mapper(load_rule_set(packs=["oauth2_oidc"]), Privacy(), Rank.DERIVED)
    attributes = {"url.query": query, "http.response.header.location": location}
    events = mapper.map_span(span_data(method, None, path, status, attributes=attributes))
    return (events[1].action, str(events[1].status), events[1].next_step) if events else None


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("POST", "/connect/token", "IDPOAuthToken"),
        ("POST", "/o/token/", "IDPOAuthToken"),
        ("POST", "/oauth2/default/v1/token", "IDPOAuthToken"),
        ("POST", "/application/o/token/", "IDPOAuthToken"),
        ("POST", "/tenant/oauth2/token", None),
        ("GET", "/connect/userinfo", "IDPOAuthUserInfo"),
        ("POST", "/oauth2/userInfo", "IDPOAuthUserInfo"),
        ("POST", "/connect/introspect", "IDPOAuthIntrospect"),
        ("POST", "/o/revoke_token/", "IDPOAuthRevoke"),
        ("POST", "/oauth2/v1/device/authorize", "IDPOAuthDeviceAuthorize"),
        ("POST", "/oauth/par", "IDPOAuthPushedAuthorize"),
        ("GET", "/o/.well-known/jwks.json", "SessionsJwks"),
        ("GET", "/connect/endsession", "SessionsRevoke"),
        ("GET", "/.well-known/openid-configuration", None),
        ("GET", "/oauth/token", None),
        ("DELETE", "/oauth/clients/7", None),
    ],
)
def test_usual_spellings_are_known(method: str, path: str, action: str | None) -> None:
    """Endpoints of other servers have the same actions; what is no endpoint yields nothing."""
    assert shown(method, path) == (None if action is None else (action, "success", None))


@pytest.mark.parametrize(
    ("status", "location", "outcome"),
    [
        (302, "https://shop.example.com/cb?code=x&state=y", ("success", None)),
        (303, "https://shop.example.com/cb?error=access_denied&state=y", ("error", None)),
        (302, "https://shop.example.com/cb#error=access_denied", ("error", None)),
        (302, "https://shop.example.com/cb#access_token=x", ("success", None)),
        (302, "/users/sign_in", ("success", "login")),
        (302, "/accounts/login/?next=/o/authorize/%3Ferror%3Dx", ("success", "login")),
        (200, None, ("success", "interaction")),
        (400, None, ("error", None)),
    ],
)
def test_an_authorization_ends_where_the_browser_is_sent(
    status: int, location: str | None, outcome: tuple[str, str | None]
) -> None:
    """`error=` is a refusal, a sign-in page or a page is a step that is due, all else a success."""
    found = shown("GET", "/oauth2/authorize", status, "client_id=x", location)
    assert found == ("IDPOAuthAuthorizeStart", *outcome)


@pytest.mark.parametrize(
    ("path", "query", "location", "status"),
    [
        ("/auth/google/callback", "code=x&state=y", "/", "success"),
        ("/login/oauth2/code/google", "code=x", "/home", "success"),
        ("/complete/github/", "code=x&state=y", "/login/?next=/", "error"),
        ("/complete/github/", "error=access_denied", "/", "error"),
        ("/oauth2/callback", "code=x&state=y", "/?error=email_unverified", "error"),
        ("/oauth2/callback", None, "/", None),
        ("/oauth2/callback", "page=2", "/", None),
    ],
)
def test_a_callback_is_told_by_its_query(
    path: str, query: str | None, location: str, status: str | None
) -> None:
    """A code that ends at a sign-in page or an error failed; without either it is nothing."""
    found = shown("GET", path, 302, query, location)
    assert found == (None if status is None else ("OAuthAuthenticate", status, None))
