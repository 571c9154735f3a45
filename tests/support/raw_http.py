"""HTTP requests to a receiver byte by byte, as no well-behaved client sends them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.receiving import BODY, Receiving

KIND = b"Content-Type: application/x-protobuf\r\n"


class Wire:
    """A socket to the listener, and all that came over it."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.received = b""

    def send(self, data: bytes) -> None:
        """Write bytes as they are."""
        self.socket.sendall(data)

    def until(self, mark: bytes, count: int = 1) -> bytes:
        """Read until something came so many times."""
        while self.received.count(mark) < count:
            piece = self.socket.recv(65536)
            assert piece, self.received
            self.received += piece
        return self.received

    def rest(self) -> bytes:
        """Read until the other side closes or resets."""
        try:
            while piece := self.socket.recv(65536):
                self.received += piece
        except ConnectionResetError:
            pass
        return self.received


@contextmanager
def wire(running: Receiving) -> Iterator[Wire]:
    """Open a connection for the length of a block."""
    found = Wire(running.http_port)
    with found.socket:
        yield found


def post(body: bytes = BODY, more: bytes = b"", version: bytes = b"1.1") -> bytes:
    """Return one whole request."""
    return b"POST /v1/traces HTTP/%s\r\nHost: x\r\n%sContent-Length: %d\r\n%s\r\n%s" % (
        *(version, KIND, len(body), more, body),
    )


def chunked(body: bytes, more: bytes = b"", version: bytes = b"1.1") -> bytes:
    """Return one whole request in one chunk."""
    return (
        b"POST /v1/traces HTTP/%s\r\nHost: x\r\n%sTransfer-Encoding: chunked\r\n%s\r\n"
        b"%x\r\n%s\r\n0\r\n\r\n"
    ) % (version, KIND, more, len(body), body)
