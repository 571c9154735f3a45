"""A cleaner for each kind of field, and names that promise a secret; no configuration, no key.

- *Words* from small vocabularies (an error type, a method): scrubbed once, then remembered.
- *Identifiers* (a user, a caller's request id): kept whole, or left out if they are a credential.
- *Routes*: kept as far as they can be part of a template.
- *Free text* (a message, a kept attribute): `scrubbing.py`.

Cheap tests come before regular expressions: this runs for every event log, in the application's
worker and where the collector takes them in.
"""

from __future__ import annotations

import re
from functools import lru_cache

from otel_eventlog.limits import IDENTIFIER_CHARS_MAX, TEXT_CHARS_MAX
from otel_eventlog.scrubbing import (
    JWT,
    PART,
    RANDOM_CHARS_MIN,
    RESET_WORD,
    SENSITIVE,
    SENSITIVE_SHORT,
    VENDOR_PREFIXES,
    WORD_RUN,
    clean_text,
    is_random,
    scrub,
)

REDACTED_SEGMENT = "{redacted}"
"""Stands in a route for a segment that is no part of a template."""

_REMEMBERED_MAX = 4096
"""Most words, routes and user agents whose cleaned form is remembered."""

_CREDENTIAL_CHARS_MIN = 40
"""So long, and random in upper and lower case: every session token, and few ids (`_LONG_ID`). The
pairwise subject that Microsoft Entra gives an application looks the same, and is left out."""

# --- names ---------------------------------------------------------------------------------------

_BLOCKED_NAME = re.compile(
    r"""pass(word(?!less)|wd|phrase|code) | (^|[._-])(pwd($|[._-])|pass$) | secret | token | cookie
      | csrf | xsrf | authorization | credential
      | (api|private|session|access|auth|signing|encryption)[-_.]?key
      | (^|[._-])(otp|totp|hotp|pin|codes?|jwt|bearer|assertion|cvv|cvc)($|[._-])
      | (?-i:[a-z](?:Otp|OTP|Pin|PIN|Codes?|Jwt|JWT|Query|Pass))(?![a-z])
      | (^|[._-])sid$ | sessionid$ | sessid$ | samlresponse | samlrequest
      | (^|[._-])query($|[._-]) | ^url\.full$ | ^http\.(url|target)$ | ^url\.(path|query)$
      | ^http\.(request|response)\.header\.(location|referer|link)$
    """,
    re.VERBOSE | re.IGNORECASE,
)
# Status codes carry "code" in their names and no secret; so does what is told of a token.
_HARMLESS_NAME = re.compile(
    r"""(status|error|country|iso|language|reason|exit|postal|zip)[-_.]?code$
      | (token|otp|code)[-_.]?(type|type[-_.]hint|method|channel|count)$
      | (token|jwt|cookie)_hash$ | ^code\.(function|namespace|file|line|column)""",
    re.VERBOSE | re.IGNORECASE,
)


@lru_cache(_REMEMBERED_MAX)
def is_blocked_name(name: str) -> bool:
    """Whether an attribute of this name may never be kept, whatever a rule says."""
    if _BLOCKED_NAME.search(name) and not _HARMLESS_NAME.search(name):
        return True
    return scrub(name, IDENTIFIER_CHARS_MAX) != name[:IDENTIFIER_CHARS_MAX]


# --- identifiers ---------------------------------------------------------------------------------

_CREDENTIAL = re.compile(
    rf"""\bbearer[\s:]+\S | \b(?:basic|digest)[\s:]+(?=\S*[\d=])\S{{6}}
       | (?:{SENSITIVE}|(?<![a-z])(?:{SENSITIVE_SHORT}))=.
       | [?&\#][\w.%-]{{1,64}}=
    """,
    re.VERBOSE | re.IGNORECASE,
)
_LONG_RUN = re.compile(rf"[A-Za-z0-9_+/=-]{{{_CREDENTIAL_CHARS_MIN},}}")
_LONG_ID = re.compile(  # an account of Ethereum, the subject that Salesforce gives
    r"0x[0-9A-Fa-f]{40}|https://[\w.-]+/id/00D[0-9A-Za-z]{12,15}/005[0-9A-Za-z]{12,15}"
)
_CORRELATION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/+=-]*")
_HOST = re.compile(r"[A-Za-z0-9_.:%/\[\]-]+")
_HASH = re.compile(r"[0-9a-f]{32,128}")


def is_credential(text: str) -> bool:
    """Whether an identifier is none but a token, a cookie or part of a query string."""
    if text.startswith(VENDOR_PREFIXES) and len(text) >= RANDOM_CHARS_MIN:
        return True
    if "eyJ" in text and JWT.search(text):
        return True
    if ("=" in text or " " in text or ":" in text) and _CREDENTIAL.search(text):
        return True
    if len(text) < _CREDENTIAL_CHARS_MIN or text.islower() or text.isupper():
        return False
    if _LONG_ID.fullmatch(text):
        return False
    return any(
        is_random(run) and not (run.islower() or run.isupper()) and any(map(str.isdigit, run))
        for run in _LONG_RUN.findall(text)
    )


def clean_identifier(value: object, chars_max: int = IDENTIFIER_CHARS_MAX) -> str | None:
    """Return an id as it is, bounded; None if it is a credential, or no text."""
    text = clean_text(value, chars_max)
    return None if text is None or is_credential(text) else text


def clean_user(value: object) -> str | None:
    """Return a user's id; it may be longer than others."""
    return clean_identifier(value, TEXT_CHARS_MAX)


@lru_cache(_REMEMBERED_MAX)
def _clean_name(text: str) -> str | None:
    return clean_identifier(text, TEXT_CHARS_MAX)


