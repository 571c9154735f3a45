"""`/api/v1/session`: signing in and out of the dashboard, and who is signed in."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from otel_eventlog_collector.api.access import peer_of, refusal
from otel_eventlog_collector.api.context import context_of
from otel_eventlog_collector.api.errors import error_response
from otel_eventlog_collector.api.sessions import session_id_of, set_cookie
from otel_eventlog_collector.door import Verdict
from otel_eventlog_collector.tokens import TOKEN_CHARS_MAX, Scope, Token

BODY_BYTES_MAX = 4096
_NO_STORE = {"Cache-Control": "no-store"}


async def who(request: Request) -> Response:
    """GET /api/v1/session: whether tokens are needed here, and whose session this is."""
    access = context_of(request).access
    if access.door is None:
        return _told(tokens_required=False, token=None)
    given = access.sessions.token(session_id_of(request.headers.get("cookie"), port_of(request)))
    authorization = f"Bearer {given}" if given else request.headers.get("authorization")
    judgement = access.door.judge(authorization, Scope.READ, peer_of(request.scope))
    token = judgement.token if judgement.verdict is Verdict.ALLOWED else None
    return _told(tokens_required=True, token=token)


async def sign_in(request: Request) -> Response:
    """POST /api/v1/session: exchange a token of scope read for a session, kept in a cookie."""
    access = context_of(request).access
    if access.door is None:
        return error_response(400, "no token is needed here: nobody has to sign in")
    token = await _token_of(request)
    if token is None:
        return error_response(
            400, f'send application/json of at most {BODY_BYTES_MAX} bytes: {{"token": "…"}}'
        )
    judgement = access.door.judge(f"Bearer {token}", Scope.READ, peer_of(request.scope))
    if judgement.verdict is Verdict.UNKNOWN:
        return error_response(401, "this token is not known here: mistyped, or revoked")
    if judgement.verdict is not Verdict.ALLOWED:
        return refusal(judgement.verdict, Scope.READ)
    port = port_of(request)
    access.sessions.close(session_id_of(request.headers.get("cookie"), port))
    answer = _told(tokens_required=True, token=judgement.token)
    cookie = set_cookie(access.sessions.open(token), port, secure=_is_secure(request))
    answer.headers.append("Set-Cookie", cookie)
    return answer


async def sign_out(request: Request) -> Response:
    """DELETE /api/v1/session: end the session here and in the browser."""
    access, port = context_of(request).access, port_of(request)
    access.sessions.close(session_id_of(request.headers.get("cookie"), port))
    answer = _told(tokens_required=access.door is not None, token=None)
    answer.headers.append("Set-Cookie", set_cookie("", port, secure=_is_secure(request)))
    return answer


def port_of(request: Request) -> int:
    """Return the port on which a request came in."""
    server = request.scope.get("server")
    return int(server[1]) if server and server[1] else 0


def _told(*, tokens_required: bool, token: Token | None) -> Response:
    content = {
        "ok": True,
        "tokens_required": tokens_required,
        "signed_in": token is not None,
        "name": (token.name or None) if token else None,
        "scopes": list(token.scopes) if token else [],
    }
    return JSONResponse(content, headers=_NO_STORE)


def _is_secure(request: Request) -> bool:
    # Behind a proxy that ends TLS only the browser knows; it says so in Origin.
    origin = request.headers.get("origin", "")
    return request.url.scheme == "https" or origin.startswith("https://")


async def _token_of(request: Request) -> str | None:
    """Return the token in a body; None if there is none, or the body is no such JSON."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        return None
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > BODY_BYTES_MAX:
            return None
    try:
        content: Any = json.loads(body)
    except ValueError:
        return None
    token = content.get("token") if isinstance(content, dict) else None
    if not isinstance(token, str) or not 0 < len(token.strip()) <= TOKEN_CHARS_MAX:
        return None
    return token.strip()
