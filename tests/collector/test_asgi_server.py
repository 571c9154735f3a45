"""The server of both HTTP listeners: binds at once, says where, stops in time."""

from __future__ import annotations

import asyncio
import signal
import socket
import urllib.request
from typing import Any

import pytest

from otel_eventlog_collector.asgi_server import AsgiServer
from otel_eventlog_collector.errors import ConfigError


async def hello(scope: Any, receive: Any, send: Any) -> None:
    """Answer every request alike."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


async def never(scope: Any, receive: Any, send: Any) -> None:
    """Answer no request."""
    await asyncio.Event().wait()


def fetch(port: int) -> bytes:
    """Return the body of one request."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as response:
        body: bytes = response.read()
        return body


def test_port_zero_is_bound_and_told() -> None:
    """Start returns the bound address; the server answers there, and stop closes it."""

    async def run() -> None:
        server = AsgiServer(hello, "127.0.0.1", 0, name="http")
        host, port = await server.start()
        assert host == "127.0.0.1"
        assert await asyncio.to_thread(fetch, port) == b"hello"
        await server.stop(1)
        await server.stop(1)
        with socket.socket() as free:
            assert free.connect_ex(("127.0.0.1", port))

    asyncio.run(run())


def test_a_taken_port_is_a_configuration_error() -> None:
    """The error names listener, address, reason and option; the taker is undisturbed."""

    async def run() -> None:
        first = AsgiServer(hello, "127.0.0.1", 0, name="http")
        _, port = await first.start()
        with pytest.raises(ConfigError, match=f"http: cannot listen on 127.0.0.1:{port}") as caught:
            await AsgiServer(hello, "127.0.0.1", port, name="http").start()
        assert "--http HOST:PORT" in caught.value.hint
        assert await asyncio.to_thread(fetch, port) == b"hello"
        await first.stop(1)

    asyncio.run(run())


def test_a_name_that_does_not_resolve_is_a_configuration_error() -> None:
    """A misspelt address is told as such, before anything is started."""
    with pytest.raises(ConfigError, match="cannot listen on no such host:1"):
        asyncio.run(AsgiServer(hello, "no such host", 1, name="http").start())


def test_signal_handlers_are_left_alone() -> None:
    """Signals belong to whoever owns the process."""

    async def run() -> None:
        before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        server = AsgiServer(hello, "127.0.0.1", 0, name="http")
        await server.start()
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
        await server.stop(1)

    asyncio.run(run())


def test_stop_cancels_what_does_not_end() -> None:
    """A request that never ends cannot hold up the stop beyond its grace."""

    async def run() -> None:
        server = AsgiServer(never, "127.0.0.1", 0, name="http")
        _, port = await server.start()
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await writer.drain()
        async with asyncio.timeout(8):
            await server.stop(0.1)
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)

    asyncio.run(run())
