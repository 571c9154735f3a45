"""Answers: the right body and code for every outcome, in the request's encoding."""

from __future__ import annotations

import json

import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status as RpcStatus
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from otel_eventlog_collector.errors import (
    BodyTooLarge,
    Overloaded,
    PermanentError,
    RetryableError,
    StoreUnavailable,
    UnsupportedMediaType,
)
from otel_eventlog_collector.otlp.encode import (
    RETRY_AFTER_S_MAX,
    Code,
    Encoding,
    Signal,
    encode_error,
    encode_response,
    error_answer,
)

RETRYABLE_HTTP = {429, 502, 503, 504}


@pytest.mark.parametrize("signal", list(Signal))
def test_full_success_is_an_empty_message(signal: Signal) -> None:
    """Without a partial success the body is zero bytes of protobuf, or an empty JSON object."""
    assert encode_response(signal, 0, "", Encoding.PROTOBUF) == b""
    assert encode_response(signal, 0, "", Encoding.JSON) == b"{}"


def test_partial_success_names_count_and_reason() -> None:
    """Rejected records are told in the field of their signal, in both encodings."""
    body = encode_response(Signal.TRACES, 3, "why", Encoding.PROTOBUF)
    told = ExportTraceServiceResponse.FromString(body).partial_success
    assert (told.rejected_spans, told.error_message) == (3, "why")
    body = encode_response(Signal.LOGS, 2, "why", Encoding.PROTOBUF)
    assert ExportLogsServiceResponse.FromString(body).partial_success.rejected_log_records == 2
    document = json.loads(encode_response(Signal.LOGS, 2, "why", Encoding.JSON))
    assert document == {"partialSuccess": {"rejectedLogRecords": "2", "errorMessage": "why"}}


@pytest.mark.parametrize(
    ("error", "http_status", "code"),
    [
        (PermanentError("x"), 400, Code.INVALID_ARGUMENT),
        (BodyTooLarge("x"), 413, Code.RESOURCE_EXHAUSTED),
        (UnsupportedMediaType("x"), 415, Code.INVALID_ARGUMENT),
        (StoreUnavailable("x"), 503, Code.UNAVAILABLE),
        (RetryableError("x"), 503, Code.UNAVAILABLE),
        (Overloaded("x"), 429, Code.UNAVAILABLE),
        (ZeroDivisionError("secret"), 500, Code.INTERNAL),
    ],
)
def test_every_error_has_its_codes(error: Exception, http_status: int, code: Code) -> None:
    """Only what may be retried gets a code that clients retry, and a hint of at most 2 s."""
    answer = error_answer(error)
    assert (answer.http_status, answer.code) == (http_status, code)
    assert (answer.retry_after_s is not None) == isinstance(error, RetryableError)
    assert (answer.http_status in RETRYABLE_HTTP) == isinstance(error, RetryableError)
    assert (answer.retry_after_s or 1) in range(1, RETRY_AFTER_S_MAX + 1)
    assert "secret" not in answer.message


def test_an_error_body_is_a_status_in_the_requests_encoding() -> None:
    """The Status carries code and message, and RetryInfo exactly when a retry makes sense."""
    answer = error_answer(Overloaded("too much", hint="send less"))
    status = RpcStatus.FromString(encode_error(answer, Encoding.PROTOBUF))
    assert (status.code, status.message) == (14, "too much; send less")
    info = RetryInfo()
    assert status.details[0].Unpack(info)
    assert info.retry_delay.seconds == 1
    document = json.loads(encode_error(answer, Encoding.JSON))
    assert (document["code"], document["message"]) == (14, "too much; send less")
    assert document["details"][0]["retryDelay"] == "1s"
    permanent = encode_error(error_answer(PermanentError("bad")), Encoding.PROTOBUF)
    assert not RpcStatus.FromString(permanent).details


def test_a_hint_never_exceeds_what_clients_bear() -> None:
    """A longer wait than 2 s makes stock clients drop the batch at once: it is cut."""
    error = Overloaded("x")
    error.retry_after_s = 600
    assert error_answer(error).retry_after_s == RETRY_AFTER_S_MAX
