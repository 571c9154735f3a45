"""The catalogue of actions: whole, consistent, and open."""

from __future__ import annotations

import re

import pytest

from otel_eventlog.actions import CATEGORIES, ActionInfo, catalogue, lookup
from otel_eventlog.privacy import clean_action
from otel_eventlog.rulefile import load_pack, pack_names
from tests.support.catalogues import routes, stytch_endpoints
from tests.support.repository import ROOT

FACTORS = {None, "knowledge", "possession", "inherence", "federation"}

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


@pytest.mark.parametrize("info", catalogue().values(), ids=lambda info: info.name)
def test_every_action_is_described(info: ActionInfo) -> None:
    """Each has a CamelCase name, a known category and factor, and a meaning for people."""
    assert re.fullmatch(r"[A-Z][A-Za-z0-9]+", info.name)
    assert info.category in CATEGORIES
    assert re.fullmatch(r"[a-z][a-z0-9_]+", info.auth_method or "none")
    assert info.auth_factor in FACTORS
    assert (info.auth_method is None) is (info.auth_factor is None)
    assert info.meaning[0].isupper()
    assert not info.meaning.endswith(".")


@pytest.mark.parametrize("info", catalogue().values(), ids=lambda info: info.name)
def test_no_meaning_just_repeats_the_name(info: ActionInfo) -> None:
    """A meaning says something that the name does not: other words, not the same ones spaced."""
    in_name = {stem(word) for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*", info.name)}
    squeezed = re.sub(r"[^a-z0-9]", "", info.name.lower())
    said = [stem(word) for word in re.findall(r"[A-Za-z0-9]{3,}", info.meaning)]
    assert [word for word in said if word not in in_name and word not in squeezed], info.meaning


def test_no_known_action_passes_for_a_secret() -> None:
    """Whatever is cleaned of random words keeps the actions that it knows, and no others."""
    assert [name for name in catalogue() if clean_action(name) != name] == []
    assert clean_action("zX9qP2mK7vR4tL1w") == "[redacted]"


def stem(word: str) -> str:
    """Return a word without what its grammar adds, roughly."""
    return re.sub(r"(ing|ed|es|s|e)$", "", word.lower())


def test_meanings_are_told_apart() -> None:
    """No two actions have the same meaning: each says what sets it apart."""
    meanings = [info.meaning for info in catalogue().values()]
    assert len(set(meanings)) == len(meanings)


def test_every_category_is_used_and_documented() -> None:
    """The list of categories is closed: it is what the catalogue uses and what the page says."""
    assert {info.category for info in catalogue().values()} == set(CATEGORIES)
    page = (ROOT / "docs" / "events.md").read_text("utf-8")
    for name, meaning in CATEGORIES.items():
        assert f"| `{name}` | {meaning} |" in page


@pytest.mark.parametrize("pack", pack_names())
def test_packs_use_known_actions_only(pack: str) -> None:
    """Every action of every built-in pack is in the catalogue, so that it has its category."""
    assert {rule.action for rule in load_pack(pack).rules if not rule.drop} <= set(catalogue())


def test_known_endpoints_are_known_actions() -> None:
    """Every action of Stytch's API and of the known products' routes is in the catalogue."""
    named = {row.action for row in (*stytch_endpoints(), *routes())} - {""}
    assert len(named) > 200
    assert {name for name in named if "{Provider}" not in name} <= set(catalogue())


def test_what_is_documented_agrees_with_the_endpoints() -> None:
    """A name is marked as documented exactly where the list of endpoints says so."""
    documented = {row.action for row in stytch_endpoints() if row.documented and row.action}
    assert documented == set(DOCUMENTED)


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("PasswordsMadeUp", "passwords"),
        ("OAuthMadeUpStart", "oauth"),
        ("MultiTenantTOTPsMadeUp", "totps"),
        ("made up", "other"),
        ("", "other"),
        ("X" * 500, "x" * 500),
    ],
)
def test_an_unknown_action_is_fine(name: str, category: str) -> None:
    """The set is open: a category is guessed, nothing else is claimed."""
    info = lookup(name)
    assert (info.category, info.auth_method, info.documented) == (category, None, False)
