"""The catalogue: what each action is about. An open set; an unknown action is fine everywhere.

The data is `actions.tsv` beside this file, one action a line. `otel-eventlog actions` prints it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

CATEGORIES: Mapping[str, str] = {
    "biometrics": "fingerprint or face, checked on the user's own device",
    "connected_apps": "applications that may ask for access on behalf of users",
    "crypto_wallets": "the signature of a crypto wallet",
    "dashboard": "what people do in a dashboard, or to the collector itself",
    "discovery": "finding the organizations that somebody may log in to",
    "email": "what became of a mail that was sent",
    "fraud": "how risky a device or an address is",
    "idp": "being an OAuth 2 / OpenID Connect provider for other applications",
    "impersonation": "logging in as another user, for support",
    "m2m": "machines as clients, with a secret of their own",
    "magic_links": "links that log in, confirm or invite",
    "members": "the people of an organization",
    "oauth": "logging in at somebody else's OAuth provider",
    "organizations": "organizations (tenants) and their settings",
    "otps": "one-time passcodes by mail, text message or WhatsApp",
    "passwords": "passwords: checking, setting, resetting",
    "project": "the project that the credentials belong to",
    "rbac": "roles and permissions",
    "scim": "a customer's directory that manages its members",
    "sessions": "sessions and their tokens: checking, refreshing, ending",
    "sso": "a company's own identity provider (SAML, OpenID Connect)",
    "totps": "authenticator apps and recovery codes",
    "users": "users and their data",
    "webauthn": "passkeys and security keys",
}
"""The categories that the catalogue uses, with their meaning. An unknown action's is guessed."""

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*")
_VERTICALS = ("MultiTenant", "B2B")
"""Beginnings of names that say for whom, and nothing of the category."""
_BEGINNINGS = {
    "CryptoWallet": "crypto_wallets",
    "ConnectedApp": "connected_apps",
    "IDPOAuth": "idp",
    "M2M": "m2m",
    "MagicLink": "magic_links",
    "OAuth": "oauth",
    "OTP": "otps",
    "OrganizationsMember": "members",
    "Password": "passwords",
    "RBAC": "rbac",
    "RecoveryCode": "totps",
    "SCIM": "scim",
    "SSO": "sso",
    "Session": "sessions",
    "TOTP": "totps",
    "WebAuthn": "webauthn",
}
"""Where the first word of a name is not the category."""


@dataclass(frozen=True, slots=True)
class ActionInfo:
    """One action of the catalogue.

    Attributes:
        name: CamelCase name.
        category: the group it is filtered by, e.g. `passwords`.
        auth_method: how the user proves who they are (password, magic_link, otp_sms, …) or None.
        auth_factor: knowledge, possession, inherence, federation, … or None.
        meaning: one line for people.
        documented: whether the name stands on the reference's own page; others are derived.

    """

    name: str
    category: str
    auth_method: str | None
    auth_factor: str | None
    meaning: str
    documented: bool


@cache
def catalogue() -> dict[str, ActionInfo]:
    """Return all known actions by name, in the file's order."""
    text = (files("otel_eventlog") / "actions.tsv").read_text("utf-8")
    rows = (line.split("\t") for line in text.splitlines()[1:] if line)
    return {
        name: ActionInfo(
            name, category, method or None, factor or None, meaning, documented == "yes"
        )
        for name, category, method, factor, documented, meaning in rows
    }


@lru_cache(maxsize=1024)
def lookup(action: str) -> ActionInfo:
    """Return what is known of an action; for an unknown one, a category guessed from its name."""
    known = catalogue().get(action)
    if known is not None:
        return known
    return ActionInfo(action, _guessed_category(action), None, None, "", documented=False)


def _guessed_category(action: str) -> str:
    for vertical in _VERTICALS:
        action = action.removeprefix(vertical)
    for beginning, category in _BEGINNINGS.items():
        if action.startswith(beginning):
            return category
    words = _WORDS.findall(action)
    return words[0].lower() if words else "other"
