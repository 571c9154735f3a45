"""What is around the program: an OAuth provider, and a pretended security key.

Code `NAME` stands for NAME@example.com, `broken` is refused. It serves with the standard library,
which no instrumentation sees: its requests leave no spans.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import security_key


class Handler(BaseHTTPRequestHandler):
    """Gives tokens for codes, and addresses for tokens."""

    def do_POST(self) -> None:
        """Exchange a code, or use the key."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith("/key/"):
            made = {"/key/create": security_key.create, "/key/sign": security_key.sign}[self.path]
            self._answer(200, made(**json.loads(body)))
            return
        form = parse_qs(body.decode())
        (code,) = form["code"]
        if code == "broken":
            self._answer(400, {"error": "invalid_grant"})
        else:
            self._answer(200, {"access_token": code, "token_type": "bearer"})

    def do_GET(self) -> None:
        """Say who a token belongs to."""
        name = self.headers["Authorization"].removeprefix("Bearer ")
        self._answer(200, {"email": f"{name}@example.com"})

    def _answer(self, status: int, told: dict[str, Any]) -> None:
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Stay quiet."""


def start_provider() -> str:
    """Start it on a free port; return its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"
