"""What may leave: an allow-list, keyed hashes, and blocks that no rule can lift.

Only the fields of an event log and the attributes that a rule names are ever taken over. Each of
them has its cleaner (`CLEANERS`), in the application as in the collector. What is to be hashed,
and with which key, is configured (`Privacy`).
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from otel_eventlog.limits import (
    IDENTIFIER_CHARS_MAX,
    INT64_MAX,
    INT64_MIN,
    KEPT_ATTRIBUTES_MAX,
    KEPT_SEQUENCE_ITEMS_MAX,
    TEXT_CHARS_MAX,
)
from otel_eventlog.model import AttributeValue, EventLog
from otel_eventlog.redaction import (
    clean_action,
    clean_address,
    clean_identifier,
    clean_method,
    clean_name,
    clean_route,
    clean_user,
    clean_user_agent,
    clean_word,
    is_blocked_name,
    valid_correlation_id,
    valid_hash,
)
from otel_eventlog.scrubbing import REDACTED, clean_text, scrub

Cleaner = Callable[[object], str | None]


CLEANERS: Mapping[str, Cleaner] = {
    "action": clean_action,
    "category": clean_word,
    "next_step": clean_word,
    "correlation_id": valid_correlation_id,
    "flow_id": clean_identifier,
    "user_id": clean_user,
    "organization_id": clean_identifier,
    "client_id": clean_identifier,
    "auth_method": clean_word,
    "auth_factor": clean_word,
    "http_method": clean_method,
    "http_route": clean_route,
    "error_type": clean_word,
    "error_message": scrub,
    "session_token_hash": valid_hash,
    "session_jwt_hash": valid_hash,
    "client_address": clean_address,
    "user_agent": clean_user_agent,
    "message_status": clean_word,
    "project": clean_name,
    "environment": clean_name,
    "service": clean_name,
    "service_version": clean_name,
}
"""Text field of an event log → what is taken over of a text given for it. No rule lifts these."""

_EMPTY_IF_ABSENT = frozenset(
    {"action", "category", "project", "environment", "service", "service_version"}
)

HASH_KEY_BYTES_MIN = 16
"""A shorter key can be found by trying; 32 random bytes are right."""

_HASH_HEX_CHARS = 32
"""128 bits of HMAC-SHA256: no collision among 2**50 values, half the room of the whole."""

_NUMBER_BITS_MAX = 1024
"""Greater numbers have no place in an event log; these have some three hundred digits."""

_CARD_DIGITS = range(13, 20)
_PHONE = re.compile(
    r"""\+[0-9][0-9 ().-]{5,22}
      | (?=(?:[^0-9]*[0-9]){9,15}[^0-9]*\Z)\(?[0-9]{2,5}\)?[ -][0-9 -]{5,16}""",
    re.VERBOSE,
)
_BARE_PHONE = re.compile(r"[0-9]{10,15}")
_NOT_IN_A_PHONE = re.compile(r"[ ().-]")


def read_hash_keys(content: bytes) -> tuple[bytes, ...]:
    """Return the keys in the content of a key file: the current one, then the former ones.

    A file of printable characters holds a key a line; any other is one key as a whole.

    Raises:
        ValueError: a key is too short; the text says which, and what to do.

    """
    content = content.strip()
    keys = [content]
    if (
        content.isascii()
        and content.decode("ascii").replace("\n", "").replace("\r", "").isprintable()
    ):
        keys = [line.strip() for line in content.splitlines() if line.strip()] or [b""]
    for number, key in enumerate(keys, 1):
        if len(key) < HASH_KEY_BYTES_MIN:
            which = "" if len(keys) == 1 else f" as key {number}"
            raise ValueError(
                f"holds {len(key)} bytes{which}, a key needs {HASH_KEY_BYTES_MIN} or more; "
                "make one with: openssl rand -hex 32"
            )
    return tuple(keys)


def clean_event(event: EventLog) -> EventLog:
    """Clean every field of an event log that somebody else made; return it."""
    for name, clean in CLEANERS.items():
        value = getattr(event, name)
        if value:
            setattr(event, name, clean(value) or ("" if name in _EMPTY_IF_ABSENT else None))
    if event.attributes:
        event.attributes = clean_attributes(event.attributes)
    return event


def clean_attributes(kept: Mapping[str, object]) -> dict[str, AttributeValue]:
    """Return kept attributes that somebody else chose, without secrets and within limits."""
    return Privacy().attributes(kept.items())


@dataclass(frozen=True, slots=True)
class Privacy:
    """The configured part of privacy.

    Attributes:
        hash_key: key of all hashes; without it what would be hashed is left out (never unkeyed).
        hash_client_address: replace client addresses by their keyed hash.
        hash_identifiers: replace e-mail addresses and phone numbers given as ids.

    """

    hash_key: bytes | None = None
    hash_client_address: bool = False
    hash_identifiers: bool = False

    @property
    def hashes_contacts(self) -> bool:
        """Whether `hash_contacts` has anything to do."""
        return self.hash_client_address or self.hash_identifiers

    def keyed_hash(self, text: str | None) -> str | None:
        """Return the HMAC-SHA256 of a text as 32 hex digits; None without a key."""
        if text is None or self.hash_key is None:
            return None
        message = normal_form(text).encode("utf-8", "surrogatepass")
        return hmac.digest(self.hash_key, message, "sha256").hex()[:_HASH_HEX_CHARS]

    def client_address(self, value: object) -> str | None:
        """Return a client's address, hashed where configured."""
        text = clean_address(value)
        if text is None or not self.hash_client_address:
            return text
        return valid_hash(text) or self.keyed_hash(text)

    def identifier(self, text: str | None) -> str | None:
        """Return a cleaned id, hashed where configured and it is an e-mail address or phone."""
        if text is not None and self.hash_identifiers and is_contact(text):
            return self.keyed_hash(text)
        return text

    def user(self, text: str | None) -> str | None:
        """Return a cleaned user's id as `identifier` does; bare digits may be a phone's as well.

        In other ids they are a time or a number: a caller's request id often is one.
        """
        if text is not None and self.hash_identifiers and _BARE_PHONE.fullmatch(text):
            return self.keyed_hash(text)
        return self.identifier(text)

    def token_hash(self, value: object) -> str | None:
        """Return the hash of a session: what is no hash is the token itself, and is hashed."""
        text = clean_text(value, TEXT_CHARS_MAX)
        return text if text is None or valid_hash(text) else self.keyed_hash(text)

    def attributes(self, pairs: Iterable[tuple[str, object]]) -> dict[str, AttributeValue]:
        """Return the attributes to keep of those that are allowed, bounded and cleaned."""
        kept: dict[str, AttributeValue] = {}
        for name, raw in pairs:
            if len(kept) >= KEPT_ATTRIBUTES_MAX:
                break
            key = clean_text(name, IDENTIFIER_CHARS_MAX)
            if key is not None and not is_blocked_name(key):
                value = self.token_hash(raw) if key.endswith("_hash") else self.value(raw)
                if value is not None:
                    kept[key] = value
        return kept

    def kept(
        self, names: Iterable[str], attributes: Mapping[str, AttributeValue]
    ) -> dict[str, AttributeValue]:
        """Return the attributes that a rule keeps, bounded, cleaned and without secrets."""
        return self.attributes((name, attributes[name]) for name in names if name in attributes)

    def value(self, raw: object) -> AttributeValue | None:
        """Return an attribute's value, hashed where configured and it is a contact."""
        if self.hash_identifiers and isinstance(raw, str) and is_contact(raw):
            return self.keyed_hash(raw)
        return clean_value(raw)

    def hash_contacts(self, event: EventLog) -> None:
        """Do to an event log that somebody else made what is configured here."""
        if self.hash_client_address:
            event.client_address = self.client_address(event.client_address)
        if self.hash_identifiers:
            event.user_id = self.user(event.user_id)
            for name in ("organization_id", "client_id", "flow_id", "correlation_id"):
                setattr(event, name, self.identifier(getattr(event, name)))
            for name, value in event.attributes.items():
                if isinstance(value, str) and is_contact(value):
                    event.attributes = {**event.attributes, name: self.keyed_hash(value) or ""}


