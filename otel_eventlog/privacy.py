"""What may leave: an allow-list, keyed hashes, and blocks that no rule can lift.

Only the fields of an event log and the attributes that a rule names are ever taken over. Of these,
names that promise a secret are refused, and free text is scrubbed of anything that looks like one.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from otel_eventlog.limits import (
    ERROR_MESSAGE_CHARS_MAX,
    IDENTIFIER_CHARS_MAX,
    INT64_MAX,
    INT64_MIN,
    KEPT_ATTRIBUTES_MAX,
    KEPT_SEQUENCE_ITEMS_MAX,
    TEXT_CHARS_MAX,
)
from otel_eventlog.model import AttributeValue

_BLOCKED_NAME = re.compile(
    r"""pass(word|wd|phrase|code) | secret | token | cookie | authorization | credential
      | api[-_.]?key | private[-_.]?key | (^|[._-])(otp|pin|code|jwt|bearer|assertion)($|[._-])
      | (^|[._-])query($|[._-]) | ^url\.full$ | ^http\.(url|target)$ | ^url\.(path|query)$
    """,
    re.VERBOSE | re.IGNORECASE,
)
# Status codes and counts carry "code" in their names and no secret.
_HARMLESS_NAME = re.compile(
    r"(status|error|country|language|reason)[-_.]?code$|_hash$", re.IGNORECASE
)

_SCRUBBED = "[redacted]"
_SECRET_TEXT = re.compile(
    r"""eyJ[\w-]{5,}\.[\w-]+(\.[\w-]*)?                       # JSON Web Token
      | \b(bearer|basic|digest)\s+[\w.~+/=-]{6,}              # authorization header
      | \b[\w.+-]{1,64}@[\w-]{1,63}(\.[\w-]{1,63})+           # e-mail address
      | (?<![\w-])\+?\d(?:[ -]?\d){11,18}(?![\w-])            # card-like or phone-like digits
      | [?&][\w.\[\]%-]{1,64}=[^&\s'"]*                       # query parameters
      | \b(pass(?:word|wd)?|secret|token|code|otp|pin|api[_-]?key|cookie)\b\s*[=:]\s*\S+
      | (?<![\w-])(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{24,}(?![\w-])  # long random words
    """,
    re.VERBOSE | re.IGNORECASE,
)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_CORRELATION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/+=-]*")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_HASH_HEX_CHARS = 32
"""128 bits of HMAC-SHA256: no collision among 2**50 values, half the room of the whole."""


def clean_text(value: object, chars_max: int = TEXT_CHARS_MAX) -> str | None:
    """Return text that every database, terminal and JSON parser takes; None for no text.

    Cut to `chars_max`; lone surrogates and NUL become U+FFFD.
    """
    if not isinstance(value, str) or not value:
        return None
    text = value[:chars_max]
    if text.isascii() and "\0" not in text:
        return text
    return _UNSTORABLE.sub("\ufffd", text)


def valid_correlation_id(value: object) -> str | None:
    """Return a caller's `X-Request-Id` if it is harmless: at most 128 plain characters."""
    if not isinstance(value, str) or not 1 <= len(value) <= IDENTIFIER_CHARS_MAX:
        return None
    return value if _CORRELATION_ID.fullmatch(value) else None


def is_blocked_name(name: str) -> bool:
    """Whether an attribute of this name may never be kept, whatever a rule says."""
    return bool(_BLOCKED_NAME.search(name)) and not _HARMLESS_NAME.search(name)


def scrub(text: object, chars_max: int = ERROR_MESSAGE_CHARS_MAX) -> str | None:
    """Return free text without anything that looks like a secret or a person's address.

    Looks at no more than four times `chars_max` characters, so the cost is bounded too.
    """
    text = clean_text(text, 4 * chars_max)
    if text is None:
        return None
    return _SECRET_TEXT.sub(_keep_uuids, text)[:chars_max]


def _keep_uuids(found: re.Match[str]) -> str:
    return found.group() if _UUID.fullmatch(found.group()) else _SCRUBBED


@dataclass(frozen=True, slots=True)
class Privacy:
    """The configured part of privacy.

    Attributes:
        hash_key: key of all hashes; without it what would be hashed is left out (never unkeyed).
        hash_client_address: replace client addresses by their keyed hash.
        hash_identifiers: replace user ids that are e-mail addresses or phone numbers.

    """

    hash_key: bytes | None = None
    hash_client_address: bool = False
    hash_identifiers: bool = False

    def keyed_hash(self, text: str | None) -> str | None:
        """Return the HMAC-SHA256 of a text as 32 hex digits; None without a key."""
        if text is None or self.hash_key is None:
            return None
        digest = hmac.new(self.hash_key, text.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return digest.hexdigest()[:_HASH_HEX_CHARS]

    def client_address(self, value: object) -> str | None:
        """Return a client's address, hashed where configured."""
        text = clean_text(value, IDENTIFIER_CHARS_MAX)
        return self.keyed_hash(text) if self.hash_client_address else text

    def identifier(self, value: object) -> str | None:
        """Return a user's id, hashed where configured and it is an e-mail address or phone."""
        text = clean_text(value, TEXT_CHARS_MAX)
        if text is not None and self.hash_identifiers and _is_contact(text):
            return self.keyed_hash(text.lower())
        return text

    def kept(
        self, names: Sequence[str], attributes: Mapping[str, AttributeValue]
    ) -> dict[str, AttributeValue]:
        """Return the attributes that a rule keeps, bounded, cleaned and without secrets."""
        kept: dict[str, AttributeValue] = {}
        for name in names[:KEPT_ATTRIBUTES_MAX]:
            if name in attributes and not is_blocked_name(name):
                value = clean_value(attributes[name])
                if value is not None:
                    kept[name] = value
        return kept


def clean_value(value: object) -> AttributeValue | None:
    """Return an attribute value scrubbed and within limits; None if nothing of it may stay."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if INT64_MIN <= value <= INT64_MAX else str(value)[:TEXT_CHARS_MAX]
    if isinstance(value, float):
        return value if value - value == 0 else str(value)  # NaN and infinities as text
    if isinstance(value, str):
        return scrub(value, TEXT_CHARS_MAX) or ""
    if isinstance(value, (list, tuple)):
        items = [clean_value(item) for item in value[:KEPT_SEQUENCE_ITEMS_MAX]]
        return [item for item in items if isinstance(item, (str, bool, int, float))]
    return None


def _is_contact(text: str) -> bool:
    return "@" in text or (text.startswith("+") and text[1:].replace(" ", "").isdigit())
