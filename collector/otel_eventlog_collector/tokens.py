"""The token file: who may send, read and administer. Holds hashes only, never a token.

A token is 32 random bytes, so a plain SHA-256 of it cannot be guessed backwards; it needs no
salt and no slow hash. The file is JSON, readable by its owner only:

    {"version": 1, "tokens": [{"id", "name", "scopes", "sha256", "created", "created_by"}, …]}

An entry that was revoked keeps its names, loses its hash, and says when and by whom: that is how
a collector that did not run at the time can still record it. A running collector looks at the
file's time stamp on each use, so that a token that was revoked stops working at once.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import tempfile
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from otel_eventlog_collector.errors import ConfigError

PREFIX = "oelt_"
"""Begins every token, so that secret scanners can find one that leaked."""
TOKEN_BYTES = 32
TOKENS_MAX = 1000
REVOKED_KEPT_MAX = 200
"""Revoked entries that a file keeps, the last ones."""
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
    """One entry of the token file: everything but the token.

    Attributes:
        id: begins the hash; tells tokens apart for people.
        name: what it is for.
        scopes: what it is good for.
        sha256: hash of the token, "" once it is revoked.
        created: RFC 3339 time.
        created_by: name of the operating system's user who made it.
        revoked: RFC 3339 time; "" while it is good.
        revoked_by: as `created_by`.

    """

    id: str
    name: str
    scopes: tuple[str, ...]
    sha256: str
    created: str
    created_by: str = ""
    revoked: str = ""
    revoked_by: str = ""


def new_token(
    secret: bytes, name: str, scopes: Collection[Scope], created: str, created_by: str = ""
) -> tuple[str, Token]:
    """Return the token to hand out once, and its entry to keep.

    Args:
        secret: TOKEN_BYTES random bytes.
        name: what it is for, for people.
        scopes: at least one.
        created: RFC 3339 time.
        created_by: who makes it.

    """
    text = PREFIX + secret.hex()
    digest = _digest(text)
    entry = Token(digest[:_ID_CHARS], name, tuple(sorted(scopes)), digest, created, created_by)
    return text, entry


def revoked(entry: Token, when: str, by: str) -> Token:
    """Return the entry of a token that is good for nothing any more."""
    return replace(entry, sha256="", revoked=when, revoked_by=by)


def read_tokens(path: Path) -> tuple[Token, ...]:
    """Return the entries of a token file that are good; see `read_entries`."""
    return _good(read_entries(path))


def read_entries(path: Path) -> tuple[Token, ...]:
    """Return all entries of a token file, revoked ones included.

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


def change_tokens(path: Path, change: Callable[[tuple[Token, ...]], Sequence[Token]]) -> None:
    """Replace the entries of a token file by what `change` makes of them; makes the file if needed.

    Two commands at the same time come one after the other, so that neither undoes the other.

    Raises:
        ConfigError: the file cannot be read or written; it is as it was.

    """
    with _alone(path):
        entries = change(read_entries(path) if path.exists() else ())
        gone = [entry for entry in entries if entry.revoked]
        kept = set(gone[-REVOKED_KEPT_MAX:])
        write_tokens(path, [entry for entry in entries if not entry.revoked or entry in kept])


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(path.with_name(path.name + ".lock"), flags, 0o600)
    except OSError as error:
        raise ConfigError(
            f"{path}: the token file cannot be locked: {error.strerror}",
            hint="name a file in a directory of yours with --token-file",
        ) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


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
        self._entries = read_entries(path)
        self._tokens = _good(self._entries)
        self._stamp = self._stat()

    def _stat(self) -> tuple[int, int, int] | None:
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino

    def entries(self) -> tuple[Token, ...]:
        """Return all entries as the file has them now, revoked ones included."""
        stamp = self._stat()
        with self._lock:
            if stamp != self._stamp:
                try:
                    self._entries = read_entries(self.path)
                except ConfigError:
                    self._entries = ()
                self._tokens = _good(self._entries)
                self._stamp = stamp
            return self._entries

    def tokens(self) -> tuple[Token, ...]:
        """Return the entries that are good, as the file has them now."""
        self.entries()
        return self._tokens

    def find(self, digest: str) -> Token | None:
        """Return the good entry with this hash of a token."""
        found: Token | None = None
        for token in self.tokens():
            # Every entry is compared: how long it takes tells nothing about which one fits.
            if hmac.compare_digest(token.sha256, digest):
                found = token
        return found


def bearer_digest(authorization: str | None) -> str | None:
    """Return the hash of the token in an `Authorization` header, None where there is none."""
    kind, _, given = (authorization or "").partition(" ")
    given = given.strip()
    if kind.lower() != "bearer" or not given or len(given) > TOKEN_CHARS_MAX:
        return None
    return _digest(given)


def _good(entries: Sequence[Token]) -> tuple[Token, ...]:
    return tuple(entry for entry in entries if entry.sha256 and not entry.revoked)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _entries(content: Any) -> tuple[Token, ...]:
    if not isinstance(content, dict) or content.get("version") != _VERSION:
        raise ValueError(f'it lacks "version": {_VERSION}')
    entries = content["tokens"]
    if not isinstance(entries, list) or len(entries) > TOKENS_MAX + REVOKED_KEPT_MAX:
        raise ValueError(f'"tokens" is no list of at most {TOKENS_MAX}')
    found = []
    for entry in entries:
        scopes = tuple(str(Scope(scope)) for scope in entry["scopes"])
        text = {key: str(entry[key]) for key in ("id", "name", "sha256", "created")}
        later = {key: str(entry.get(key, "")) for key in ("created_by", "revoked", "revoked_by")}
        found.append(Token(**text, **later, scopes=scopes))
    return tuple(found)
