"""One attempt over OTLP/HTTP with protobuf.

`requests` because the OTLP exporter package brings it. What differs from its defaults, and why
(ADR on delivery): no redirect is followed and `.netrc` is never read, because both would hand out
headers that were meant for one collector; proxies come from the usual variables, except for a
collector on this machine, which no proxy can reach; an answer is never read beyond 64 KiB.
"""

from __future__ import annotations

import gzip
import time
import zlib
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from otel_eventlog.delivery.sender import (
    CONNECT_TIMEOUT_S,
    RESPONSE_BYTES_MAX,
    Answer,
    SendResult,
    Transport,
    plain_detail,
)

if TYPE_CHECKING:
    import requests

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_GZIP_LEVEL = 6

_OK = range(200, 300)
_ANSWER_OF_STATUS = {
    400: Answer.REJECTED,
    413: Answer.TOO_LARGE,
    422: Answer.REJECTED,
    408: Answer.UNAVAILABLE,
    429: Answer.UNAVAILABLE,
    502: Answer.UNAVAILABLE,
    503: Answer.UNAVAILABLE,
    504: Answer.UNAVAILABLE,
}
"""The OTLP specification retries 429, 502, 503 and 504 only; 408 is a proxy's word for 504."""


class HttpSender:
    """Sends to `<base_url>/v1/logs` over one connection that is kept open."""

    def __init__(
        self, transport: Transport, *, wall_clock: Callable[[], float] = time.time
    ) -> None:
        """Keep what is needed; connect with the first `send`.

        Args:
            transport: where to and how.
            wall_clock: seconds since the epoch, for a `Retry-After` that is a date.

        """
        self._transport = transport
        self._wall_clock = wall_clock
        self._url = transport.base_url.rstrip("/") + "/v1/logs"
        self._session: requests.Session | None = None
        self._inherited: list[requests.Session] = []

    @property
    def target(self) -> str:
        """Host and port."""
        return urlsplit(self._url).netloc

    def prepare(self) -> None:
        """Import `requests` and the messages of an answer."""
        import opentelemetry.proto.collector.logs.v1.logs_service_pb2  # noqa: F401
        import requests  # noqa: F401

    def send(self, body: bytes, timeout_s: float) -> SendResult:
        """Make one attempt; see `Sender.send`."""
        import requests

        try:
            if self._session is None:
                self._session = self._open()
            response = self._session.post(
                self._url,
                data=self._compressed(body),
                timeout=(min(CONNECT_TIMEOUT_S, timeout_s), timeout_s),
                allow_redirects=False,
                stream=True,
            )
            with response:
                return self._judge(response, time.monotonic() + timeout_s)
        except requests.exceptions.InvalidURL as error:
            return SendResult(Answer.REFUSED, plain_detail(str(error)))
        except requests.RequestException as error:
            self.close()
            return SendResult(Answer.UNAVAILABLE, _reason(error))
        except OSError as error:  # a certificate file that is not there
            return SendResult(Answer.REFUSED, plain_detail(str(error)))
        except Exception as error:  # noqa: BLE001 - whatever it was, the event logs are still here
            self.close()
            return SendResult(Answer.FAILED, plain_detail(f"{type(error).__name__}: {error}"))

    def close(self) -> None:
        """Close the connection."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def forget(self) -> None:
        """Keep the parent's session untouched and unused, so that nothing closes it politely."""
        session, self._session = self._session, None
        if session is not None:
            self._inherited.append(session)

    def _open(self) -> requests.Session:
        import requests

        transport = self._transport
        session = requests.Session()
        session.trust_env = False
        if urlsplit(self._url).hostname not in _LOOPBACK:
            session.proxies.update(requests.utils.get_environ_proxies(self._url))
        session.headers.clear()
        session.headers.update(dict(transport.headers))
        session.headers.update(
            {
                "content-type": "application/x-protobuf",
                "accept": "application/x-protobuf",
                "accept-encoding": "identity",
                "user-agent": "otel-eventlog",
            }
        )
        if transport.compression != "none":
            session.headers["content-encoding"] = transport.compression
        session.verify = transport.certificate_file or True
        if transport.client_certificate_file:
            session.cert = (
                (transport.client_certificate_file, transport.client_key_file)
                if transport.client_key_file
                else transport.client_certificate_file
            )
        return session

    def _compressed(self, body: bytes) -> bytes:
        if self._transport.compression == "gzip":
            return gzip.compress(body, _GZIP_LEVEL, mtime=0)
        if self._transport.compression == "deflate":
            return zlib.compress(body)
        return body

    def _judge(self, response: requests.Response, deadline_s: float) -> SendResult:
        status = response.status_code
        content_type = response.headers.get("content-type", "")
        content = _read(response, deadline_s)
        if status in _OK:
            if "html" in content_type:
                return SendResult(Answer.REFUSED, f"{status} with a web page: not a collector")
            return _accepted(content)
        if status >= 500:  # noqa: PLR2004 - the class of HTTP status codes
            answer = _ANSWER_OF_STATUS.get(status, Answer.FAILED)
        else:
            answer = _ANSWER_OF_STATUS.get(status, Answer.REFUSED)
        if content is None:
            self.close()  # half an answer is left on the connection
        retry_after_s = parse_retry_after(
            response.headers.get("retry-after", ""), self._wall_clock()
        )
        detail = f"HTTP {status} {_status_message(content, content_type)}".strip()
        return SendResult(answer, detail, retry_after_s)


def parse_retry_after(text: str, now_s: float) -> float | None:
    """Return the seconds that a `Retry-After` header asks for (RFC 9110 section 10.2.3).

    Args:
        text: seconds, or a date.
        now_s: seconds since the epoch.

    """
    text = text.strip()
    if text.isdecimal() and text.isascii():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now_s)
    except (ValueError, OverflowError, OSError):
        return None


def _read(response: requests.Response, deadline_s: float) -> bytes | None:
    """Return the body; None if it is too long, too slow or broken off.

    Byte by byte, because any larger read would wait for the last byte of its piece, however
    slowly the other side sends. A usual answer has none, or a few dozen.
    """
    content = bytearray()
    try:
        while piece := response.raw.read(1, decode_content=False):
            content += piece
            if len(content) > RESPONSE_BYTES_MAX or time.monotonic() > deadline_s:
                return None
    except Exception:  # noqa: BLE001 - the status code has already been said
        return None
    return bytes(content)


def _accepted(content: bytes | None) -> SendResult:
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

    if not content:
        return SendResult(Answer.DELIVERED)
    try:
        partial = ExportLogsServiceResponse.FromString(content).partial_success
    except Exception:  # noqa: BLE001 - accepted all the same: the status code said so
        return SendResult(Answer.DELIVERED, "an answer that cannot be read")
    return SendResult(
        Answer.DELIVERED,
        plain_detail(partial.error_message),
        rejected_count=max(0, partial.rejected_log_records),
    )


def _status_message(content: bytes | None, content_type: str) -> str:
    """Return the text of the `google.rpc.Status` that an OTLP error carries."""
    if not content or "protobuf" not in content_type:
        return ""
    try:
        from google.rpc.status_pb2 import Status

        return plain_detail(Status.FromString(content).message)
    except Exception:  # noqa: BLE001 - it is only for people
        return ""


def _reason(error: Exception) -> str:
    """Return why there was no answer, without the URL that `requests` puts into every message."""
    import requests

    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, requests.exceptions.Timeout):
        return "no answer in time"
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, OSError) and inner.strerror:
            return plain_detail(inner.strerror)
        inner = inner.__cause__ or inner.__context__
    return type(error).__name__
