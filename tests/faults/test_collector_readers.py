"""Readers that are slow, or do not read at all, do not keep the write-ahead log from ending."""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.collector import serving
from tests.support.foreign_lock import is_log_free, newest_segment, read_cursor
from tests.support.oracle import Oracle
from tests.support.senders import protobuf_client

REQUESTS = 6000
BATCH = 500
WATCHERS = 20

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def asking(url: str, path: str) -> socket.socket:
    """Ask for something and read nothing of it yet; with a small buffer, so that it is felt."""
    parts = urlsplit(url)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(20)
    client.connect((parts.hostname, parts.port))
    request = f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
    client.sendall(request.encode())
    return client


def rest(client: socket.socket) -> bytes:
    """Read until the other side ends."""
    parts = []
    while part := client.recv(65536):
        parts.append(part)
    return b"".join(parts)


def test_slow_readers(tmp_path: Path) -> None:
    """An export that somebody reads slowly, and watchers that stopped: the log can be emptied."""
    oracle = Oracle()
    with ExitStack() as stack:
        collector = stack.enter_context(serving(tmp_path / "data"))
        send, close = protobuf_client(oracle, collector.otlp_http)
        stack.callback(close)
        for _ in range(REQUESTS // BATCH):
            assert send(oracle.issue(BATCH))
        segment = newest_segment(tmp_path / "data")
        export = stack.enter_context(closing(asking(collector.http, "/api/v1/export?format=jsonl")))
        begin = export.recv(4096)
        assert begin.startswith(b"HTTP/1.1 200")
        for _ in range(WATCHERS):
            watcher = asking(collector.http, "/api/v1/events/stream")
            stack.enter_context(closing(watcher))
            assert watcher.recv(12) == b"HTTP/1.1 200"
        assert send(oracle.issue(BATCH))
        assert is_log_free(segment)
        with read_cursor(segment):  # the control: what a naive export would do
            assert send(oracle.issue(BATCH))
            assert not is_log_free(segment)
        body = begin + rest(export)
    found = [
        json.loads(line)["event_id"] for line in body.decode().splitlines() if line.startswith("{")
    ]
    wanted = {key for number in range(1, REQUESTS + 1) for key in oracle.expected(number)}
    assert len(found) == len(set(found))
    assert set(found) >= wanted
