"""The token file: who may send, read and administer. Holds hashes only, never a token.

A token is 32 random bytes, so a plain SHA-256 of it cannot be guessed backwards; it needs no
salt and no slow hash. The file is JSON, readable by its owner only:

    {"version": 1, "tokens": [{"id", "name", "scopes", "sha256", "created"}, …]}

A running collector looks at the file's time stamp on each use, so that a token that was revoked
stops working at once.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import tempfile
import threading
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from otel_eventlog_collector.errors import ConfigError

PREFIX = "oelt_"
"""Begins every token, so that secret scanners can find one that leaked."""
TOKEN_BYTES = 32
TOKENS_MAX = 1000
TOKEN_CHARS_MAX = 256
"""Longer ones are refused before they are hashed."""
_VERSION = 1
_ID_CHARS = 8


class Scope(StrEnum):
    """What a token is good for."""

    INGEST = "ingest"
    READ = "read"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Token:
    """One entry of the token file: everything but the token."""

    id: str
    name: str
    scopes: tuple[str, ...]
    sha256: str
    created: str


def new_token(
    secret: bytes, name: str, scopes: Collection[Scope], created: str
) -> tuple[str, Token]:
    """Return the token to hand out once, and its entry to keep.

    Args:
        secret: TOKEN_BYTES random bytes.
        name: what it is for, for people.
        scopes: at least one.
        created: RFC 3339 time.

    """
    text = PREFIX + secret.hex()
    digest = _digest(text)
    entry = Token(digest[:_ID_CHARS], name, tuple(sorted(scopes)), digest, created)
    return text, entry


def read_tokens(path: Path) -> tuple[Token, ...]:
    """Return the entries of a token file.

    Raises:
        ConfigError: the file is missing, cannot be read, or is no token file.

    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"{path}: the token file cannot be read: {error.strerror}",
            hint=f"make one: otel-eventlog token create --token-file {path}",
        ) from None
    try:
        return _entries(json.loads(raw))
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigError(
            f"{path}: is no token file: {error}",
            hint="name the file that `otel-eventlog token create` wrote",
        ) from None


def write_tokens(path: Path, tokens: Sequence[Token]) -> None:
    """Replace the token file in one step; only its owner can read it.

    Raises:
        ConfigError: the file cannot be written.

    """
    content = {"version": _VERSION, "tokens": [asdict(token) for token in tokens]}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # mkstemp makes the file with mode 0600.
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name + ".")
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(content, stream, indent=1)
            stream.write("\n")
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
    except OSError as error:
        raise ConfigError(
            f"{path}: the token file cannot be written: {error.strerror}",
            hint="name a file in a directory of yours with --token-file",
        ) from None


def has_scope(tokens: Sequence[Token], scope: Scope) -> bool:
    """Tell whether any token is good for a scope."""
    return any(scope in token.scopes for token in tokens)


class TokenFile:
    """The tokens of a running collector; read again whenever the file changes.

    Any thread may ask. A file that became unreadable lets nobody in until it is mended.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._tokens = read_tokens(path)
        self._stamp = self._stat()

    def _stat(self) -> tuple[int, int, int] | None:
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino

    def tokens(self) -> tuple[Token, ...]:
        """Return the entries as the file has them now."""
        stamp = self._stat()
        with self._lock:
            if stamp != self._stamp:
                try:
                    self._tokens = read_tokens(self.path)
                except ConfigError:
                    self._tokens = ()
                self._stamp = stamp
            return self._tokens

    def allows(self, authorization: str | None, scope: Scope) -> bool | None:
        """Judge the value of an `Authorization` header.

        Returns:
            True: a token of this scope. False: a known token without this scope. None: no token,
            or an unknown one.

        """
        kind, _, given = (authorization or "").partition(" ")
        given = given.strip()
        if kind.lower() != "bearer" or not given or len(given) > TOKEN_CHARS_MAX:
            return None
        digest = _digest(given)
        found: Token | None = None
        for token in self.tokens():
            # Every entry is compared: how long it takes tells nothing about which one fits.
            if hmac.compare_digest(token.sha256, digest):
                found = token
        return None if found is None else scope in found.scopes


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _entries(content: Any) -> tuple[Token, ...]:
    if not isinstance(content, dict) or content.get("version") != _VERSION:
        raise ValueError(f'it lacks "version": {_VERSION}')
    entries = content["tokens"]
    if not isinstance(entries, list) or len(entries) > TOKENS_MAX:
        raise ValueError(f'"tokens" is no list of at most {TOKENS_MAX}')
    found = []
    for entry in entries:
        scopes = tuple(str(Scope(scope)) for scope in entry["scopes"])
        text = {key: str(entry[key]) for key in ("id", "name", "sha256", "created")}
        found.append(Token(text["id"], text["name"], scopes, text["sha256"], text["created"]))
    return tuple(found)
