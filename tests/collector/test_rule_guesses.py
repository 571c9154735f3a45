"""What is guessed of a route, and that suggestions are right rule files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_eventlog.actions import catalogue
from otel_eventlog.rulefile import load_rule_set, parse_rules
from otel_eventlog_collector.rule_tools.endpoints import template_of
from otel_eventlog_collector.rule_tools.guesses import guess
from otel_eventlog_collector.rule_tools.judgement import RuleBook
from otel_eventlog_collector.rule_tools.suggestions import Endpoint, suggest_rules, toml


@pytest.mark.parametrize(
    ("method", "route", "action"),
    [
        ("POST", "/api/v3/session/login", "PasswordsAuthenticate"),
        ("POST", "/users/sign_in", "PasswordsAuthenticate"),
        ("DELETE", "/users/sign_out", "SessionsRevoke"),
        ("POST", "/auth/refreshToken", "SessionsAuthenticate"),
        ("POST", "/signup", "CreateUser"),
        ("POST", "/password/forgot", "PasswordsEmailResetStart"),
        ("POST", "/password-reset/<token>", "PasswordsEmailReset"),
        ("POST", "/me/password", "PasswordsExistingPasswordReset"),
        ("POST", "/2fa/setup", "TOTPsCreate"),
        ("POST", "/mfa/verify", "TOTPsAuthenticate"),
        ("POST", "/otp/sms/send", "OTPsSMSSend"),
        ("POST", "/magic-link", "MagicLinksEmailLoginOrCreate"),
        ("GET", "/magic-link/:token", "MagicLinksAuthenticate"),
        ("POST", "/passkeys/register/begin", "WebAuthnRegisterStart"),
        ("POST", "/webauthn/login/complete", "WebAuthnAuthenticate"),
        ("GET", "/oauth/google/callback", "OAuthAuthenticate"),
        ("GET", "/login/github", "OAuthGithubStart"),
        ("POST", "/saml/acs", "SSOAuthenticate"),
        ("POST", "/sso/authenticate", "SSOAuthenticate"),
        ("POST", "/oauth2/token", "IDPOAuthToken"),
        ("POST", "/teams/{id}/invite", "MagicLinksEmailInvite"),
        ("GET", "/verify-email/{token}", "MagicLinksAuthenticate"),
        ("POST", "/auth/consult-oracle", "AuthConsultOracle"),
        ("GET", "/login", None),
        ("GET", "/auth/consult-oracle", None),
        ("POST", "/cart/items", None),
        ("POST", "/promo-code", None),
        ("POST", "/authors", None),
        ("POST", "/orders/{id}/tokenize", None),
        ("HEAD", "/logout", None),
    ],
)
def test_words_and_method_of_a_route_make_the_action(
    method: str, route: str, action: str | None
) -> None:
    """The usual spellings get the catalogue's action; other words, and reading a page, get none."""
    found = guess(method, route)
    assert (None if found is None else found.action) == action
    known = {*catalogue(), "OAuthStart", "AuthConsultOracle", None}
    assert action in known


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/users/17/login", "/users/{id}/login"),
        ("/reset/Zm9vYmFyYmF6cXV4MTIz", "/reset/{id}"),
        ("/u/ada@acme.example/otp", "/u/{id}/otp"),
        ("/u/ada%40acme.example/otp", "/u/{id}/otp"),
        ("/t/0190a8f4-1c3e-7a11-9b7e-2f5a1c9d8e7f", "/t/{id}"),
        ("/api/v2/forgot-password", "/api/v2/forgot-password"),
    ],
)
def test_a_path_becomes_a_template_without_ids(path: str, template: str) -> None:
    """What differs by request is a placeholder, so that no token of a path gets into a rule."""
    assert template_of(path) == template


ROUTES = st.lists(
    st.one_of(
        st.sampled_from(["login", "otp", "verify", "<int:x>", "{y}", ":z", "sign-in", "*", "mfa"]),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
    ),
    max_size=6,
).map(lambda parts: "/" + "/".join(parts))


@given(st.lists(st.tuples(st.sampled_from(["GET", "POST", "DELETE", ""]), ROUTES), max_size=6))
def test_whatever_is_suggested_is_a_right_rule_file(endpoints: list[tuple[str, str]]) -> None:
    """Any routes at all, of any characters, yield TOML that `rules check` takes as it is."""
    book = RuleBook(load_rule_set(default_packs=False))
    found = suggest_rules([Endpoint(method, route) for method, route in endpoints], book)
    group = parse_rules(toml(found.missing), "suggested.toml")
    assert len(group.rules) == len(found.missing)
