"""Many watchers, and watchers that stop reading: complete for those who read, bounded for all."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from otel_eventlog.model import EventLog
from otel_eventlog_collector import asgi_server
from otel_eventlog_collector.api.stream import PORTION_CHARS_MAX
from otel_eventlog_collector.query import EventQuery, TailBatch
from tests.support.builders import NOW, event_log
from tests.support.crowd import some_requests
from tests.support.service import RunningService, running_service
from tests.support.waiting import eventually

PATH = "/api/v1/events/stream"
WATCHERS = 200
STALLED = 20
SOCKET_BYTES_MAX = 4 * 1024 * 1024
"""More than both kernel buffers of a connection hold."""


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningService]:
    """An empty collector."""
    with running_service(tmp_path / "data") as running:
        yield running


class Counting:
    """The store, counting how often the tail reads it."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self.readings = 0

    def tail(self, position: str, query: EventQuery, limit: int) -> TailBatch:
        """Count, then read."""
        self.readings += 1
        found: TailBatch = self._reader.tail(position, query, limit)
        return found

    def position(self) -> str:
        """Ask the store."""
        return str(self._reader.position())


async def watch(url: str, wanted: int, started: asyncio.Semaphore, query: str = "") -> list[str]:
    """Follow over a raw socket until so many event logs came; return their ids."""
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port, limit=2**20)
    writer.write(f"GET {PATH}{query} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    found: list[str] = []
    try:
        while len(found) < wanted:
            line = (await asyncio.wait_for(reader.readline(), 60)).decode()
            assert line, "the stream ended"
            if line.startswith("event: ready"):
                started.release()
            elif line.startswith("data: {") and "event_id" in line:
                found.append(json.loads(line[6:])["event_id"])
    finally:
        writer.close()
    return found


def ids(events: list[EventLog]) -> list[str]:
    """Return the ids of event logs."""
    return [event.event_id for event in events]


@pytest.mark.slow
def test_hundreds_of_watchers_see_everything_once(running: RunningService) -> None:
    """Each of them gets every event log once and in order, and they share the readings."""
    counting = Counting(running.service._tail._reader)
    running.service._tail._reader = counting  # type: ignore[assignment]
    events = some_requests(100)

    async def all_of_them() -> list[list[str]]:
        started = asyncio.Semaphore(0)
        watchers = [
            asyncio.create_task(watch(running.url, len(events), started)) for _ in range(WATCHERS)
        ]
        for _ in range(WATCHERS):
            await asyncio.wait_for(started.acquire(), 60)
        counting.readings = 0
        for begin in range(0, len(events), 20):
            await asyncio.to_thread(running.write, events[begin : begin + 20])
            await asyncio.sleep(0.05)
        return await asyncio.gather(*watchers)

    found = asyncio.run(all_of_them())
    assert found == [ids(events)] * WATCHERS
    # One reading for each would be some two thousand.
    assert counting.readings < WATCHERS
    assert eventually(lambda: running.service._tail.watchers == 0)


def test_watchers_with_filters_of_their_own_see_their_own(running: RunningService) -> None:
    """Readings are shared only by those who ask the same."""
    events = some_requests(60)
    users = ("u-1", "u-2", "u-3")
    wanted = [[e.event_id for e in events if e.user_id == user] for user in users]

    async def all_of_them() -> list[list[str]]:
        started = asyncio.Semaphore(0)
        watchers = [
            asyncio.create_task(watch(running.url, len(mine), started, f"?user_id={user}"))
            for user, mine in zip(users, wanted, strict=True)
            for _ in range(10)
        ]
        for _ in watchers:
            await started.acquire()
        await asyncio.to_thread(running.write, events)
        return await asyncio.gather(*watchers)

    assert asyncio.run(all_of_them()) == [mine for mine in wanted for _ in range(10)]


def stalled(url: str) -> socket.socket:
    """Ask for the stream and never read it."""
    place = urlsplit(url)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((place.hostname, place.port))
    connection.sendall(f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return connection


def buffered(running: RunningService) -> list[int]:
    """Return how many bytes wait for each connection of the listener."""
    server = running.service._http._server
    assert server is not None
    return [
        connection.transport.get_write_buffer_size()
        for connection in list(server.server_state.connections)
        if connection.transport is not None
    ]


@pytest.mark.slow
def test_watchers_that_stop_reading_cost_little_and_are_cut(
    running: RunningService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others are served meanwhile; who is cut comes back and misses and repeats nothing."""
    monkeypatch.setattr(asgi_server, "STALL_TIMEOUT_S", 2)
    note = "x" * 7000
    events = [
        event_log(
            span_id=number,
            start_unix_nano=NOW + number,
            time_unix_nano=NOW + number,
            attributes={"note": note},
        )
        for number in range(1, 1001)
    ]
    assert len(note) * len(events) > SOCKET_BYTES_MAX
    connections = [stalled(running.url) for _ in range(STALLED)]
    tail = running.service._tail
    assert eventually(lambda: tail.watchers == STALLED)
    most = 0

    async def one_that_reads() -> list[str]:
        nonlocal most
        started = asyncio.Semaphore(0)
        reading = asyncio.create_task(watch(running.url, len(events), started))
        await started.acquire()
        for begin in range(0, len(events), 100):
            await asyncio.to_thread(running.write, events[begin : begin + 100])
            most = max(most, *buffered(running))
            await asyncio.sleep(0.05)
        return await reading

    assert asyncio.run(one_that_reads()) == ids(events)
    assert most <= 1024 * 1024
    shared = [each.portion.result().text for each in tail._shared.values() if each.portion.done()]
    assert max(map(len, shared)) < PORTION_CHARS_MAX + 20_000
    assert eventually(lambda: tail.watchers == 0, within_s=30), "the stalled ones were not cut"
    assert running.get("status")["store"]["events"] == len(events)
    found, position = read_to_the_end(connections[0])
    assert found == ids(events)[: len(found)]
    assert len(found) < len(events)
    rest = asyncio.run(
        watch(
            running.url,
            len(events) - len(found),
            asyncio.Semaphore(0),
            f"?last_event_id={position}",
        )
    )
    assert found + rest == ids(events)
    for connection in connections:
        connection.close()


def read_to_the_end(connection: socket.socket) -> tuple[list[str], str]:
    """Read what a cut connection still holds; return the ids of whole messages, the last position.

    A message that was cut in the middle counts as not received.
    """
    connection.settimeout(10)
    data = b""
    try:
        while part := connection.recv(65536):
            data += part
    except OSError:
        pass
    text = data.partition(b"\r\n\r\n")[2].decode("utf-8", "replace")
    found: list[str] = []
    position = ""
    for message in text.split("\n\n")[:-1]:
        fields = dict(
            line.split(": ", 1)
            for line in message.replace("\r\n", "\n").split("\n")
            if ": " in line
        )
        if "event" in fields:
            position = fields["id"]
        elif "data" in fields:
            found.append(json.loads(fields["data"])["event_id"])
            position = fields["id"]
    return found, position
