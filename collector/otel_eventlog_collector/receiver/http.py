"""The OTLP/HTTP listener: binds, accepts, stops. What a connection does is `http_connection`."""

from __future__ import annotations

import asyncio
import ssl

from otel_eventlog_collector.asgi_server import bind
from otel_eventlog_collector.limits import CONNECTIONS_BACKLOG, CONNECTIONS_MAX, HEADER_TIMEOUT_S
from otel_eventlog_collector.receiver.http_connection import HttpConnection
from otel_eventlog_collector.receiver.http_connections import Connections
from otel_eventlog_collector.receiver.intake import Intake

_NAME = "otlp-http"


class HttpReceiver:
    """The OTLP/HTTP listener.

    Args:
        intake: what the bytes are given to.
        host: address or name to bind.
        port: port to bind; 0 picks a free one.
        connections_max: open connections; further ones are told 503 and closed.
        tls: what the listener speaks TLS with; None for plain text.

    """

    def __init__(
        self,
        intake: Intake,
        host: str,
        port: int,
        *,
        connections_max: int = CONNECTIONS_MAX,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Prepare; nothing is bound yet."""
        self._intake = intake
        self._host = host
        self._port = port
        self._connections_max = connections_max
        self._tls = tls
        self._connections: Connections | None = None
        self._server: asyncio.Server | None = None

    async def start(self) -> tuple[str, int]:
        """Listen; return the bound address and port.

        Raises:
            ConfigError: the address cannot be bound.

        """
        bound = bind(self._host, self._port, _NAME)
        address: tuple[str, int] = bound.getsockname()[:2]
        connections = self._connections = Connections(self._intake, self._connections_max)
        self._server = await asyncio.get_running_loop().create_server(
            lambda: HttpConnection(connections),
            sock=bound,
            backlog=CONNECTIONS_BACKLOG,
            ssl=self._tls,
            ssl_handshake_timeout=HEADER_TIMEOUT_S if self._tls else None,
        )
        return address

    async def stop(self, grace_s: float) -> None:
        """Accept nothing more, let requests end for `grace_s` seconds, then cancel them."""
        server, self._server = self._server, None
        if server is None or self._connections is None:
            return
        server.close()
        await self._connections.stop(grace_s)
