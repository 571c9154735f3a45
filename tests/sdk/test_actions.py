"""The catalogue of actions: whole, consistent, and open."""

from __future__ import annotations

import re

import pytest

from otel_eventlog.actions import catalogue, lookup

DOCUMENTED = [
    "SessionsAuthenticate",
    "MultiTenantSessionsAuthenticate",
    "OAuthGoogleOneTapStart",
    "GetUser",
    "SessionsJwks",
    "SearchUsersExternal",
    "SearchUsers",
    "EmailDelivery",
    "PasswordsAuthenticate",
    "MagicLinksCreate",
    "MagicLinksEmailLoginOrCreate",
    "CryptoWalletsAuthenticateStart",
    "CryptoWalletsAuthenticate",
    "OAuthAuthenticate",
    "OAuthGoogleStart",
    "SessionsRevoke",
    "OTPsAuthenticate",
    "MagicLinksAuthenticate",
    "UpdateUser",
    "CreatePublicToken",
]


@pytest.mark.parametrize("name", DOCUMENTED)
def test_documented_actions_are_known_as_such(name: str) -> None:
    """The names on the reference's own page are in the catalogue, marked as documented."""
    assert lookup(name).documented


def test_only_these_are_marked_as_documented() -> None:
    """A derived name never passes for a documented one."""
    assert {info.name for info in catalogue().values() if info.documented} == set(DOCUMENTED)


def test_every_action_is_described() -> None:
    """Each has a CamelCase name, a category in snake_case and a meaning for people."""
    for info in catalogue().values():
        assert re.fullmatch(r"[A-Z][A-Za-z0-9]+", info.name)
        assert re.fullmatch(r"[a-z][a-z0-9_]+", info.category)
        assert info.meaning


@pytest.mark.parametrize(
    ("name", "category"),
    [("PasswordsMadeUp", "passwords"), ("made up", "other"), ("", "other"), ("X" * 500, "x" * 500)],
)
def test_an_unknown_action_is_fine(name: str, category: str) -> None:
    """The set is open: a category is guessed, nothing else is claimed."""
    info = lookup(name)
    assert (info.category, info.auth_method, info.documented) == (category, None, False)
