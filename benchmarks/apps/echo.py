"""Reads whole HTTP requests and answers 200, with nothing but asyncio; prints its port first."""

from __future__ import annotations

import asyncio

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n"


class Echo(asyncio.Protocol):
    """One connection; what is read is counted, not kept."""

    def __init__(self) -> None:
        self._head = b""
        self._missing = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where answers go."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer when a request is complete; the load generator sends no two at once."""
        if self._missing:
            self._missing -= len(data)
        else:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            length = self._head[:end].lower().partition(b"content-length: ")[2]
            self._missing = int(length.partition(b"\r\n")[0]) - (len(self._head) - end - 4)
            self._head = b""
        if not self._missing and isinstance(self._transport, asyncio.WriteTransport):
            self._transport.write(ANSWER)


async def main() -> None:
    """Serve until killed."""
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
