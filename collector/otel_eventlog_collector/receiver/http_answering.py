"""The answers of one OTLP/HTTP connection: commits and refusals, in the order of the requests."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from otel_eventlog_collector.otlp.encode import Signal
from otel_eventlog_collector.receiver.http_connections import TRANSPORT, Connections
from otel_eventlog_collector.receiver.http_request import HttpRequest
from otel_eventlog_collector.receiver.intake import Accepted

_CLIENT_CLOSED_REQUEST = 499


class Answering:
    """Has requests committed one after the other, and writes what became of them.

    Args:
        connections: what the listener's connections have in common.
        transport: where the answers go.
        on_answered: called after each answer.

    Attributes:
        waiting: requests behind the one that is being committed, oldest first.
        is_last_read: no request will be added any more.
        was_cut: the last answer went to a client that may still be sending.

    """

    def __init__(
        self,
        connections: Connections,
        transport: asyncio.Transport,
        on_answered: Callable[[], None],
    ) -> None:
        """Start with nothing to answer."""
        self._connections = connections
        self._transport = transport
        self._on_answered = on_answered
        self._serving: HttpRequest | None = None
        self.waiting: deque[HttpRequest] = deque()
        self.is_last_read = False
        self.was_cut = False

    @property
    def is_busy(self) -> bool:
        """Whether an answer is still due."""
        return self._serving is not None or bool(self.waiting)

    def next(self) -> None:
        """Answer the first that waits, if it is complete and nothing else is being committed."""
        while self._serving is None and self.waiting and self.waiting[0].can_be_answered:
            request = self.waiting.popleft()
            if request.refusal is None:
                self._serving = request
                self._connections.task(self._serve(request))
            else:
                self._refuse(request)
                self._on_answered()

    def forget(self) -> None:
        """Give back what waits; the client is gone. What is being committed goes on to its end."""
        while self.waiting:
            self.left_unanswered(self.waiting.popleft())

    def left_unanswered(self, request: HttpRequest) -> None:
        """Give back a request whose client is gone."""
        request.release()
        if request.head is not None:
            self._connections.count(request, _CLIENT_CLOSED_REQUEST)

    async def _serve(self, request: HttpRequest) -> None:
        """Have one request committed, then answer it."""
        accepted = None
        try:
            accepted = await self._accept(request)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer
            request.refuse(self._connections.intake.answer(error, "receiver_http"))
        finally:
            request.release()
            self._serving = None
        if accepted is None:
            self._refuse(request)
        else:
            self._confirm(request, accepted)
        if self.waiting:
            self.next()
        self._on_answered()

    async def _accept(self, request: HttpRequest) -> Accepted:
        signal, body = request.signal, request.body
        if signal is None or body is None:
            raise AssertionError  # such a request was refused
        data = await body.whole_in_turn() if body.is_large else body.whole()
        self._connections.count_bytes(len(data))
        return await self._connections.intake.accept(signal, data, request.encoding, TRANSPORT)

    def _confirm(self, request: HttpRequest, accepted: Accepted) -> None:
        self._connections.count(request, 200)
        self._write(
            self._connections.answers.success(
                request.signal or Signal.TRACES, accepted, request.encoding, close=self._is_last
            )
        )

    def _refuse(self, request: HttpRequest) -> None:
        refusal, head = request.refusal, request.head
        if refusal is None:
            raise AssertionError  # such a request was committed
        self._connections.count(request, refusal.http_status)
        self.was_cut = request.is_cut
        self._write(
            self._connections.answers.error(
                refusal,
                request.encoding,
                close=self._is_last,
                without_body=head is not None and head.is_head,
            )
        )

    @property
    def _is_last(self) -> bool:
        """Whether no other answer will follow the one that is being written."""
        return self.is_last_read and not self.waiting

    def _write(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)
