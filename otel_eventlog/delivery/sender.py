"""What one attempt to send can end in, and what a sender has to know."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol

CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 10.0
"""Longest wait for an answer; the collector answers after its fsync."""

RESPONSE_BYTES_MAX = 64 * 1024
"""No answer is read further than this."""

DETAIL_CHARS_MAX = 200
"""Longest part of a foreign text that may reach the log."""


class Answer(Enum):
    """What an attempt ended in, by what to do next."""

    DELIVERED = auto()
    """The collector has it; some records may have been rejected, for good."""
    UNAVAILABLE = auto()
    """429, 502, 503, 504, no connection, no answer: the same again later."""
    REFUSED = auto()
    """401, 403, 404, redirect, …: a token or URL is wrong. Mended, it works: again, but slowly."""
    FAILED = auto()
    """500 and answers that make no sense: again, but not for ever."""
    REJECTED = auto()
    """400: these records will never be accepted."""
    TOO_LARGE = auto()
    """413: the same in smaller pieces."""


@dataclass(frozen=True, slots=True)
class SendResult:
    """The end of one attempt.

    Attributes:
        answer: what to do next.
        detail: what happened, for people; holds no header, token or query string.
        retry_after_s: what the collector asked for, not yet capped; None if it did not.
        rejected_count: records that a partial success names as rejected.

    """

    answer: Answer
    detail: str = ""
    retry_after_s: float | None = None
    rejected_count: int = 0


class Sender(Protocol):
    """One way to the collector. Used by one thread at a time."""

    @property
    def target(self) -> str:
        """Where it sends to, for people: host and port, no secret."""

    def prepare(self) -> None:
        """Import what sending needs; called once in the worker's thread, before the first send."""

    def send(self, body: bytes, timeout_s: float) -> SendResult:
        """Make one attempt with an encoded `ExportLogsServiceRequest`. Never raises.

        Args:
            body: the protobuf bytes, not compressed.
            timeout_s: longest wait for the answer.

        """

    def close(self) -> None:
        """Close the connection; a later `send` opens a new one."""

    def forget(self) -> None:
        """Leave the connection alone: this is a forked child, and it is the parent's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """Where to send to and how.

    Attributes:
        base_url: `http://…` (plain) or `https://…` (TLS), without `/v1/logs`.
        headers: sent with every request.
        compression: `none`, `gzip` or `deflate`.
        certificate_file: authorities to trust instead of the usual ones.
        client_key_file: our private key.
        client_certificate_file: our certificate.

    """

    base_url: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    compression: str = "none"
    certificate_file: str | None = None
    client_key_file: str | None = None
    client_certificate_file: str | None = None


def plain_detail(text: str) -> str:
    """Return a foreign text fit for one log line: bounded, no control characters."""
    cut = text[:DETAIL_CHARS_MAX]
    return "".join(char if char.isprintable() else " " for char in cut).strip()
