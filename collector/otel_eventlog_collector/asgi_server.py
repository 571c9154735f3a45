"""Run an ASGI application on uvicorn inside the running event loop, within bounds.

What uvicorn lacks is added here for every listener: a time limit and a size limit for headers
(uvicorn waits for ever and takes any size), a time limit for clients that stop reading, the bound
address before the first request, and no signal handlers, which belong to whoever owns the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import socket
import ssl
from collections.abc import Iterator
from typing import Any, TypeAlias

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from otel_eventlog_collector.errors import ConfigError
from otel_eventlog_collector.limits import (
    CONNECTIONS_BACKLOG,
    CONNECTIONS_MAX,
    HEADER_BYTES_MAX,
    HEADER_TIMEOUT_S,
    KEEP_ALIVE_S,
    STALL_TIMEOUT_S,
)

AsgiApp: TypeAlias = Any
"""An ASGI 3 application: `async (scope, receive, send)`."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """One HTTP connection whose headers must be complete in time and of a sane size."""

    _header_timer: asyncio.TimerHandle | None = None
    _header_bytes = 0
    _stall_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the time limit; it covers a client that connects and says nothing."""
        # Whatever logging is configured: addresses hold what people search for.
        self.access_log = False
        super().connection_made(transport)
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the time limits with the connection."""
        self._headers_done()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Close the connection if headers grow beyond the limit."""
        super().data_received(data)
        if self._header_timer is not None:
            self._header_bytes += len(data)
            if self._header_bytes > HEADER_BYTES_MAX:
                self.transport.close()

    def on_message_begin(self) -> None:
        """Start the time limit of the next request on a kept connection."""
        super().on_message_begin()
        self._await_headers()

    def on_headers_complete(self) -> None:
        """End the time limit: what follows is the application's to bound."""
        self._headers_done()
        super().on_headers_complete()

    def pause_writing(self) -> None:
        """Start the time limit of a client that takes nothing."""
        super().pause_writing()
        self._await_reading()

    def resume_writing(self) -> None:
        """End the time limit: the client took most of what waited."""
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None
        super().resume_writing()

    def _await_reading(self) -> None:
        waiting = self.transport.get_write_buffer_size()
        self._stall_timer = self.loop.call_later(STALL_TIMEOUT_S, self._check_reading, waiting)

    def _check_reading(self, waiting_before: int) -> None:
        """Cut off a client that took nothing since; a slow one goes on."""
        if self.transport.get_write_buffer_size() < waiting_before:
            self._await_reading()
        else:
            # Not close(), which waits until everything was taken.
            self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, or has too long an address, in the shape of the API's errors."""
        error = f"this cannot be read as HTTP ({msg.rstrip('.').lower()}); send a shorter address"
        content = {"ok": False, "error": error, "errors": [], "status": 400}
        body = json.dumps(content).encode()
        head = (
            "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _await_headers(self) -> None:
        if self._header_timer is None:
            self._header_timer = self.loop.call_later(HEADER_TIMEOUT_S, self.transport.close)

    def _headers_done(self) -> None:
        self._header_bytes = 0
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.ready.set()


class AsgiServer:
    """One listener.

    Args:
        app: the ASGI application.
        host: address or name to bind.
        port: port to bind; 0 picks a free one.
        name: what the listener is called in messages, and its option without dashes.
        connections_max: open connections; over it requests are answered 503.
        tls: what the listener speaks TLS with; None for plain text.

    """

    def __init__(
        self,
        app: AsgiApp,
        host: str,
        port: int,
        *,
        name: str,
        connections_max: int = CONNECTIONS_MAX,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Prepare; nothing is bound yet."""
        self._host = host
        self._port = port
        self._name = name
        self._config = uvicorn.Config(
            app,
            http=BoundedHttpProtocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=connections_max,
            timeout_keep_alive=KEEP_ALIVE_S,
            backlog=CONNECTIONS_BACKLOG,
        )
        self._config.load()
        self._config.ssl = tls  # uvicorn makes one of files only, and never reads them again
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> tuple[str, int]:
        """Listen; return the bound address and port.

        Raises:
            ConfigError: the address cannot be bound.

        """
        bound = bind(self._host, self._port, self._name)
        address: tuple[str, int] = bound.getsockname()[:2]
        self._server = _Server(self._config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[bound]))
        ready = asyncio.create_task(self._server.ready.wait())
        await asyncio.wait({ready, self._serving}, return_when=asyncio.FIRST_COMPLETED)
        if self._serving.done():
            ready.cancel()
            bound.close()
            await self._serving
        return address

    async def stop(self, grace_s: float) -> None:
        """Accept nothing more, let requests end for `grace_s` seconds, then cancel them."""
        server, serving = self._server, self._serving
        if server is None or serving is None:
            return
        self._server = self._serving = None
        self._config.timeout_graceful_shutdown = max(1, math.ceil(grace_s))
        server.should_exit = True
        await serving


def bind(host: str, port: int, name: str) -> socket.socket:
    """Return a socket that listens.

    Args:
        host: address or name to bind.
        port: port to bind; 0 picks a free one.
        name: the listener's, for messages: its option without dashes.

    Raises:
        ConfigError: the address cannot be had.

    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # The protocol is named because asyncio sets TCP_NODELAY only on sockets that say TCP;
        # without it each answer waits some 40 ms for the client's delayed acknowledgement.
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise cannot_bind(name, host, port, error) from error
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        # uvicorn only starts to accept later; a port that is taken may show at listen() alone.
        bound.listen(CONNECTIONS_BACKLOG)
    except OSError as error:
        bound.close()
        raise cannot_bind(name, host, port, error) from error
    bound.setblocking(False)
    return bound


def cannot_bind(name: str, host: str, port: int, error: object) -> ConfigError:
    """Return the error for an address that a listener cannot have."""
    reason = getattr(error, "strerror", None) or error
    return ConfigError(
        f"{name}: cannot listen on {host}:{port}: {reason}",
        hint=f"stop what uses the port, or choose another with --{name} HOST:PORT (0 = any free)",
    )
