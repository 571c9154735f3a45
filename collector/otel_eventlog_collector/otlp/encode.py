"""Answers to OTLP requests: responses, partial success, and errors as google.rpc.Status.

The one table of which error becomes which code on either transport (OTLP specification, "Failures"
and "OTLP/gRPC Throttling"): clients retry only HTTP 429, 502, 503, 504 and gRPC UNAVAILABLE; a
partial success is a 200 and must not be retried; an error's body is a Status in the request's
encoding.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum

from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToDict
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from otel_eventlog_collector.errors import CollectorError, RetryableError

RETRY_AFTER_S_MAX = 2
"""Longest wait we ask for: stock Python exporters drop a batch at once if asked for more than the
time they have left."""


MESSAGE_CHARS_MAX = 1000
"""Longest sentence for a sender; gRPC clients take 8 KiB of trailers in all."""


class Encoding(StrEnum):
    """The two encodings of OTLP/HTTP, by their media type."""

    PROTOBUF = "application/x-protobuf"
    JSON = "application/json"


class Signal(StrEnum):
    """The three signals; metrics are accepted and dropped."""

    TRACES = "traces"
    LOGS = "logs"
    METRICS = "metrics"


class Code(Enum):
    """google.rpc.Code, as far as we answer with it."""

    OK = 0
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    UNAUTHENTICATED = 16


_CODE_OF_HTTP: Mapping[int, Code] = {
    400: Code.INVALID_ARGUMENT,
    401: Code.UNAUTHENTICATED,
    403: Code.PERMISSION_DENIED,
    404: Code.NOT_FOUND,
    405: Code.UNIMPLEMENTED,
    408: Code.DEADLINE_EXCEEDED,
    413: Code.RESOURCE_EXHAUSTED,
    415: Code.INVALID_ARGUMENT,
    429: Code.UNAVAILABLE,
    500: Code.INTERNAL,
    503: Code.UNAVAILABLE,
}


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """What a sender is told: a code for each transport, a sentence, and when to retry if ever."""

    http_status: int
    message: str
    retry_after_s: int | None = None

    @property
    def code(self) -> Code:
        """The gRPC code that goes with the HTTP status."""
        return _CODE_OF_HTTP.get(self.http_status, Code.INVALID_ARGUMENT)


INTERNAL_ERROR = ErrorAnswer(500, "internal error; the collector's log has the details")


def error_answer(error: Exception) -> ErrorAnswer:
    """Return what a sender is told about an error; nothing of an unexpected one but that it was."""
    if not isinstance(error, CollectorError):
        return INTERNAL_ERROR
    message = f"{error.message}; {error.hint}" if error.hint else error.message
    message = message[:MESSAGE_CHARS_MAX]
    if isinstance(error, RetryableError):
        seconds = max(1, min(int(error.retry_after_s), RETRY_AFTER_S_MAX))
        return ErrorAnswer(error.http_status, message, seconds)
    return ErrorAnswer(getattr(error, "http_status", INTERNAL_ERROR.http_status), message)


def retry_info(answer: ErrorAnswer) -> RetryInfo | None:
    """Return the RetryInfo of a retryable error, None for a permanent one."""
    if answer.retry_after_s is None:
        return None
    return RetryInfo(retry_delay=Duration(seconds=answer.retry_after_s))


def status_message(answer: ErrorAnswer) -> Status:
    """Return an error as google.rpc.Status, with RetryInfo if it can be retried."""
    status = Status(code=answer.code.value, message=answer.message)
    info = retry_info(answer)
    if info is not None:
        status.details.add().Pack(info)
    return status


def encode_error(answer: ErrorAnswer, encoding: Encoding) -> bytes:
    """Return the body of an error."""
    status = status_message(answer)
    if encoding is Encoding.PROTOBUF:
        encoded: bytes = status.SerializeToString()
        return encoded
    return json.dumps(MessageToDict(status)).encode()


_RESPONSES: Mapping[Signal, tuple[type, str, str]] = {
    Signal.TRACES: (ExportTraceServiceResponse, "rejected_spans", "rejectedSpans"),
    Signal.LOGS: (ExportLogsServiceResponse, "rejected_log_records", "rejectedLogRecords"),
    Signal.METRICS: (
        ExportMetricsServiceResponse,
        "rejected_data_points",
        "rejectedDataPoints",
    ),
}


def encode_response(signal: Signal, rejected: int, error_message: str, encoding: Encoding) -> bytes:
    """Return the body of a success; full success is an empty message, `{}` in JSON."""
    message_type, field_name, json_name = _RESPONSES[signal]
    partial = bool(rejected or error_message)
    error_message = error_message[:MESSAGE_CHARS_MAX]
    if encoding is Encoding.JSON:
        if not partial:
            return b"{}"
        # 64-bit integers are strings in protobuf's JSON mapping.
        told = {json_name: str(rejected), "errorMessage": error_message}
        return json.dumps({"partialSuccess": told}).encode()
    if not partial:
        return b""
    response = message_type()
    setattr(response.partial_success, field_name, rejected)
    response.partial_success.error_message = error_message
    encoded: bytes = response.SerializeToString()
    return encoded
