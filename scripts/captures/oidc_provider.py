"""A small OpenID provider on the loopback, for programs that let users sign in with one.

It asks nobody anything: a code of "for-<name>" is good and stands for <name>@example.com, every
other code is refused. Its access token is the name.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

_GOOD = "for-"


class OidcProvider:
    """Listens on a free port of the loopback until the process ends."""

    def __init__(self) -> None:
        """Start to listen."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @staticmethod
    def code(name: str) -> str:
        """Return a code that the provider will take."""
        return _GOOD + name

    def _configuration(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/jwks",
            "scopes_supported": ["openid", "email", "profile"],
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/.well-known/openid-configuration":
                    self._answer(200, provider._configuration())
                elif self.path == "/userinfo":
                    name = self.headers.get("Authorization", "").removeprefix("Bearer ")
                    claims = {"sub": name, "name": name, "email": f"{name}@example.com"}
                    self._answer(200, {**claims, "email_verified": True})
                else:
                    self._answer(404, {})

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", "0"))
                form = parse_qs(self.rfile.read(length).decode())
                code = form.get("code", [""])[0]
                if code.startswith(_GOOD):
                    token = {"access_token": code.removeprefix(_GOOD), "token_type": "Bearer"}
                    self._answer(200, {**token, "expires_in": 3600})
                else:
                    self._answer(400, {"error": "invalid_grant"})

            def _answer(self, status: int, body: dict[str, Any]) -> None:
                raw = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: Any) -> None:
                """Stay quiet."""

        return Handler
