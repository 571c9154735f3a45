"""The answers of the OTLP/HTTP listener, each as the bytes that go over the wire."""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import formatdate
from http import HTTPStatus

from otel_eventlog_collector.errors import UnsupportedMediaType
from otel_eventlog_collector.otlp.encode import (
    Encoding,
    ErrorAnswer,
    Signal,
    encode_error,
    encode_response,
)
from otel_eventlog_collector.receiver.compression import ACCEPTED_ENCODINGS
from otel_eventlog_collector.receiver.http_head import MethodNotAllowedError
from otel_eventlog_collector.receiver.intake import Accepted

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_CLOSE = b"connection: close\r\n"
_UNAUTHORIZED = 401
_HEADER_OF_STATUS: Mapping[int, bytes] = {
    _UNAUTHORIZED: b"www-authenticate: Bearer\r\n",  # RFC 9110 section 11.6.1
    MethodNotAllowedError.http_status: b"allow: POST\r\n",
    UnsupportedMediaType.http_status: f"accept-encoding: {ACCEPTED_ENCODINGS}\r\n".encode(),
}


class Answers:
    """Puts answers together; the date, and the whole of a full success, are kept for a second."""

    def __init__(self) -> None:
        """Start without a date."""
        self._second = -1
        self._date = b""
        self._full_success: dict[Encoding, bytes] = {}

    def success(
        self, signal: Signal, accepted: Accepted, encoding: Encoding, *, close: bool
    ) -> bytes:
        """Return the answer to a committed request."""
        self._look_at_the_clock()
        if accepted.rejected or accepted.error_message or close:
            body = encode_response(signal, accepted.rejected, accepted.error_message, encoding)
            return self._head(200, encoding, len(body), _CLOSE if close else b"") + body
        return self._full_success[encoding]

    def error(
        self, answer: ErrorAnswer, encoding: Encoding, *, close: bool, without_body: bool
    ) -> bytes:
        """Return a refusal: a google.rpc.Status in the request's encoding."""
        self._look_at_the_clock()
        headers = _HEADER_OF_STATUS.get(answer.http_status, b"")
        if answer.retry_after_s is not None:
            headers += b"retry-after: %d\r\n" % answer.retry_after_s
        if close:
            headers += _CLOSE
        body = encode_error(answer, encoding)
        head = self._head(answer.http_status, encoding, len(body), headers)
        return head if without_body else head + body

    def _look_at_the_clock(self) -> None:
        second = int(time.time())
        if second == self._second:
            return
        self._second = second
        self._date = formatdate(second, usegmt=True).encode()
        for encoding in Encoding:
            body = encode_response(Signal.TRACES, 0, "", encoding)  # alike for every signal
            self._full_success[encoding] = self._head(200, encoding, len(body), b"") + body

    def _head(self, status: int, encoding: Encoding, length: int, headers: bytes) -> bytes:
        return b"HTTP/1.1 %d %s\r\ndate: %s\r\ncontent-type: %s\r\ncontent-length: %d\r\n%s\r\n" % (
            status,
            HTTPStatus(status).phrase.encode(),
            self._date,
            encoding.value.encode(),
            length,
            headers,
        )
