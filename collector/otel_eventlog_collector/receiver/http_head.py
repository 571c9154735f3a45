"""What the request line and headers of one OTLP/HTTP request say, checked in the order of cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import unquote_to_bytes

import httptools

from otel_eventlog_collector.errors import PermanentError, UnsupportedMediaType
from otel_eventlog_collector.otlp.encode import Encoding, Signal
from otel_eventlog_collector.receiver.compression import Inflater, inflater_for

_SIGNAL_OF_PATH: Mapping[bytes, Signal] = {f"/v1/{name}".encode(): name for name in Signal}
_PATHS = ", ".join(path.decode() for path in _SIGNAL_OF_PATH)
_ENCODING_OF_TYPE: Mapping[bytes, Encoding] = {name.value.encode(): name for name in Encoding}
_VERSIONS = ("1.1", "1.0")
_SHOWN_CHARS_MAX = 100


class UnknownPathError(PermanentError):
    """There is nothing at this path."""

    http_status = 404


class MethodNotAllowedError(PermanentError):
    """OTLP is sent with POST."""

    http_status = 405


class HttpHead:
    """One request's head, and what follows from it.

    Args:
        method: as it came.
        url: the request's target as it came.
        version: of HTTP, as in `1.1`.
        headers: by lower-case name; of a repeated one the last.

    """

    __slots__ = ("_headers", "_method", "_url", "_version", "encoding", "signal")

    def __init__(
        self, method: bytes, url: bytes, version: str, headers: Mapping[bytes, bytes]
    ) -> None:
        """Look up signal and encoding; `check` tells what is wrong."""
        self._method = method
        self._url = url
        self._version = version
        self._headers = headers
        self.signal = _SIGNAL_OF_PATH.get(url) or _SIGNAL_OF_PATH.get(_path(url))
        kind = headers.get(b"content-type", b"")
        self.encoding = _ENCODING_OF_TYPE.get(kind) or _ENCODING_OF_TYPE.get(
            kind.split(b";", 1)[0].strip().lower()
        )

    @property
    def is_head(self) -> bool:
        """Whether the answer must come without its body."""
        return self._method == b"HEAD"

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for leave to send its body."""
        return (
            self._version == "1.1"
            and self._headers.get(b"expect", b"").strip().lower() == b"100-continue"
        )

    @property
    def content_length(self) -> int | None:
        """The body's length, None if it is chunked."""
        value = self._headers.get(b"content-length", b"")
        return int(value) if value.isdigit() else None

    @property
    def framing(self) -> bytes:
        """A head that says of its body what this one says, and nothing else."""
        named = (b"content-length", b"transfer-encoding")
        lines = [
            b"%s: %s\r\n" % (name, self._headers[name]) for name in named if name in self._headers
        ]
        return b"POST / HTTP/1.1\r\n%s\r\n" % b"".join(lines)

    def check(self, authorize: Callable[[str | None], None]) -> Inflater | None:
        """Return what undoes the compression, None for a plain body.

        Args:
            authorize: raises the error a request without a good token is refused with.

        Raises:
            PermanentError: the request is refused, whatever its body holds.

        """
        if self._version not in _VERSIONS:
            raise PermanentError(f"HTTP/{self._version} is not supported", hint="use HTTP/1.1")
        if self.signal is None:
            raise UnknownPathError(f"path {_shown(self._url)} does not exist here; use {_PATHS}")
        if self._method != b"POST":
            raise MethodNotAllowedError(f"method {_shown(self._method)} is wrong", hint="use POST")
        authorization = self._headers.get(b"authorization")
        authorize(None if authorization is None else authorization.decode("latin-1"))
        if self.encoding is None:
            kind = self._headers.get(b"content-type")
            raise UnsupportedMediaType(
                f"header Content-Type: {'none' if kind is None else _shown(kind)} is not OTLP",
                hint=f"use {' or '.join(Encoding)}",
            )
        self._check_framing()
        encoding = self._headers.get(b"content-encoding", b"")
        return inflater_for(encoding.decode("latin-1"))

    def _check_framing(self) -> None:
        """Refuse what two servers may read differently; the parser has refused most of it."""
        transfer = self._headers.get(b"transfer-encoding")
        if transfer is not None and (
            transfer.strip().lower() != b"chunked" or self._version != "1.1"
        ):
            raise PermanentError(
                f"header Transfer-Encoding: {_shown(transfer)} is not supported in "
                f"HTTP/{self._version}",
                hint="use chunked with HTTP/1.1, or a Content-Length",
            )
        if self._version == "1.1" and b"host" not in self._headers:
            raise PermanentError("header Host: it is missing", hint="HTTP/1.1 wants it")


HEADERS_READ = frozenset(
    (
        b"authorization",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"expect",
        b"host",
        b"transfer-encoding",
    )
)
"""The headers that matter here; others are counted and forgotten."""


def _path(url: bytes) -> bytes:
    """Return the decoded path of a target that is more than a plain path."""
    try:
        return unquote_to_bytes(httptools.parse_url(url).path or b"")
    except httptools.HttpParserInvalidURLError:
        return b""


def _shown(value: bytes) -> str:
    return repr(value.decode("latin-1")[:_SHOWN_CHARS_MAX])
