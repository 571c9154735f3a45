"""Sessions of the dashboard: a browser shows its token once and holds a session's id from then on.

The id is 32 random bytes and good only here: what a browser keeps, and what leaks from it, is not
the token. Sessions live in memory, so that a restart, a sign-out and the revocation of the token
each end them for good.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

SESSIONS_MAX = 1000
"""Open sessions; one more ends the one that was quiet the longest."""
IDLE_S = 12 * 3600.0
"""A session ends when nothing was asked for so long."""
LIFETIME_S = 7 * 86_400.0
"""A session ends so long after it was opened, whatever is asked."""
ID_BYTES = 32
COOKIE = "eventlog-session"
_COOKIE_CHARS_MAX = 8192


@dataclass(slots=True)
class _Session:
    token: str
    opened_s: float
    used_s: float


class Sessions:
    """The open sessions. Any thread may ask."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Begin with none."""
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, _Session] = OrderedDict()

    def open(self, token: str) -> str:
        """Open a session for a token that was found good; return the session's id."""
        session_id = secrets.token_urlsafe(ID_BYTES)
        now_s = self._monotonic()
        with self._lock:
            self._sessions[_digest(session_id)] = _Session(token, now_s, now_s)
            if len(self._sessions) > SESSIONS_MAX:
                self._sessions.popitem(last=False)
        return session_id

    def token(self, session_id: str) -> str | None:
        """Return the token of an open session and note its use; None if it is not open."""
        key, now_s = _digest(session_id), self._monotonic()
        with self._lock:
            session = self._sessions.get(key)
            if session is None:
                return None
            if now_s - session.used_s > IDLE_S or now_s - session.opened_s > LIFETIME_S:
                del self._sessions[key]
                return None
            session.used_s = now_s
            self._sessions.move_to_end(key)
            return session.token

    def close(self, session_id: str) -> None:
        """End a session, if it is open."""
        with self._lock:
            self._sessions.pop(_digest(session_id), None)


def cookie_name(port: int) -> str:
    """Return the name of the cookie: browsers tell hosts apart, but not the ports of one host."""
    return f"{COOKIE}-{port}"


def session_id_of(cookies: str | None, port: int) -> str:
    """Return the session's id in a `Cookie` header, "" where there is none."""
    if not cookies or len(cookies) > _COOKIE_CHARS_MAX:
        return ""
    try:
        morsel = SimpleCookie(cookies).get(cookie_name(port))
    except CookieError:
        return ""
    return morsel.value if morsel else ""


def set_cookie(session_id: str, port: int, *, secure: bool) -> str:
    """Return the `Set-Cookie` header that gives a browser a session, or with "" takes it away.

    It is sent to this host only and never along from pages of other sites, scripts cannot read it,
    and it goes when the browser closes.
    """
    ended = "" if session_id else "; Max-Age=0"
    safe = "; Secure" if secure else ""
    name = cookie_name(port)
    return f"{name}={session_id}; Path=/; HttpOnly; SameSite=Strict{safe}{ended}"


def _digest(session_id: str) -> str:
    return hashlib.sha256(session_id.encode("utf-8", "surrogateescape")).hexdigest()