def clean_name(value: object) -> str | None:
    """Return the name or version of a service; a long hash of a commit is fine there."""
    return _clean_name(value) if isinstance(value, str) and value else None


def valid_correlation_id(value: object) -> str | None:
    """Return a caller's `X-Request-Id` if it is harmless: at most 128 plain characters."""
    if not isinstance(value, str) or not 1 <= len(value) <= IDENTIFIER_CHARS_MAX:
        return None
    return value if _CORRELATION_ID.fullmatch(value) and not is_credential(value) else None


def valid_hash(value: object) -> str | None:
    """Return a hash written as 32 to 128 hexadecimal digits; anything else may be the secret."""
    return value if isinstance(value, str) and _HASH.fullmatch(value) else None


def clean_address(value: object) -> str | None:
    """Return a client's address or host name; of several (`X-Forwarded-For`) the first."""
    text = clean_text(value, IDENTIFIER_CHARS_MAX)
    if text is None or text.replace(".", "").isdigit():
        return text
    text = text.partition(",")[0].strip()
    return text if _HOST.fullmatch(text) and not is_credential(text) else None


# --- words ---------------------------------------------------------------------------------------


@lru_cache(_REMEMBERED_MAX)
def _clean_word(text: str) -> str | None:
    return scrub(text, IDENTIFIER_CHARS_MAX)


def clean_word(value: object) -> str | None:
    """Return a word of a vocabulary, such as an error type: scrubbed, bounded, remembered."""
    if not isinstance(value, str) or not value:
        return None
    # Bounded before it is remembered; scrubbing may make it shorter, never longer than that.
    return _clean_word(value[: 2 * IDENTIFIER_CHARS_MAX])


_ACTION = re.compile(r"[A-Z][A-Za-z0-9]*")
_ACTION_PART_CHARS_MIN = 3.0
"""Names such as `M2MClientsCreate` have parts as long as this on average; tokens in mixed case have
shorter ones."""
_ACTION_DIGITS_MAX = 2


@lru_cache(_REMEMBERED_MAX)
def _clean_action(text: str) -> str | None:
    is_name = (
        _ACTION.fullmatch(text) is not None
        and len(text) <= IDENTIFIER_CHARS_MAX
        and len(text) >= _ACTION_PART_CHARS_MIN * len(PART.findall(text))
        and sum(map(str.isdigit, text)) <= _ACTION_DIGITS_MAX
    )
    return text if is_name and not is_credential(text) else _clean_word(text)


def clean_action(value: object) -> str | None:
    """Return an action: as it is if it is a name in CamelCase, else scrubbed as any word."""
    if not isinstance(value, str) or not value:
        return None
    return _clean_action(value[: 2 * IDENTIFIER_CHARS_MAX])


@lru_cache(_REMEMBERED_MAX)
def _clean_user_agent(text: str) -> str | None:
    return scrub(text, TEXT_CHARS_MAX)


def clean_user_agent(value: object) -> str | None:
    """Return a `User-Agent`, scrubbed like any text that a client may choose."""
    return _clean_user_agent(value[:TEXT_CHARS_MAX]) if isinstance(value, str) and value else None


def clean_method(value: object) -> str | None:
    """Return an HTTP method; `_OTHER`, as the convention has it, for what cannot be one."""
    if not isinstance(value, str) or not value:
        return None
    is_one = value.isascii() and value.isalpha() and len(value) <= RANDOM_CHARS_MIN
    return value if is_one else "_OTHER"


_RESET = re.compile(RESET_WORD, re.IGNORECASE)
_PLACEHOLDER = re.compile(r"[{}<>()\[\]*^$\\]|^:")
_LITERAL = re.compile(r"[A-Za-z0-9._~!:+-]*")
_DIGITS = re.compile(r"[0-9]{4}")
_LITERAL_DIGITS_MAX = 3
"""`oauth2`, `2fa`, `v1.0`: routes have few digits; codes and ids have more."""


def clean_route(value: object) -> str | None:
    """Return a route's template; a segment that can only come from a real path is replaced.

    Some frameworks report the path as the route (for what they did not find, or below a mount).
    """
    return _clean_route(value[: 2 * TEXT_CHARS_MAX]) if isinstance(value, str) and value else None


@lru_cache(_REMEMBERED_MAX)
def _clean_route(text: str) -> str | None:
    if "(?" not in text:  # which a regular expression has, and no path
        text = text.partition("?")[0].partition("#")[0]
        if "://" in text:
            text = "/" + text.partition("://")[2].partition("/")[2]
    segments = []
    follows_reset = False
    for segment in text.split("/"):
        is_kept = _is_of_template(segment) and not (follows_reset and _may_be_sent(segment))
        segments.append(segment if is_kept else REDACTED_SEGMENT)
        follows_reset = _RESET.search(segment) is not None
    return clean_text("/".join(segments))


def is_template(route: str) -> bool:
    """Whether a route has a placeholder, and so cannot be a path."""
    return any(_PLACEHOLDER.search(segment) for segment in route.split("/"))


def _may_be_sent(segment: str) -> bool:
    """Whether a segment behind `/reset/` and the like may be the token that was mailed."""
    return _PLACEHOLDER.search(segment) is None and any(map(str.isdigit, segment))


def _is_of_template(segment: str) -> bool:
    if not segment or (segment.isalpha() and len(segment) < RANDOM_CHARS_MIN):
        return True
    has_few_digits = sum(map(str.isdigit, segment)) <= _LITERAL_DIGITS_MAX
    has_random = any(map(is_random, WORD_RUN.findall(segment)))
    if _PLACEHOLDER.search(segment):  # whose name may have many short words
        return _DIGITS.search(segment) is None and (has_few_digits or not has_random)
    return has_few_digits and not has_random and _LITERAL.fullmatch(segment) is not None
