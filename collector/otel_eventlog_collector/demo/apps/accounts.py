"""Users, passwords, one-time codes, magic links and sessions, in one SQLite file.

Both apps use it, and so do several worker processes of one app at the same moment: every call opens
its own connection. Of every secret only a hash is stored.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SCRYPT_N = 2**12
"""Work factor of a password's hash: low for a demo, where many people log in every second."""
LINK_LIFETIME_S = 900
CODE_LIFETIME_S = 300
CODE_TRIES_MAX = 3
BUSY_TIMEOUT_S = 15

_SCHEMA = """
CREATE TABLE IF NOT EXISTS users (
    id TEXT PRIMARY KEY, email TEXT UNIQUE NOT NULL, salt BLOB, password_hash BLOB,
    second_factor INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS sessions (token_hash TEXT PRIMARY KEY, user_id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS links (
    token_hash TEXT PRIMARY KEY, user_id TEXT NOT NULL, expires_at REAL NOT NULL,
    used INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS codes (
    method_id TEXT PRIMARY KEY, user_id TEXT NOT NULL, code_hash TEXT NOT NULL,
    expires_at REAL NOT NULL, tries INTEGER NOT NULL DEFAULT 0, used INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS mails (
    number INTEGER PRIMARY KEY, email TEXT NOT NULL, subject TEXT NOT NULL, text TEXT NOT NULL);
"""


class Refused(Exception):  # noqa: N818 - says what happened, as the apps' code reads best
    """Somebody was not let in: `reason` is for machines, `user_id` is there if it is known."""

    def __init__(self, reason: str, user_id: str | None = None) -> None:
        """Keep why, and who."""
        super().__init__(reason)
        self.reason = reason
        self.user_id = user_id


@dataclass(frozen=True, slots=True)
class User:
    """One account."""

    id: str
    email: str
    second_factor: bool


