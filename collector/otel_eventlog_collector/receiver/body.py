"""One request body as it comes: bounded in bytes before and while decompressing, never waiting."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator

from otel_eventlog_collector.errors import BodyTooLarge
from otel_eventlog_collector.limits import (
    BODY_BYTES_MAX,
    COMPRESSED_BYTES_MAX,
    DECOMPRESS_SLICE_BYTES,
)
from otel_eventlog_collector.receiver.admission import Ticket
from otel_eventlog_collector.receiver.compression import Inflater

_PIECE_BYTES_MIN = 16 * 1024
"""Smaller pieces are put together: a list of single bytes would take fifty times their size."""


class Body:
    """Takes a body's bytes as they come and gives it back decompressed.

    Args:
        ticket: pays for the decompressed bytes.
        inflater: undoes the compression; None for a plain body.
        content_length: how long it will be as received, None if nobody said.

    Raises:
        BodyTooLarge: that is too long.

    """

    def __init__(
        self, ticket: Ticket, inflater: Inflater | None, content_length: int | None = None
    ) -> None:
        """Start with nothing received."""
        self._received_max = BODY_BYTES_MAX if inflater is None else COMPRESSED_BYTES_MAX
        if content_length is not None and content_length > self._received_max:
            raise _too_large("as received", self._received_max)
        self._ticket = ticket
        self._inflater = inflater
        self._compressed: deque[bytes] = deque()
        self._slices: Iterator[bytes] | None = None
        self._parts: list[bytes] = []
        self._small = bytearray()
        self.received = 0

    @property
    def is_compressed(self) -> bool:
        """Whether what is fed has to be worked off."""
        return self._inflater is not None

    def feed(self, data: bytes) -> None:
        """Take a piece. What is compressed waits for `work`.

        Raises:
            BodyTooLarge: over a limit, as received or decompressed.
            Overloaded: too many bytes are in flight.

        """
        self.received += len(data)
        if self.received > self._received_max:
            raise _too_large("as received", self._received_max)
        if self._inflater is None:
            self._keep(data)
        else:
            self._compressed.append(data)

    def work(self) -> bool:
        """Decompress a slice of what was fed; return whether more is left to do.

        Raises:
            BodyTooLarge, Overloaded: as `feed`.
            PermanentError: the bytes are not so compressed.

        """
        if self._inflater is None:
            return False
        left = DECOMPRESS_SLICE_BYTES
        while left > 0:
            if self._slices is None:
                if not self._compressed:
                    return False
                self._slices = self._inflater.feed(self._compressed.popleft())
            part = next(self._slices, None)
            if part is None:
                self._slices = None
            else:
                self._keep(part)
                left -= len(part)
        return True

    def finish(self) -> None:
        """Take note of the end, once `work` has nothing left to do.

        Raises:
            PermanentError: the compressed data is not at its end.

        """
        if self._inflater is not None:
            self._inflater.finish()
        self._gather()

    @property
    def is_large(self) -> bool:
        """Whether putting the pieces together takes long enough to be left to a thread."""
        return len(self._parts) > 1 and self._ticket.bytes > DECOMPRESS_SLICE_BYTES

    def whole(self) -> bytes:
        """Return the finished body."""
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)

    async def unfolded(self) -> bytes:
        """Decompress what was fed, which is all of it, while others get their turn; return it.

        Raises:
            BodyTooLarge, Overloaded, PermanentError: as `work` and `finish`.

        """
        while self.work():  # noqa: ASYNC110 - the others get their turn; nothing is awaited
            await asyncio.sleep(0)
        self.finish()
        return await self.whole_in_turn()

    async def whole_in_turn(self) -> bytes:
        """Return the finished body without stalling the loop."""
        if self.is_large:
            return await asyncio.to_thread(self.whole)  # copies without holding the interpreter
        return self.whole()

    def _keep(self, piece: bytes) -> None:
        self._ticket.take(len(piece))
        if self._ticket.bytes > BODY_BYTES_MAX:
            raise _too_large("decompressed", BODY_BYTES_MAX)
        if len(piece) >= _PIECE_BYTES_MIN or not (self._parts or self._small):
            # The first piece is usually the only one, and then it is not copied.
            self._gather()
            self._parts.append(piece)
        else:
            self._small += piece
            if len(self._small) >= _PIECE_BYTES_MIN:
                self._gather()

    def _gather(self) -> None:
        if self._small:
            self._parts.append(bytes(self._small))
            self._small.clear()


def _too_large(how: str, limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"request body: more than {limit} bytes {how}", hint="send smaller batches")
