"""The duties of an OTLP server, one by one, on each way in: both encodings over HTTP, and gRPC.

After the OTLP specification ("OTLP/gRPC", "OTLP/HTTP", "JSON Protobuf Encoding"). Each duty is a
test, each way in a parameter; what a way cannot do (a path over gRPC, a trailer over HTTP) is not
among its duties.
"""

from __future__ import annotations

import gzip
import json
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from otel_eventlog.mapping import Mapper
from otel_eventlog.model import Rank
from otel_eventlog.privacy import Privacy
from otel_eventlog.ruleset import RuleSet
from otel_eventlog_collector.errors import (
    BodyTooLarge,
    Forbidden,
    Overloaded,
    PermanentError,
    StoreUnavailable,
    Unauthorized,
)
from otel_eventlog_collector.otlp.encode import MESSAGE_CHARS_MAX
from otel_eventlog_collector.otlp.traces import TraceDecoder
from otel_eventlog_collector.protocols import ConsumeResult
from tests.support import otlp_requests as otlp
from tests.support.builders import event_log
from tests.support.receiving import JSON, PROTOBUF, ListConsumer, Receiving, receiving

TIMEOUT_S = 20
REQUESTS: Mapping[str, type[Message]] = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}
RESPONSES: Mapping[str, Any] = {
    "traces": ExportTraceServiceResponse,
    "logs": ExportLogsServiceResponse,
    "metrics": ExportMetricsServiceResponse,
}
SERVICES = {"traces": "trace.v1.Trace", "logs": "logs.v1.Logs", "metrics": "metrics.v1.Metrics"}
COMPRESSIONS: Mapping[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
}
GRPC_COMPRESSIONS = {
    "": grpc.Compression.NoCompression,
    "gzip": grpc.Compression.Gzip,
    "deflate": grpc.Compression.Deflate,
}
TWO_SPANS = otlp.traces([otlp.span(1), otlp.span(2)])
ONE_BAD_SPAN = otlp.traces([otlp.span(1), otlp.span(2, span_id=b"\0" * 8), otlp.span(3)])
NOTHING_IS_WANTED = Mapper(RuleSet([]), Privacy(None), Rank.DERIVED)
BAD_RECORD = LogRecord(event_name="eventlog.start", span_id=b"\1" * 8)


@dataclass
class Told:
    """What a sender is told: a code of google.rpc.Code, the response or the error, a hint."""

    code: int
    response: Any = None
    status: Status | None = None
    retry_s: int | None = None
    http_status: int = 0


class Way(ABC):
    """One way in."""

    @abstractmethod
    def encode(self, request: Message) -> bytes:
        """Return a request as it travels."""

    @abstractmethod
    def send(
        self, running: Receiving, signal: str, body: bytes, compression: str = "", token: str = ""
    ) -> Told:
        """Send a request and return what came back, checked for its form."""


