"""Finding a secret in an event log, also where it is only thinly disguised."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from urllib.parse import quote, quote_plus

from otel_eventlog.model import EventLog

_DIGEST_CHARS = 16
"""Enough of a hash to recognise it by, should it have been cut."""


def find_secret(event: EventLog, secret: str) -> str | None:
    """Return where in an event log a secret is; None if nowhere.

    Raises:
        ValueError: the secret is empty.

    """
    if not secret:
        msg = "an empty secret is everywhere: name the one that the test used"
        raise ValueError(msg)
    disguises = {text.lower() for text in _disguises(secret)}
    for field in fields(event):
        for where, text in _texts(getattr(event, field.name), field.name):
            if secret in text or any(disguise in text.lower() for disguise in disguises):
                return repr(where)
    return None


def _disguises(secret: str) -> Iterator[str]:
    raw = secret.encode(errors="surrogatepass")
    yield from (quote(raw, safe=""), quote(raw), quote_plus(raw), raw.hex())
    yield base64.b64encode(raw).decode().rstrip("=")
    yield base64.urlsafe_b64encode(raw).decode().rstrip("=")
    for name in ("md5", "sha1", "sha256", "sha512"):
        yield hashlib.new(name, raw, usedforsecurity=False).hexdigest()[:_DIGEST_CHARS]


def _texts(value: object, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield where, str(key)
            yield from _texts(item, f"{where}[{key}]")
    elif isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        for item in value:
            yield from _texts(item, where)
    elif value is not None:
        yield where, str(value)
