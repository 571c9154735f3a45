"""A stand-in for a vendor's API: a real HTTP server on loopback, reached by the vendor's name.

StandIn               answers every request as it was told to, and remembers what was asked
names_on_loopback     every host name is this machine: the spans carry the vendor's own host
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from unittest import mock


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: its method, and its path without the query."""

    method: str
    path: str


class StandIn:
    """Listens on a free port of the loopback while used in `with`.

    Attributes:
        port: where it listens.
        asked: what was asked, in order of arrival.

    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._status, self._body = 200, b"{}"
        self._others: dict[str, bytes] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, status: int, body: Any) -> None:
        """Answer with this from now on, and forget what was asked."""
        self._status, self._body = status, json.dumps(body).encode()
        self.asked.clear()

    def answer_agent(self, agent: str, body: Any) -> None:
        """Answer a user agent that begins with this always in the same way, and do not count it."""
        self._others[agent] = json.dumps(body).encode()

    def _reply(self, method: str, path: str, agent: str) -> tuple[int, bytes]:
        for beginning, body in self._others.items():
            if agent.startswith(beginning):
                return 200, body
        self.asked.append(Asked(method, path.partition("?")[0]))
        return self._status, self._body

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", "0")))
                status, body = stand_in._reply(
                    self.command, self.path, self.headers.get("User-Agent", "")
                )
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - http.server's names

            def log_message(self, *_: Any) -> None:
                """Stay quiet."""

        return Handler


def free_port() -> int:
    """Return a port of the loopback where nobody listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def names_on_loopback() -> Iterator[None]:
    """Resolve every host name to this machine: no request can leave it, whatever it is called."""
    real = socket.getaddrinfo

    def resolve(host: Any, port: Any, *more: Any, **options: Any) -> Any:
        del host
        return real("127.0.0.1", port, *more, **options)

    with mock.patch.object(socket, "getaddrinfo", resolve):
        yield
