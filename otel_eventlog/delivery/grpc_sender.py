"""One attempt over OTLP/gRPC. Needs the extra: `pip install otel-eventlog[grpc]`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from otel_eventlog.delivery.sender import (
    RESPONSE_BYTES_MAX,
    Answer,
    SendResult,
    Transport,
    plain_detail,
)

_METHOD = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
_PORTS = {"http": 80, "https": 443}
_RETRY_INFO_KEYS = ("google.rpc.retryinfo-bin", "grpc-status-details-bin")
_TRAILER_BYTES_MAX = 8 * 1024

_UNAVAILABLE = frozenset(
    {"CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"}
)
"""What the OTLP specification retries."""

_REFUSED = frozenset(
    {"UNAUTHENTICATED", "PERMISSION_DENIED", "UNIMPLEMENTED", "NOT_FOUND", "FAILED_PRECONDITION"}
)

_inherited: list[Any] = []
"""Channels of a parent process. To close one here, even by forgetting it, could hang."""


class GrpcSender:
    """Sends to the logs service over one channel that is kept open."""

    def __init__(self, transport: Transport) -> None:
        """Keep what is needed; connect with the first `send`."""
        self._transport = transport
        parts = urlsplit(transport.base_url)
        self._is_plain = parts.scheme == "http"
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        self._target = f"{host}:{parts.port or _PORTS[parts.scheme]}"
        self._channel: Any = None
        self._export: Any = None

    @property
    def target(self) -> str:
        """Host and port."""
        return self._target

    def prepare(self) -> None:
        """Import gRPC, if it is there; `send` says so if it is not."""
        with contextlib.suppress(ImportError):
            import grpc  # noqa: F401

    def send(self, body: bytes, timeout_s: float) -> SendResult:
        """Make one attempt; see `Sender.send`."""
        try:
            import grpc
        except ImportError:
            return SendResult(
                Answer.REFUSED,
                "OTEL_EVENTLOG_PROTOCOL is 'grpc', but gRPC is not installed; "
                "run: pip install 'otel-eventlog[grpc]'",
            )
        try:
            if self._export is None:
                self._open(grpc)
            answer = self._export(
                body,
                timeout=timeout_s,
                metadata=self._transport.headers,
                compression=self._compression(grpc),
            )
        except grpc.RpcError as error:
            return _judge(error)
        except OSError as error:  # a certificate file that is not there
            return SendResult(Answer.REFUSED, plain_detail(str(error)))
        except Exception as error:  # noqa: BLE001 - whatever it was, the event logs are still here
            return SendResult(Answer.FAILED, plain_detail(f"{type(error).__name__}: {error}"))
        return _accepted(answer)

    def close(self) -> None:
        """Close the channel."""
        channel, self._channel, self._export = self._channel, None, None
        if channel is not None:
            channel.close()

    def forget(self) -> None:
        """Keep the parent's channel untouched and unused."""
        if self._channel is not None:
            _inherited.append((self._channel, self._export))
        self._channel = self._export = None

    def _open(self, grpc: Any) -> None:
        options = (
            ("grpc.enable_retries", 0),  # retries are decided in one place: the worker
            ("grpc.max_receive_message_length", RESPONSE_BYTES_MAX),
            ("grpc.primary_user_agent", "otel-eventlog"),
        )
        if self._is_plain:
            self._channel = grpc.insecure_channel(self._target, options)
        else:
            transport = self._transport
            credentials = grpc.ssl_channel_credentials(
                _content(transport.certificate_file),
                _content(transport.client_key_file),
                _content(transport.client_certificate_file),
            )
            self._channel = grpc.secure_channel(self._target, credentials, options)
        # Bytes in, bytes out: encoding is done, and the answer is parsed when it is one.
        self._export = self._channel.unary_unary(_METHOD)

    def _compression(self, grpc: Any) -> Any:
        known = {"gzip": grpc.Compression.Gzip, "deflate": grpc.Compression.Deflate}
        return known.get(self._transport.compression, grpc.Compression.NoCompression)


def _content(path: str | None) -> bytes | None:
    return None if path is None else Path(path).read_bytes()


def _accepted(answer: bytes) -> SendResult:
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

    try:
        partial = ExportLogsServiceResponse.FromString(answer).partial_success
    except Exception:  # noqa: BLE001 - accepted all the same: the status said so
        return SendResult(Answer.DELIVERED, "an answer that cannot be read")
    return SendResult(
        Answer.DELIVERED,
        plain_detail(partial.error_message),
        rejected_count=max(0, partial.rejected_log_records),
    )


def _judge(error: Any) -> SendResult:
    """Return what to do about a failed call (OTLP specification, section on gRPC failures)."""
    code = getattr(error.code(), "name", "UNKNOWN")
    details = error.details() or ""
    retry_after_s = _retry_after(error.trailing_metadata() or ())
    if code in _UNAVAILABLE:
        answer = Answer.UNAVAILABLE
    elif code in _REFUSED:
        answer = Answer.REFUSED
    elif code == "INVALID_ARGUMENT":
        answer = Answer.REJECTED
    elif code == "RESOURCE_EXHAUSTED":
        # One code, two meanings. Without RetryInfo a client must not retry: then it is the size,
        # unless the server does not say so; and throwing away is not what a doubt should lead to.
        is_size = retry_after_s is None and "larger than max" in details
        answer = Answer.TOO_LARGE if is_size else Answer.UNAVAILABLE
    else:
        answer = Answer.FAILED
    return SendResult(answer, plain_detail(f"{code} {details}"), retry_after_s)


def _retry_after(trailers: Iterable[tuple[str, str | bytes]]) -> float | None:
    """Return the delay of a `google.rpc.RetryInfo`, wherever the server put it."""
    found = {key: value for key, value in trailers if key in _RETRY_INFO_KEYS}
    for key in _RETRY_INFO_KEYS:
        value = found.get(key)
        if isinstance(value, bytes) and len(value) <= _TRAILER_BYTES_MAX:
            seconds = _retry_info_s(value, is_status=key == "grpc-status-details-bin")
            if seconds is not None:
                return seconds
    return None


def _retry_info_s(value: bytes, *, is_status: bool) -> float | None:
    try:
        from google.rpc.error_details_pb2 import RetryInfo
        from google.rpc.status_pb2 import Status

        info = RetryInfo()
        if is_status:
            details = Status.FromString(value).details
            if not any(detail.Unpack(info) for detail in details):
                return None
        else:
            info.ParseFromString(value)
        delay = info.retry_delay
        return max(0.0, float(delay.seconds) + float(delay.nanos) / 1e9)
    except Exception:  # noqa: BLE001 - a hint that cannot be read is no hint
        return None
