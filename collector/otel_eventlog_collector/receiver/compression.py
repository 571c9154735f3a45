"""Undo a body's compression piece by piece, never more than a slice at a time."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any, Protocol

from otel_eventlog_collector.errors import BodyTooLarge, PermanentError, UnsupportedMediaType
from otel_eventlog_collector.limits import DECOMPRESS_SLICE_BYTES, GZIP_MEMBERS_MAX

ACCEPTED_ENCODINGS = "gzip, deflate, identity"
_GZIP = 16 + zlib.MAX_WBITS
_ZLIB = zlib.MAX_WBITS
_RAW_DEFLATE = -zlib.MAX_WBITS
_ZLIB_HEADER_BYTES = 2


class Inflater(Protocol):
    """Decompresses one body."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what more bytes unfold to, at most DECOMPRESS_SLICE_BYTES at a time.

        Raises:
            PermanentError: the bytes are not so compressed.
            BodyTooLarge: too many gzip members.

        """
        ...

    def finish(self) -> None:
        """Raise PermanentError unless the compressed data is at its end."""
        ...


def inflater_for(content_encoding: str) -> Inflater | None:
    """Return what undoes a `Content-Encoding`; None if there is nothing to undo.

    Raises:
        UnsupportedMediaType: we do not know it.

    """
    name = content_encoding.strip().lower()
    if name in ("", "identity"):
        return None
    if name in ("gzip", "x-gzip"):
        return _Zlib("gzip")
    if name == "deflate":
        return _Zlib("deflate")
    raise UnsupportedMediaType(
        f"header Content-Encoding: {content_encoding[:100]!r} is not supported",
        hint=f"use one of {ACCEPTED_ENCODINGS}",
    )


_GZIP_BEGIN = b"\x1f\x8b"
_ZLIB_BEGIN = 0x78


def inflater_for_message(message: bytes) -> Inflater | None:
    """Return what undoes the compression of a gRPC message, None for a plain one.

    gRPC keeps to itself whether a message is compressed, and its bytes tell: no protobuf begins as
    gzip does (wire type 7), and none of ours as zlib does (field 15).
    """
    if message.startswith(_GZIP_BEGIN):
        return _Zlib("gzip")
    if message[:1] == bytes((_ZLIB_BEGIN,)) and _deflate_format(message[:2]) == _ZLIB:
        return _Zlib("deflate")
    return None


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
        if self._members > GZIP_MEMBERS_MAX:
            raise BodyTooLarge(f"request body: more than {GZIP_MEMBERS_MAX} gzip members")
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
