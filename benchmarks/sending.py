"""Sends prepared requests over sockets that stay open, one selector loop for all of them."""

from __future__ import annotations

import random
import selectors
import socket
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import IO

from benchmarks.messages import Message, Renewal

ANSWER_TIMEOUT_S = 20.0
PAUSE_AFTER_REFUSAL_S = 0.1
SOCKET_BUFFER_BYTES = 1024 * 1024
READ_BYTES = 65_536


@dataclass(slots=True)
class Sent:
    """What `send` did.

    Attributes:
        messages: what was sent, in turn.
        acknowledged: how often each of them was answered with 200.
        statuses: answers by HTTP status code; 0 = the connection broke.
        each: when each acknowledged request was due, in seconds of the monotonic clock, and
            how many milliseconds later its answer was there.
        seconds: from the first byte to the last answer.

    """

    messages: list[Message]
    acknowledged: list[int]
    statuses: Counter[int] = field(default_factory=Counter)
    each: list[tuple[float, float]] = field(default_factory=list)
    seconds: float = 0.0


class _Connection:
    """A socket with at most one request in flight."""

    def __init__(self, host: str) -> None:
        name, _, port = host.rpartition(":")
        self._address = (name, int(port))
        self.number: int | None = None
        """Which message is in flight."""
        self.due_s = 0.0
        self.free_from_s = 0.0
        self._rest = memoryview(b"")
        self._answer = bytearray()
        self.socket = self._open()

    def _open(self) -> socket.socket:
        opened = socket.create_connection(self._address, 10)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER_BYTES)
        opened.setblocking(False)
        return opened

    def reopen(self) -> None:
        """Begin anew after the other side has gone."""
        self.socket.close()
        self.number = None
        self._answer.clear()
        self.socket = self._open()

    def begin(self, number: int, data: bytearray, due_s: float) -> None:
        """Take a message; `push` sends it."""
        self.number, self.due_s = number, due_s
        self._rest = memoryview(data)

    def push(self) -> bool:
        """Send as much as fits; whether all of it is sent."""
        try:
            self._rest = self._rest[self.socket.send(self._rest) :]
        except BlockingIOError:
            return False
        return not self._rest

    def pull(self) -> int | None:
        """Read; the answer's HTTP status code when it is complete.

        Raises:
            ConnectionError: the other side closed the connection.

        """
        try:
            received = self.socket.recv(READ_BYTES)
        except BlockingIOError:
            return None
        if not received:
            raise ConnectionResetError("closed by the other side")
        answer = self._answer
        answer += received
        head_end = answer.find(b"\r\n\r\n")
        if head_end < 0:
            return None
        head = bytes(answer[:head_end]).lower()
        length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
        if len(answer) < head_end + 4 + int(length or 0):
            return None
        status = int(head[9:12])
        answer.clear()
        return status


class _Run:
    """One run: who is free, what is due, what came back."""

    def __init__(
        self,
        messages: list[Message],
        connections: list[_Connection],
        requests_per_s: float,
        stop: IO[str] | None,
    ) -> None:
        self.sent = Sent(messages, [0] * len(messages))
        self._waiting = deque(range(len(messages)))
        self._free = deque(connections)
        self._pace_s = 1 / requests_per_s if requests_per_s else 0.0
        self._renewal = Renewal(random.Random())
        self._selector = selectors.DefaultSelector()
        for connection in connections:
            self._selector.register(connection.socket, selectors.EVENT_READ, connection)
        if stop is not None:
            self._selector.register(stop, selectors.EVENT_READ, None)
        self._in_flight = 0
        self._next_due_s = 0.0

    def run(self, seconds: float) -> Sent:
        """Send for some seconds, then wait for what is still to be answered."""
        began_s = self._next_due_s = time.monotonic()
        until_s = began_s + seconds
        while True:
            now_s = time.monotonic()
            if now_s < until_s:
                self._begin_what_is_due(now_s)
            elif not self._in_flight or now_s > until_s + ANSWER_TIMEOUT_S:
                break
            for key, ready in self._selector.select(self._pause_s(now_s, until_s)):
                if key.data is not None:
                    self._serve(key.data, ready)
                elif until_s > now_s:
                    until_s = now_s
                    self._selector.unregister(key.fileobj)
        self.sent.seconds = time.monotonic() - began_s
        self.sent.statuses[0] += self._in_flight
        self._selector.close()
        return self.sent

    def _pause_s(self, now_s: float, until_s: float) -> float:
        """Return how long nothing but answers can happen."""
        if now_s >= until_s or not self._free:
            return 0.5
        due_s = max(self._next_due_s, self._free[0].free_from_s)
        return max(0.0, min(due_s, until_s) - now_s)

    def _begin_what_is_due(self, now_s: float) -> None:
        while self._free and self._free[0].free_from_s <= now_s:
            if self._pace_s and self._next_due_s > now_s:
                return
            connection, number = self._free.popleft(), self._waiting.popleft()
            message = self.sent.messages[number]
            self._renewal.renew(message, time.time_ns())
            due_s = self._next_due_s if self._pace_s else time.monotonic()
            self._next_due_s += self._pace_s
            connection.begin(number, message.data, due_s)
            self._in_flight += 1
            if not connection.push():
                self._watch(connection, selectors.EVENT_READ | selectors.EVENT_WRITE)

    def _watch(self, connection: _Connection, events: int) -> None:
        self._selector.modify(connection.socket, events, connection)

    def _serve(self, connection: _Connection, ready: int) -> None:
        try:
            if ready & selectors.EVENT_WRITE and connection.push():
                self._watch(connection, selectors.EVENT_READ)
            status = connection.pull() if ready & selectors.EVENT_READ else None
        except ConnectionError:
            self._selector.unregister(connection.socket)
            self._end(connection, 0)
            connection.reopen()
            self._selector.register(connection.socket, selectors.EVENT_READ, connection)
            return
        if status is not None:
            self._end(connection, status)

    def _end(self, connection: _Connection, status: int) -> None:
        number = connection.number
        if number is None:  # an idle connection was closed
            return
        now_s = time.monotonic()
        if status == 200:
            self.sent.acknowledged[number] += 1
            self.sent.each.append((connection.due_s, (now_s - connection.due_s) * 1_000))
        else:
            connection.free_from_s = now_s + PAUSE_AFTER_REFUSAL_S
        self.sent.statuses[status] += 1
        connection.number = None
        self._waiting.append(number)
        self._free.append(connection)
        self._in_flight -= 1


def send(
    messages: list[Message],
    host: str,
    connections: int,
    seconds: float,
    *,
    requests_per_s: float = 0.0,
    stop: IO[str] | None = None,
) -> Sent:
    """Send messages in turn, each renewed right before.

    Args:
        messages: what to send; more of them than connections.
        host: `name:port`.
        connections: how many.
        seconds: how long requests are begun.
        requests_per_s: pace; 0 = each connection sends as soon as it has its answer. With a
            pace, time is measured from when a request was due, not from when there was room.
        stop: when something can be read from it, no request is begun any more.

    """
    opened = [_Connection(host) for _ in range(connections)]
    try:
        return _Run(messages, opened, requests_per_s, stop).run(seconds)
    finally:
        for connection in opened:
            connection.socket.close()
