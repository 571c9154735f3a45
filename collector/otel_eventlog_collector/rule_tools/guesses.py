"""Which routes look like authentication, and which action they probably are. Pure.

The table is `guesses.tsv` beside this file: a pattern of a route in plain spelling, the methods
that attempt something there, the action; the first line that fits holds. A guess is a proposal to
a person who reads it before it becomes a rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise

from otel_eventlog.actions import catalogue, lookup

_STRONG = """
2fa 2sv access-token acs auth authenticate authentication authenticator authenticators authorize
backup-codes confirm-email forgot-password introspect jwt login login-code logoff logon logout
magic-link magic-links magiclink mfa oauth oauth2 oidc one-time-code onetimecode openid
openid-connect otp otps passcode passkey passkeys passphrase password password-reset passwordless
passwords reauthenticate recovery-codes reset-password resend-code saml saml2 sign-in sign-ins
sign-out sign-up sign-ups signin signoff signout signup slo sms-code sso step-up tfa totp
two-factor twofactor userinfo verify-email webauthn whoami
"""
_WEAK = """
activate activation callback code confirm confirmation factor factors forgot invitation invitations
invite invites magic recover recovery refresh register registration reset revoke session sessions
token tokens verification verify
"""
STRONG_WORDS = frozenset(_STRONG.split())
"""Words that mean authentication wherever they stand: a segment, or a word of one."""
WEAK_WORDS = frozenset(_WEAK.split())
"""Words that mean other things as well: they count where the table knows what to make of them."""
INSIDE_WORDS = (
    "login logout signin signup signout password passkey webauthn oauth magiclink".split()  # noqa: SIM905 - reads as a list of words
)
"""Words that count also inside of a longer one, as in `/resetmypassword`."""

WRITES = frozenset({"POST", "PUT", "PATCH"})
_METHODS = {
    "get": frozenset({"GET"}),
    "write": WRITES,
    "put": WRITES - {"POST"},
    "delete": frozenset({"DELETE"}),
}
_PROVIDERS = (
    "Amazon Apple Bitbucket Coinbase Discord Facebook Figma GitLab Github Google Hubspot Instagram "
    "LinkedIn Microsoft Salesforce Shopify Slack Snapchat Spotify Steam TikTok Twitch Twitter Yahoo"
)
PROVIDERS = {name.lower(): name for name in _PROVIDERS.split()}
_MACROS = {
    "<OAUTH>": r"/(oauth2?|oidc|openid|openidconnect|connect|o)(/v\d+)?",
    "<BEGINS>": r"(start|begin|options|challenge|init|initialize)",
    "<SENDS>": r"(send|resend|request|start|generate|challenge|create|email|sms|new)",
    "<2FA>": r"/(tf|mf|2fa|2sv|mfa|tfa|totp|twofactor|secondfactor|authenticators?|factors)",
    "<OTP>": (
        r"/([a-z]*otps?|onetime(code|password)?s?|passcodes?|passwordless"
        r"|(login|sms|email|phone)codes?)"
    ),
    "<ENDS>": r"(/{})*$",
    "<PROVIDER>": "|".join(PROVIDERS),
}
_PLACEHOLDER = "{}"
_DIALECTS = re.compile(r"\(\?P<[^)]*\)[*+]?|\{[^{}]*\}|<[^<>]*>|(?<![^/]):[A-Za-z_]\w*|\*+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NAME_CHARS_MAX = 128


@cache
def _table() -> tuple[tuple[re.Pattern[str], frozenset[str], str], ...]:
    return tuple(_lines())


def _lines() -> Iterator[tuple[re.Pattern[str], frozenset[str], str]]:
    text = (files("otel_eventlog_collector.rule_tools") / "guesses.tsv").read_text("utf-8")
    for line in text.splitlines()[1:]:
        if line and not line.startswith("#"):
            pattern, methods, action = line.split("\t")
            for macro, meaning in _MACROS.items():
                pattern = pattern.replace(macro, meaning)
            sets = (_METHODS[method] for method in methods.split())
            yield re.compile(pattern), frozenset().union(*sets), action


@dataclass(frozen=True, slots=True)
class Guess:
    """What a route probably is.

    Attributes:
        action: of the catalogue, where one fits.
        words: the words that made it look like authentication.
        is_known: whether the catalogue has the action.
        meaning: what the action is, for people; empty if its name says as much.

    """

    action: str
    words: tuple[str, ...]
    is_known: bool
    meaning: str = ""


def auth_words(route: str) -> tuple[str, ...]:
    """Return the words in a route that look like authentication, in their order."""
    found: list[str] = []
    for segment in _literals(route):
        parts = [part for part in re.split(r"[-_.~]", segment) if part]
        pairs = [f"{one}-{other}" for one, other in pairwise(parts)]
        whole = "".join(parts)
        inside = [word for word in INSIDE_WORDS if word in whole]
        for word in (whole, *pairs, *parts, *inside):
            known = word in STRONG_WORDS or word in WEAK_WORDS or word in inside
            if known and word not in found:
                found.append(word)
    return tuple(found)


def guess(method: str, route: str) -> Guess | None:
    """Return what a route probably is, None if it does not look like an authentication call."""
    words = auth_words(route)
    if not words:
        return None
    plain = plain_route(route)
    for pattern, methods, action in _table():
        if method in methods and (found := pattern.search(plain)) is not None:
            if action == "-":
                return None
            provider = PROVIDERS.get(found.group(1) or "", "") if "{Provider}" in action else ""
            name = action.replace("{Provider}", provider)
            return Guess(name, words, name in catalogue(), _meaning(name))
    if method not in WRITES or WEAK_WORDS.issuperset(words):
        return None
    return Guess(_made_up(route), words, is_known=False)


def _meaning(action: str) -> str:
    meaning = lookup(action).meaning
    return "" if meaning.replace(" ", "").lower() == action.lower() else meaning


def plain_route(route: str) -> str:
    """Return a route of any dialect in one spelling: `/auth/reset-Password/<t>` → `…/{}`."""
    bare = _DIALECTS.sub(_PLACEHOLDER, route.replace("^", "").removesuffix("$"))
    segments = (re.sub(r"[-_.~\s]", "", part).lower() for part in bare.strip("/").split("/"))
    return "/" + "/".join(_PLACEHOLDER if _PLACEHOLDER in part else part for part in segments)


def _literals(route: str) -> list[str]:
    bare = _DIALECTS.sub(_PLACEHOLDER, route.replace("^", "").removesuffix("$"))
    return [
        _CAMEL.sub("-", part).lower() for part in bare.strip("/").split("/") if "{}" not in part
    ]


def _made_up(route: str) -> str:
    """Return a CamelCase action made of a route's own words."""
    words = [word for part in _literals(route) for word in re.split(r"[^a-z0-9]+", part) if word]
    kept = [word for word in words if word not in ("api", "v1", "v2", "v3")]
    name = "".join(word.capitalize() for word in kept)[:_NAME_CHARS_MAX]
    return name if name[:1].isalpha() and len(name) > 1 else f"Auth{name}"
