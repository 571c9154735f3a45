"""Who may ask: the Host header, bearer tokens, and the headers that keep browsers safe.

A page of some other site, open in the browser of somebody who runs a collector, must not read
from it. Without CORS headers the browser hides the answers; the Host check defeats DNS rebinding,
where the other site's name is pointed at this machine.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from otel_eventlog_collector.api.errors import error_response
from otel_eventlog_collector.tokens import Scope as TokenScope
from otel_eventlog_collector.tokens import TokenFile

OPEN_PATHS = frozenset({"/healthz", "/readyz"})
"""For load balancers and supervisors: no Host check, no token, and nothing told in return."""

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
        tokens: the token file, or None when nobody needs a token.

    """

    hosts: frozenset[str] = frozenset()
    any_address: bool = False
    tokens: TokenFile | None = None

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


class AccessMiddleware:
    """Checks each request before any handler sees it, and adds the security headers."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an allowed request on; answer any other one."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(scope["path"], Headers(scope=scope))
        await (refusal or self._app)(scope, receive, send_with_headers)

    def _refusal(self, path: str, headers: Headers) -> ASGIApp | None:
        if path in OPEN_PATHS:
            return None
        host = headers.get("host")
        if not self._access.allows_host(host):
            return error_response(
                421,
                f"the Host header {(host or '')[:64]!r} is not a name of this collector; start it "
                "with --allowed-host NAME if it is one",
            )
        tokens = self._access.tokens
        if tokens is None or not _needs_token(path):
            return None
        allowed = tokens.allows(headers.get("authorization"), TokenScope.READ)
        if allowed is None:
            return error_response(
                401,
                "a token is needed: send the header `Authorization: Bearer TOKEN` with a token of "
                "scope read (otel-eventlog token create --scope read)",
                headers={"WWW-Authenticate": 'Bearer realm="otel-eventlog"'},
            )
        if not allowed:
            return error_response(403, "this token lacks the scope read; use one that has it")
        return None


def _needs_token(path: str) -> bool:
    """Tell what is worth protecting: everything but the page itself, which holds no data."""
    return path.startswith("/api/") or path == "/metrics"
