"""One OTLP/HTTP request: its head, its body as it comes, or why it is refused."""

from __future__ import annotations

from otel_eventlog_collector.errors import PermanentError
from otel_eventlog_collector.otlp.encode import Encoding, ErrorAnswer, Signal
from otel_eventlog_collector.receiver.admission import Ticket
from otel_eventlog_collector.receiver.body import Body
from otel_eventlog_collector.receiver.http_head import HttpHead


class SlowBodyError(PermanentError):
    """The body did not come in time."""

    http_status = 408


class HeadersTooLargeError(PermanentError):
    """Request line and headers are over the limit."""

    http_status = 431


class HttpRequest:
    """What a connection knows of one request.

    Attributes:
        begun_s: the loop's time at its first byte, then at the end of its headers.
        head: request line and headers; None while they are incomplete.
        signal: which one; None if the path names none.
        encoding: that of the answer; JSON if the request's own is none of ours.
        body: what came of the body; None if none is wanted (any more).
        drained: bytes of the body that were thrown away after a refusal.
        refusal: what the sender is told instead of a success.
        has_ended: nothing of it is awaited any more.
        is_cut: its client is still sending, or may be.
        is_unfolding: a slice of its body is about to be decompressed.
        is_whole: its body is complete and decompressed.
        closes: its answer is the connection's last.

    """

    __slots__ = (
        "_ticket",
        "begun_s",
        "body",
        "closes",
        "drained",
        "encoding",
        "has_ended",
        "head",
        "is_cut",
        "is_unfolding",
        "is_whole",
        "refusal",
        "signal",
    )

    def __init__(self, begun_s: float) -> None:
        """Start with nothing read."""
        self.begun_s = begun_s
        self.head: HttpHead | None = None
        self.signal: Signal | None = None
        self.encoding = Encoding.JSON
        self.body: Body | None = None
        self.drained = 0
        self.refusal: ErrorAnswer | None = None
        self.has_ended = False
        self.is_cut = False
        self.is_unfolding = False
        self.is_whole = False
        self.closes = False
        self._ticket: Ticket | None = None

    @property
    def can_be_answered(self) -> bool:
        """Whether nothing more has to be read or decompressed for its answer."""
        return self.has_ended and (self.is_whole or self.refusal is not None)

    def admit(self, ticket: Ticket, body: Body) -> None:
        """Let its body come."""
        self._ticket = ticket
        self.body = body

    def refuse(self, answer: ErrorAnswer) -> None:
        """Give back what it holds; what still comes of its body is thrown away."""
        self.refusal = answer
        self.release()

    def release(self) -> None:
        """Give back what it holds of all that is in flight; safe to call twice."""
        if self._ticket is not None:
            self._ticket.release()
        self.body = None