class OverHttp(Way):
    """OTLP/HTTP in one of its encodings."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def encode(self, request: Message) -> bytes:
        """Return protobuf or JSON."""
        return request.SerializeToString() if self.kind == PROTOBUF else otlp.as_json(request)

    def send(
        self, running: Receiving, signal: str, body: bytes, compression: str = "", token: str = ""
    ) -> Told:
        """Send by POST."""
        headers = {"content_type": self.kind}
        if compression:
            headers["content_encoding"] = compression
        if token:
            headers["authorization"] = token
        squeezed = COMPRESSIONS[compression](body)
        answer = running.post(f"/v1/{signal}", squeezed, **headers)
        # Duty: the answer, whatever it is, comes in the request's own encoding.
        assert answer.headers["content-type"] == self.kind
        if answer.status == 200:
            assert "retry-after" not in answer.headers
            return Told(0, self._read(RESPONSES[signal], answer.body), http_status=200)
        status = self._read(Status, answer.body)
        hint = answer.headers.get("retry-after")
        return Told(
            status.code, None, status, int(hint) if hint is not None else None, answer.status
        )

    def _read(self, message_type: Any, body: bytes) -> Any:
        if self.kind == PROTOBUF:
            return message_type.FromString(body)
        return ParseDict(json.loads(body), message_type())


class OverGrpc(Way):
    """OTLP/gRPC."""

    def encode(self, request: Message) -> bytes:
        """Return protobuf."""
        return request.SerializeToString()

    def send(
        self, running: Receiving, signal: str, body: bytes, compression: str = "", token: str = ""
    ) -> Told:
        """Send by a unary call."""
        path = f"/opentelemetry.proto.collector.{SERVICES[signal]}Service/Export"
        with grpc.insecure_channel(f"127.0.0.1:{running.grpc_port}") as channel:
            try:
                answer = channel.unary_unary(path)(
                    body,
                    timeout=TIMEOUT_S,
                    compression=GRPC_COMPRESSIONS[compression],
                    metadata=(("authorization", token),) if token else None,
                )
            except grpc.RpcError as error:
                return self._refused(error)
        return Told(0, RESPONSES[signal].FromString(answer))

    def _refused(self, error: Any) -> Told:
        trailers = dict(error.trailing_metadata())
        status = Status.FromString(trailers["grpc-status-details-bin"])
        code = error.code().value[0]
        assert (status.code, status.message) == (code, error.details())
        hint = None
        if "google.rpc.retryinfo-bin" in trailers:
            info = RetryInfo.FromString(trailers["google.rpc.retryinfo-bin"])
            # Duty: the hint stands in the status, where the standard looks for it, as well.
            told = RetryInfo()
            assert status.details[0].Unpack(told)
            assert told == info
            hint = info.retry_delay.seconds
            assert info.retry_delay.nanos == 0
        else:
            assert not status.details
        return Told(code, None, status, hint)


WAYS = [
    pytest.param(OverHttp(PROTOBUF), id="http-protobuf"),
    pytest.param(OverHttp(JSON), id="http-json"),
    pytest.param(OverGrpc(), id="grpc"),
]
each_way = pytest.mark.parametrize("way", WAYS)
each_signal = pytest.mark.parametrize("signal", ["traces", "logs", "metrics"])


@pytest.fixture(scope="module")
def kept() -> Iterator[Receiving]:
    """Receivers that many tests share."""
    with receiving() as found:
        yield found


@pytest.fixture
def running(kept: Receiving) -> Receiving:
    """The shared receivers, their lists empty."""
    kept.consumer.spans.clear()
    kept.consumer.events.clear()
    return kept


@each_way
@each_signal
def test_an_empty_request_is_a_full_success(running: Receiving, way: Way, signal: str) -> None:
    """A request without data is a success, and full success leaves partial_success unset."""
    told = way.send(running, signal, way.encode(REQUESTS[signal]()))
    assert told.code == 0
    assert not told.response.HasField("partial_success")


@each_way
@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_each_compression_is_understood(running: Receiving, way: Way, compression: str) -> None:
    """None and gzip are duties; deflate is what stock exporters offer besides."""
    told = way.send(running, "traces", way.encode(TWO_SPANS), compression)
    assert told.code == 0
    assert not told.response.HasField("partial_success")
    assert [span.span_id for span in running.consumer.spans] == [1, 2]


@each_way
def test_event_logs_are_taken_as_logs(running: Receiving, way: Way) -> None:
    """Logs arrive; records that are no event logs are accepted all the same."""
    request = otlp.logs_of([event_log()])
    request.resource_logs.add().scope_logs.add().log_records.add().body.string_value = "hello"
    told = way.send(running, "logs", way.encode(request))
    assert not told.response.HasField("partial_success")
    assert len(running.consumer.events) == 1


@each_way
def test_metrics_are_accepted_without_a_word(running: Receiving, way: Way) -> None:
    """A whole SDK may be pointed here: nothing is rejected, and no warning fills its log."""
    request = ExportMetricsServiceRequest()
    request.resource_metrics.add().scope_metrics.add().metrics.add().name = "requests"
    told = way.send(running, "metrics", way.encode(request))
    assert not told.response.HasField("partial_success")


@each_way
def test_bad_spans_are_a_partial_success(running: Receiving, way: Way) -> None:
    """What is rejected is counted and explained, and its neighbours are stored."""
    told = way.send(running, "traces", way.encode(ONE_BAD_SPAN)).response.partial_success
    assert told.rejected_spans == 1
    assert "span id" in told.error_message
    assert [span.span_id for span in running.consumer.spans] == [1, 3]


@each_way
def test_bad_log_records_are_a_partial_success(running: Receiving, way: Way) -> None:
    """The same for logs, in the field of logs."""
    request = otlp.logs_of([event_log()])
    request.resource_logs.add().scope_logs.add().log_records.append(BAD_RECORD)
    told = way.send(running, "logs", way.encode(request)).response.partial_success
    assert told.rejected_log_records == 1
    assert told.error_message
    assert len(running.consumer.events) == 1


@each_way
def test_a_span_that_no_rule_wants_is_accepted(way: Way) -> None:
    """Not wanted is not rejected: a sender could not mend it."""
    with receiving(traces=TraceDecoder(NOTHING_IS_WANTED)) as running:
        told = way.send(running, "traces", way.encode(TWO_SPANS))
        assert told.code == 0
        assert not told.response.HasField("partial_success")
        assert not running.consumer.spans


@each_way
@pytest.mark.parametrize("signal", ["traces", "logs"])
@pytest.mark.parametrize("body", [b"\xff\xff\xff", b"{", b"[]", b"\x0a\x7f"])
def test_what_cannot_be_decoded_is_a_permanent_error(
    running: Receiving, way: Way, signal: str, body: bytes
) -> None:
    """Undecodable is INVALID_ARGUMENT, 400, and never to be retried."""
    told = way.send(running, signal, body)
    assert (told.code, told.retry_s) == (3, None)
    assert told.http_status in (0, 400)
    assert told.status is not None
    assert told.status.message


REFUSALS = [
    pytest.param(PermanentError("never"), 3, 400, id="permanent"),
    pytest.param(BodyTooLarge("too much at once"), 8, 413, id="too-large"),
    pytest.param(Overloaded("too much"), 14, 429, id="overloaded"),
    pytest.param(StoreUnavailable("not now"), 14, 503, id="unavailable"),
    pytest.param(ZeroDivisionError("ours"), 13, 500, id="mistake"),
]


@each_way
@pytest.mark.parametrize(("error", "code", "http_status"), REFUSALS)
def test_each_refusal_has_its_code_and_hint(
    way: Way, error: Exception, code: int, http_status: int
) -> None:
    """Retryable are the codes clients retry, with a hint of whole seconds, two at most."""

    def fail(_records: Sequence[Any]) -> None:
        raise error

    with receiving(ListConsumer(fail)) as running:
        told = way.send(running, "traces", way.encode(TWO_SPANS))
    assert told.code == code
    assert told.http_status in (0, http_status)
    assert told.retry_s in ((1, 2) if code == 14 else (None,))


@each_way
@pytest.mark.parametrize(
    ("error", "code", "http_status"),
    [(Unauthorized("a token is needed"), 16, 401), (Forbidden("not for this"), 7, 403)],
)
@each_signal
def test_tokens_come_first(
    way: Way, error: Exception, code: int, http_status: int, signal: str
) -> None:
    """Without a good token nothing of a body is looked at."""

    def authorize(header: str | None, peer: str) -> None:
        assert peer
        if header != "Bearer good":
            raise error

    with receiving(authorize=authorize) as running:
        told = way.send(running, signal, b"\xff\xff\xff", token="Bearer bad")
        assert (told.code, told.retry_s) == (code, None)
        assert told.http_status in (0, http_status)
        sent = way.encode(REQUESTS[signal]())
        assert way.send(running, signal, sent, token="Bearer good").code == 0


@each_way
def test_answers_stay_small(way: Way) -> None:
    """A response of more than 4 MiB would not be read; ours are cut long before."""
    with receiving(ListConsumer(lambda _: ConsumeResult(0, 2, "x" * 9_000_000))) as running:
        told = way.send(running, "traces", way.encode(TWO_SPANS)).response.partial_success
    assert told.rejected_spans == 2
    assert len(told.error_message) == MESSAGE_CHARS_MAX


@each_way
def test_a_request_is_large_only_beyond_four_mebibytes(running: Receiving, way: Way) -> None:
    """What grpc refuses by default, a batch of a few thousand spans, is taken."""
    request = otlp.traces([otlp.span(1, trace_state="x" * 6_000_000)])
    assert way.send(running, "traces", way.encode(request), "gzip").code == 0
    assert len(running.consumer.spans) == 1


@each_way
def test_what_is_unknown_is_ignored(running: Receiving, way: Way) -> None:
    """Fields and enum values of later versions of the protocol change nothing."""
    span = otlp.span(1, kind=99)  # type: ignore[arg-type]
    if way.encode(TWO_SPANS) == TWO_SPANS.SerializeToString():
        data = span.SerializeToString() + b"\xfa\x3f\x05later"  # field 1023
        body = otlp.traces_of_slices([data]) + b"\xfa\x3f\x05later"
    else:
        document = json.loads(otlp.as_json(otlp.traces([span])))
        document["later"] = [{"deep": {"er": None}}]
        document["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["later"] = "x"
        body = json.dumps(document).encode()
    told = way.send(running, "traces", body)
    assert told.code == 0
    assert not told.response.HasField("partial_success")
    assert [span.span_id for span in running.consumer.spans] == [1]


@pytest.mark.parametrize("change", [str.upper, str.lower])
@pytest.mark.parametrize("as_number", [str, int])
def test_json_is_read_as_the_protocol_writes_it(
    running: Receiving, change: Callable[[str], str], as_number: Callable[[str], Any]
) -> None:
    """Ids in hex of either case; 64-bit integers as strings or numbers."""
    document = json.loads(otlp.as_json(otlp.traces([otlp.span(10)]), change))
    span = document["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    for name in ("startTimeUnixNano", "endTimeUnixNano"):
        span[name] = as_number(span[name])
    told = OverHttp(JSON).send(running, "traces", json.dumps(document).encode())
    assert not told.response.HasField("partial_success")
    (found,) = running.consumer.spans
    assert (found.trace_id, found.span_id) == (otlp.TRACE_ID, 10)
    assert found.start_unix_nano == otlp.NOW
