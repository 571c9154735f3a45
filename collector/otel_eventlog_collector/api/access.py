"""Who may ask: the Host header, bearer tokens, and the headers that keep browsers safe.

A page of some other site, open in the browser of somebody who runs a collector, must neither read
from it nor change anything. Without CORS headers the browser hides the answers; the Host check
defeats DNS rebinding, where the other site's name is pointed at this machine; what changes
something is refused when the browser says that it comes from elsewhere.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from otel_eventlog_collector.admin.record import Actor
from otel_eventlog_collector.api.errors import error_response
from otel_eventlog_collector.api.sessions import Sessions, session_id_of
from otel_eventlog_collector.door import Door, Verdict
from otel_eventlog_collector.metrics import Metrics
from otel_eventlog_collector.tokens import Scope as TokenScope
from otel_eventlog_collector.tokens import Token

OPEN_PATHS = frozenset({"/healthz", "/readyz"})
"""For load balancers and supervisors: no Host check, no token, and nothing told in return."""

SESSION_PATH = "/api/v1/session"
"""Where browsers sign in and out: it judges for itself."""
ACTOR = "eventlog.actor"
"""Key of the ASGI scope under which handlers find who asks."""
IS_STILL_ALLOWED = "eventlog.is_still_allowed"
"""Key of what tells whether the token of an endless answer is still good."""
TRANSPORT = "api"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_USER_AGENT_CHARS_MAX = 256

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?", re.ASCII)

SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


@dataclass(frozen=True, slots=True)
class Access:
    """What is let in.

    Attributes:
        hosts: names that the Host header may have beside this machine's own addresses.
        any_address: whether any IP address is a good Host (the listener is open to others).
        door: who judges tokens, or None when nobody needs one.
        sessions: browsers that showed their token.

    """

    hosts: frozenset[str] = frozenset()
    any_address: bool = False
    door: Door | None = None
    sessions: Sessions = field(default_factory=Sessions)

    def allows_host(self, header: str | None) -> bool:
        """Judge the value of a Host header."""
        match = _HOST.fullmatch(header or "")
        if not match:
            return False
        name = match.group(1).strip("[]").lower().rstrip(".")
        if name == "localhost" or name.endswith(".localhost") or name in self.hosts:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or self.any_address


def needed_scope(method: str, path: str) -> TokenScope | None:
    """Return what a request needs a token for; None for the page itself, which holds no data."""
    if path in OPEN_PATHS or path == SESSION_PATH:
        return None
    if not (path.startswith("/api/") or path == "/metrics"):
        return None
    return TokenScope.READ if method in SAFE_METHODS else TokenScope.ADMIN


class RevokedError(Exception):
    """The token of an answer that is still being sent was revoked."""


class AccessMiddleware:
    """Checks each request before any handler sees it, and adds the security headers."""

    def __init__(self, app: ASGIApp, access: Access, metrics: Metrics) -> None:
        self._app = app
        self._access = access
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an allowed request on; answer any other one."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        wanted = needed_scope(scope["method"], scope["path"])
        session_id = self._session_id(scope, headers)
        token, refused = self._judge(scope, headers, wanted, session_id)

        def is_still_allowed() -> bool:
            if token is None or wanted is None:
                return True
            return self._still_allows(token, wanted, session_id)

        scope[IS_STILL_ALLOWED] = is_still_allowed

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    sent.setdefault(name, value)
            elif not is_still_allowed():
                raise RevokedError
            await send(message)

        try:
            await (refused or self._app)(scope, receive, send_with_headers)
        except RevokedError:
            # Left incomplete on purpose: the connection breaks, so that nobody takes the part
            # of an export that was sent for the whole.
            return

    def _session_id(self, scope: Scope, headers: Headers) -> str:
        """Return the id of a browser's session; a token that is sent along goes before it."""
        if self._access.door is None or "authorization" in headers:
            return ""
        server = scope.get("server")
        return session_id_of(headers.get("cookie"), server[1] if server else 0)

    def _still_allows(self, token: Token, wanted: TokenScope, session_id: str) -> bool:
        """Tell whether an answer may go on: the token was not revoked, nobody signed out."""
        door, sessions = self._access.door, self._access.sessions
        if door is None or not door.still_allows(token, wanted):
            return False
        return not session_id or sessions.token(session_id) is not None

    def _judge(
        self, scope: Scope, headers: Headers, wanted: TokenScope | None, session_id: str
    ) -> tuple[Token | None, ASGIApp | None]:
        """Return the token a request was let in with, or the answer that refuses it."""
        if scope["path"] in OPEN_PATHS:
            return None, None
        host = headers.get("host")
        if not self._access.allows_host(host):
            return None, error_response(
                421,
                f"the Host header {(host or '')[:64]!r} is not a name of this collector; start it "
                "with --allowed-host NAME if it is one",
            )
        if scope["method"] not in SAFE_METHODS and _is_foreign(headers, host or ""):
            return None, error_response(
                403, "a page of another site may change nothing here; open the collector's own"
            )
        peer = peer_of(scope)
        token = None
        if self._access.door and wanted:
            given = self._access.sessions.token(session_id) if session_id else None
            authorization = f"Bearer {given}" if given else headers.get("authorization")
            judgement = self._access.door.judge(authorization, wanted, peer)
            if judgement.verdict is not Verdict.ALLOWED:
                if judgement.verdict is Verdict.UNKNOWN and session_id:
                    self._access.sessions.close(session_id)
                self._metrics.count("eventlog_access_denied_total", transport=TRANSPORT)
                return None, refusal(judgement.verdict, wanted)
            token = judgement.token
        user_agent = (headers.get("user-agent") or "")[:_USER_AGENT_CHARS_MAX] or None
        scope[ACTOR] = Actor(
            token.id if token else None, token.name or None if token else None, peer, user_agent
        )
        return token, None


def peer_of(scope: Scope) -> str:
    """Return the address from which a request came."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def refusal(verdict: Verdict, wanted: TokenScope) -> JSONResponse:
    """Return the answer to a request that is not let in."""
    make = f"otel-eventlog token create --scope {wanted}"
    if verdict is Verdict.THROTTLED:
        return error_response(
            429,
            "too many wrong tokens came from this address; wait, then send the right one",
            headers={"Retry-After": "1"},
        )
    if verdict is Verdict.LACKS_SCOPE:
        return error_response(
            403, f"this token lacks the scope {wanted}; use one that has it ({make})"
        )
    return error_response(
        401,
        "a token is needed: send the header `Authorization: Bearer TOKEN` with a token of "
        f"scope {wanted} ({make})",
        headers={"WWW-Authenticate": 'Bearer realm="otel-eventlog"'},
    )


def _is_foreign(headers: Headers, host: str) -> bool:
    """Tell whether a browser says that a request comes from a page of another site."""
    if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return True
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc.lower() != host.lower()