def clean_value(value: object) -> AttributeValue | None:
    """Return an attribute value scrubbed and within limits; None if nothing of it may stay."""
    if isinstance(value, str):
        return scrub(value, TEXT_CHARS_MAX) or ""
    if isinstance(value, (bool, int, float)):
        return _clean_number(value)
    if isinstance(value, (list, tuple)):
        # Not into what is nested: it would not be kept, and may hold itself.
        items = [
            clean_value(item)
            for item in value[:KEPT_SEQUENCE_ITEMS_MAX]
            if not isinstance(item, (list, tuple))
        ]
        return [item for item in items if isinstance(item, (str, bool, int, float))]
    return None


def _clean_number(number: float) -> AttributeValue | None:
    if not isinstance(number, int):
        return number if number - number == 0 else str(number)  # NaN and infinities as text
    if not INT64_MIN <= number <= INT64_MAX:
        # Python refuses to write out numbers of some thousand digits.
        return str(number) if number.bit_length() <= _NUMBER_BITS_MAX else None
    return REDACTED if _is_card(number) else number


def is_contact(text: str) -> bool:
    """Whether an id is an e-mail address or a phone number."""
    return "@" in text or "%40" in text or _PHONE.fullmatch(text.strip()) is not None


def normal_form(text: str) -> str:
    """Return what is hashed: contacts in one spelling, everything else as it is."""
    if "@" in text:
        return text.strip().lower()
    stripped = text.strip()
    return _NOT_IN_A_PHONE.sub("", stripped) if _PHONE.fullmatch(stripped) else text


def _is_card(number: int) -> bool:
    """Whether a number is a payment card's: its length, its first digit, its check digit."""
    if number < 10**12:
        return False
    digits = str(number)
    if len(digits) not in _CARD_DIGITS or digits[0] not in "3456":
        return False
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(doubled) + sum(map(int, digits[-1::-2]))) % 10 == 0
