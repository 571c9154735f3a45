"""The application side of a vendor's capture: its real SDK, calling a stand-in for the vendor.

A vendor's app.py hands `serve` a function for each call of the SDK. It gets

    POST /CALL   {"answer": [status, body, headers], "with": {...}}

runs the call in the caller's trace while the stand-in answers so, and answers with the vendor's
status and what the SDK made of it: {"raised": "AuthApiError: …"} or {"returned": "…"}. Where
"answer" is null, the vendor cannot be reached. The stand-in speaks TLS with a certificate for the
vendor's own names, and every name is resolved to this machine: the spans are those of production,
and no request leaves.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from opentelemetry import context, propagate

Call = Callable[[dict[str, Any]], object]
Answering = Callable[[str, str, bytes], tuple[int, Any, dict[str, str]]]
"""Method, path and body to status, body and headers."""
PLAUSIBLE = "(plausible)"
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Vendor:
    """The stand-in: answers every request with what it was told last."""

    def __init__(self, names: Sequence[str]) -> None:
        """Listen under these names, and be believed by this process."""
        import trustme

        self.answer: tuple[int, Any] | tuple[int, Any, dict[str, str]] | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self._say))
        self._server.daemon_threads = True
        authority = trustme.CA()
        settings = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*names).configure_cert(settings)
        self._server.socket = settings.wrap_socket(self._server.socket, server_side=True)
        trusted = Path(os.environ["DATA_DIR"]) / "ca.pem"
        authority.cert_pem.write_to_path(trusted)
        for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "AWS_CA_BUNDLE"):
            os.environ[name] = str(trusted)
        os.environ["NO_PROXY"] = "*"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._resolve_here()

    def _say(self, method: str, path: str, body: bytes) -> tuple[int, Any, dict[str, str]]:
        del method, path, body
        status, told, *headers = self.answer or (500, {})
        return status, told, headers[0] if headers else {}

    def _resolve_here(self) -> None:
        real = socket.getaddrinfo
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            nobody = probe.getsockname()[1]

        def resolve(host: Any, port: Any, *more: Any, **options: Any) -> Any:
            name = host.decode() if isinstance(host, bytes) else host
            if name in LOOPBACK:
                return real(host, port, *more, **options)
            here = self._server.server_port if self.answer is not None else nobody
            return real("127.0.0.1", here, *more, **options)

        socket.getaddrinfo = resolve


def serve(
    calls: Mapping[str, Call],
    names: Sequence[str],
    plausible: Callable[[dict[str, Any]], Any] | None = None,
) -> None:
    """Serve calls of an SDK on $PORT until the process is ended.

    Args:
        calls: what the driver may ask for, by name; each gets what it sent as "with".
        names: host names of the vendor.
        plausible: makes the body of an answer for the driver, from the same.

    """
    vendor = Vendor(names)

    def run(method: str, path: str, body: bytes) -> tuple[int, Any, dict[str, str]]:
        del method
        asked = json.loads(body)
        vendor.answer = tuple(asked["answer"]) if asked["answer"] else None
        if plausible is not None and vendor.answer is not None and vendor.answer[1] == PLAUSIBLE:
            vendor.answer = vendor.answer[0], plausible(asked["with"])
        try:
            said = {"returned": repr(calls[path.strip("/")](asked.get("with", {})))[:200]}
        except Exception as error:  # noqa: BLE001 - whatever an SDK raises is what it made of it
            said = {"raised": f"{type(error).__name__}: {error}"[:300]}
        return (vendor.answer or (502, None))[0], said, {}

    listen(run)


def listen(answer: Answering) -> None:
    """Answer on $PORT until the process is ended, each request in its caller's trace."""
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), _handler(answer)).serve_forever()


def _handler(answer: Answering) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            token = context.attach(propagate.extract(dict(self.headers.items())))
            try:
                status, said, headers = answer(self.command, self.path, body)
            finally:
                context.detach(token)
            sent = said.encode() if isinstance(said, str) else json.dumps(said).encode()
            sent = b"" if status == 204 else sent
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - http.server's names

        def log_message(self, *_: Any) -> None:
            """Stay quiet."""

    return Handler