class Accounts:
    """The accounts of one app."""

    def __init__(self, database: Path) -> None:
        """Create the tables where they are missing."""
        self._database = database
        with self._connect() as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.executescript(_SCHEMA)

    # --- users and passwords ---------------------------------------------------------------------

    def register(self, email: str, password: str, *, second_factor: bool = False) -> User:
        """Create an account.

        Raises:
            Refused: `already_exists`.

        """
        salt = secrets.token_bytes(16)
        user = User("user-" + secrets.token_hex(6), email, second_factor)
        try:
            with self._connect() as db:
                db.execute(
                    "INSERT INTO users VALUES (?, ?, ?, ?, ?)",
                    (user.id, email, salt, _password_hash(password, salt), second_factor),
                )
        except sqlite3.IntegrityError:
            raise Refused("already_exists") from None
        return user

    def check_password(self, email: str, password: str) -> User:
        """Return whose e-mail address and password these are.

        Raises:
            Refused: `user_not_found` or `invalid_credentials`. (Tell people neither: only the event
                log should know the difference.)

        """
        with self._connect() as db:
            row = db.execute("SELECT * FROM users WHERE email = ?", (email,)).fetchone()
        if row is None or row["password_hash"] is None:
            raise Refused("user_not_found")
        if not hmac.compare_digest(_password_hash(password, row["salt"]), row["password_hash"]):
            raise Refused("invalid_credentials", row["id"])
        return _user(row)

    def find(self, email: str) -> User | None:
        """Return the user of an e-mail address, if there is one."""
        with self._connect() as db:
            row = db.execute("SELECT * FROM users WHERE email = ?", (email,)).fetchone()
        return _user(row) if row else None

    def find_or_create(self, email: str) -> User:
        """Return the user of an e-mail address; a new one has no password."""
        with self._connect() as db:
            db.execute(
                "INSERT OR IGNORE INTO users (id, email) VALUES (?, ?)",
                ("user-" + secrets.token_hex(6), email),
            )
            return _user(db.execute("SELECT * FROM users WHERE email = ?", (email,)).fetchone())

    # --- sessions --------------------------------------------------------------------------------

    def open_session(self, user: User) -> str:
        """Return the token of a new session."""
        token = secrets.token_urlsafe(24)
        with self._connect() as db:
            db.execute("INSERT INTO sessions VALUES (?, ?)", (_token_hash(token), user.id))
        return token

    def check_session(self, token: str | None) -> User:
        """Return whose session this is.

        Raises:
            Refused: `session_not_found`.

        """
        with self._connect() as db:
            row = db.execute(
                "SELECT users.* FROM users JOIN sessions ON user_id = id WHERE token_hash = ?",
                (_token_hash(token or ""),),
            ).fetchone()
        if row is None:
            raise Refused("session_not_found")
        return _user(row)

    def close_session(self, token: str | None) -> User:
        """End a session and return whose it was.

        Raises:
            Refused: `session_not_found`.

        """
        user = self.check_session(token)
        with self._connect() as db:
            db.execute("DELETE FROM sessions WHERE token_hash = ?", (_token_hash(token or ""),))
        return user

    # --- magic links and one-time codes ----------------------------------------------------------

    def new_link(self, user: User, lifetime_s: float = LINK_LIFETIME_S) -> str:
        """Return the token of a new magic link."""
        token = secrets.token_urlsafe(24)
        with self._connect() as db:
            db.execute(
                "INSERT INTO links (token_hash, user_id, expires_at) VALUES (?, ?, ?)",
                (_token_hash(token), user.id, time.time() + lifetime_s),
            )
        return token

    def use_link(self, token: str) -> User:
        """Return whom a magic link lets in; it does so once.

        Raises:
            Refused: `invalid_token`, `already_used` or `expired`.

        """
        with self._connect() as db:
            link = db.execute(
                "SELECT * FROM links WHERE token_hash = ?", (_token_hash(token),)
            ).fetchone()
            if link is None:
                raise Refused("invalid_token")
            if link["used"]:
                raise Refused("already_used", link["user_id"])
            if link["expires_at"] < time.time():
                raise Refused("expired", link["user_id"])
            db.execute("UPDATE links SET used = 1 WHERE token_hash = ?", (link["token_hash"],))
            return _user(self._by_id(db, link["user_id"]))

    def new_code(self, user: User) -> tuple[str, str]:
        """Return the method id and the six digits of a new one-time code."""
        method_id, code = "code-" + secrets.token_hex(6), f"{secrets.randbelow(10**6):06d}"
        with self._connect() as db:
            db.execute(
                "INSERT INTO codes (method_id, user_id, code_hash, expires_at) VALUES (?, ?, ?, ?)",
                (method_id, user.id, _token_hash(code), time.time() + CODE_LIFETIME_S),
            )
        return method_id, code

    def use_code(self, method_id: str, code: str) -> User:
        """Return whom a one-time code lets in; it does so once.

        Raises:
            Refused: `invalid_code`, `expired`, or `rate_limited` after CODE_TRIES_MAX wrong codes.

        """
        with self._connect() as db:
            row = db.execute("SELECT * FROM codes WHERE method_id = ?", (method_id,)).fetchone()
            if row is None or row["used"]:
                raise Refused("invalid_code")
            if row["tries"] >= CODE_TRIES_MAX:
                raise Refused("rate_limited", row["user_id"])
            if row["expires_at"] < time.time():
                raise Refused("expired", row["user_id"])
            right = hmac.compare_digest(_token_hash(code), row["code_hash"])
            db.execute(
                "UPDATE codes SET used = used + ?, tries = tries + ? WHERE method_id = ?",
                (right, not right, method_id),
            )
            user = _user(self._by_id(db, row["user_id"]))
        if not right:
            raise Refused("invalid_code", user.id)
        return user

    # --- mail: kept where the recipient can read it over HTTP ------------------------------------

    def send_mail(self, email: str, subject: str, text: str) -> None:
        """Put a mail into somebody's mailbox."""
        with self._connect() as db:
            db.execute(
                "INSERT INTO mails (email, subject, text) VALUES (?, ?, ?)", (email, subject, text)
            )

    def mailbox(self, email: str) -> list[dict[str, str]]:
        """Return somebody's mails, the newest first."""
        with self._connect() as db:
            rows = db.execute(
                "SELECT subject, text FROM mails WHERE email = ? ORDER BY number DESC", (email,)
            ).fetchall()
        return [dict(row) for row in rows]

    # --- the database ----------------------------------------------------------------------------

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self._database, timeout=BUSY_TIMEOUT_S)
        db.row_factory = sqlite3.Row
        try:
            with db:  # commits, or rolls back when an exception passes
                yield db
        finally:
            db.close()

    @staticmethod
    def _by_id(db: sqlite3.Connection, user_id: str) -> sqlite3.Row:
        row: sqlite3.Row = db.execute("SELECT * FROM users WHERE id = ?", (user_id,)).fetchone()
        return row


def _user(row: sqlite3.Row) -> User:
    return User(row["id"], row["email"], bool(row["second_factor"]))


def _password_hash(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=SCRYPT_N, r=8, p=1)


def _token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
