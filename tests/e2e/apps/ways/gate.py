"""Lets a test hold a request in the middle: the handler goes on when the test says so."""

import os
import socket

WAIT_S_MAX = 60


def wait_at_gate() -> None:
    """Tell the test that the request is here, and wait until it closes the connection."""
    address = ("127.0.0.1", int(os.environ["GATE"]))
    with socket.create_connection(address, timeout=WAIT_S_MAX) as gate:
        gate.recv(1)
