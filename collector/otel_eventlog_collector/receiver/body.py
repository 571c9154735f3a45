"""Read one HTTP request body: bounded in bytes and time, before and while decompressing."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any, Protocol, TypeAlias

from otel_eventlog_collector.errors import BodyTooLarge, PermanentError, UnsupportedMediaType
from otel_eventlog_collector.limits import (
    BODY_BYTES_MAX,
    BODY_BYTES_PER_S_MIN,
    BODY_TIMEOUT_S,
    COMPRESSED_BYTES_MAX,
    DECOMPRESS_SLICE_BYTES,
    DRAIN_TIMEOUT_S,
)
from otel_eventlog_collector.receiver.admission import Ticket

Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]

ACCEPTED_ENCODINGS = "gzip, deflate, identity"
_GZIP = 16 + zlib.MAX_WBITS
_ZLIB = zlib.MAX_WBITS
_RAW_DEFLATE = -zlib.MAX_WBITS
_ZLIB_HEADER_BYTES = 2
_GZIP_MEMBERS_MAX = 4096


class ClientGoneError(Exception):
    """The client closed the connection before its body was complete."""


class SlowBodyError(PermanentError):
    """The body did not come in time."""

    http_status = 408


class BodyStream:
    """The compressed bytes of one request, as they come."""

    def __init__(self, receive: Receive) -> None:
        """Start with nothing read."""
        self._receive = receive
        self.complete = False
        self.bytes = 0

    async def next(self, deadline_s: float) -> bytes:
        """Return the next piece, empty at the end.

        Raises:
            ClientGoneError: there is no end to come.
            TimeoutError: nothing came until the loop's clock passed the deadline.

        """
        async with asyncio.timeout_at(deadline_s):
            message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        self.complete = not message.get("more_body", False)
        piece: bytes = message.get("body", b"")
        self.bytes += len(piece)
        return piece

    async def drain(self) -> None:
        """Read on for a moment after a refusal.

        Closing a connection on which bytes still arrive resets it, and the client may never see
        why it was refused.
        """
        deadline_s = asyncio.get_running_loop().time() + DRAIN_TIMEOUT_S
        try:
            while not self.complete and self.bytes < BODY_BYTES_MAX:
                await self.next(deadline_s)
        except TimeoutError:
            return


async def read_body(
    stream: BodyStream, content_encoding: str, content_length: int | None, ticket: Ticket
) -> bytes:
    """Return a request's decompressed body.

    Args:
        stream: the body as it comes.
        content_encoding: value of the header, empty for none.
        content_length: value of the header, None for a chunked body.
        ticket: pays for the decompressed bytes.

    Raises:
        BodyTooLarge: over a limit, as received or decompressed.
        UnsupportedMediaType: unknown content encoding.
        PermanentError: the bytes are not so compressed.
        SlowBodyError: it did not come in time.
        Overloaded: too many bytes are in flight.
        ClientGoneError: the client closed the connection.

    """
    inflater = _inflater(content_encoding)
    received_max = BODY_BYTES_MAX if isinstance(inflater, _Identity) else COMPRESSED_BYTES_MAX
    if content_length is not None and content_length > received_max:
        raise _too_large("as received", received_max)
    loop = asyncio.get_running_loop()
    begun_s = loop.time()
    parts: list[bytes] = []
    while not stream.complete:
        deadline_s = begun_s + BODY_TIMEOUT_S + stream.bytes / BODY_BYTES_PER_S_MIN
        try:
            piece = await stream.next(deadline_s)
        except TimeoutError:
            raise SlowBodyError(
                f"request body: incomplete after {loop.time() - begun_s:.0f} s",
                hint="send smaller batches, or over a faster connection",
            ) from None
        if stream.bytes > received_max:
            raise _too_large("as received", received_max)
        for part in inflater.feed(piece):
            ticket.take(len(part))
            if ticket.bytes > BODY_BYTES_MAX:
                raise _too_large("decompressed", BODY_BYTES_MAX)
            parts.append(part)
            if len(part) == DECOMPRESS_SLICE_BYTES:
                await asyncio.sleep(0)
    inflater.finish()
    if len(parts) == 1:
        return parts[0]
    if ticket.bytes > DECOMPRESS_SLICE_BYTES:
        return await asyncio.to_thread(b"".join, parts)  # copies without holding the interpreter
    return b"".join(parts)


def _too_large(how: str, limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"request body: more than {limit} bytes {how}", hint="send smaller batches")


class _Inflater(Protocol):
    def feed(self, data: bytes) -> Iterator[bytes]: ...

    def finish(self) -> None: ...


class _Identity:
    def feed(self, data: bytes) -> Iterator[bytes]:
        if data:
            yield data

    def finish(self) -> None:
        pass


class _Zlib:
    """gzip with any number of members, or deflate in zlib's format or raw."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._begun = b""
        self._stream: Any = zlib.decompressobj(_GZIP) if name == "gzip" else None
        self._members = 1
        self._empty = True

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._stream is None:
            self._begun += data
            if len(self._begun) < _ZLIB_HEADER_BYTES:
                return
            data = self._begun
            self._stream = zlib.decompressobj(_deflate_format(data))
        elif self._stream.eof:
            data = self._next_member(data)
        pending = bool(data)
        while pending:
            self._empty = False
            try:
                part = self._stream.decompress(data, DECOMPRESS_SLICE_BYTES)
            except zlib.error as error:
                raise self._wrong(str(error)) from None
            if part:
                yield part
            if self._stream.eof:
                data = self._next_member(self._stream.unused_data)
                pending = bool(data)
            else:
                # With all input taken, a full slice may still have left output behind.
                data = self._stream.unconsumed_tail
                pending = bool(data) or len(part) == DECOMPRESS_SLICE_BYTES

    def finish(self) -> None:
        cut_off = bool(self._begun) if self._stream is None else not self._stream.eof
        if cut_off and not (self._empty and self._name == "gzip"):
            raise self._wrong("it ends in the middle of the compressed data")

    def _next_member(self, data: bytes) -> bytes:
        """Return what follows the end of one compressed stream, ready for the next one."""
        rest = data.lstrip(b"\0")  # padding, as gzip allows
        if not rest:
            return b""
        self._members += 1
        if self._name != "gzip":
            raise self._wrong("data after the end of the compressed data")
        if self._members > _GZIP_MEMBERS_MAX:
            raise BodyTooLarge(f"request body: more than {_GZIP_MEMBERS_MAX} gzip members")
        self._stream = zlib.decompressobj(_GZIP)
        return rest

    def _wrong(self, detail: str) -> PermanentError:
        return PermanentError(
            f"request body: not {self._name}, as Content-Encoding says: {detail}",
            hint="leave Content-Encoding out if the body is not compressed",
        )


def _deflate_format(begin: bytes) -> int:
    """Tell zlib's format (RFC 1950: header divisible by 31, method 8) from raw deflate."""
    is_zlib = begin[0] & 0x0F == 8 and int.from_bytes(begin[:2]) % 31 == 0  # noqa: PLR2004
    return _ZLIB if is_zlib else _RAW_DEFLATE


def _inflater(content_encoding: str) -> _Inflater:
    name = content_encoding.strip().lower()
    if name in ("", "identity"):
        return _Identity()
    if name in ("gzip", "x-gzip"):
        return _Zlib("gzip")
    if name == "deflate":
        return _Zlib("deflate")
    raise UnsupportedMediaType(
        f"header Content-Encoding: {content_encoding!r} is not supported",
        hint=f"use one of {ACCEPTED_ENCODINGS}",
    )
