"""Both OTLP receivers pass the same battery."""

from __future__ import annotations

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from tests.contracts.receiver_battery import ReceiverBattery, Verdict
from tests.support.receiving import Receiving

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
OF_HTTP = {
    200: Verdict.ACCEPTED,
    400: Verdict.PERMANENT,
    429: Verdict.RETRYABLE,
    503: Verdict.RETRYABLE,
    500: Verdict.INTERNAL,
}
OF_GRPC = {
    grpc.StatusCode.INVALID_ARGUMENT: Verdict.PERMANENT,
    grpc.StatusCode.UNAVAILABLE: Verdict.RETRYABLE,
    grpc.StatusCode.INTERNAL: Verdict.INTERNAL,
}


def rejected_in(body: bytes) -> int:
    """Return how many spans a response says were rejected."""
    return ExportTraceServiceResponse.FromString(body).partial_success.rejected_spans


class TestHttpReceiver(ReceiverBattery):
    """OTLP over HTTP."""

    def send(self, running: Receiving, body: bytes) -> tuple[Verdict, int]:
        """Send by POST."""
        answer = running.post("/v1/traces", body, content_type="application/x-protobuf")
        verdict = OF_HTTP[answer.status]
        assert ("retry-after" in answer.headers) == (verdict is Verdict.RETRYABLE)
        return verdict, rejected_in(answer.body) if verdict is Verdict.ACCEPTED else 0


class TestGrpcReceiver(ReceiverBattery):
    """OTLP over gRPC."""

    def send(self, running: Receiving, body: bytes) -> tuple[Verdict, int]:
        """Send by a unary call."""
        with grpc.insecure_channel(f"127.0.0.1:{running.grpc_port}") as channel:
            try:
                response = channel.unary_unary(EXPORT)(body, timeout=10)
            except grpc.RpcError as error:
                verdict = OF_GRPC[error.code()]
                hinted = "google.rpc.retryinfo-bin" in dict(error.trailing_metadata())
                assert hinted == (verdict is Verdict.RETRYABLE)
                return verdict, 0
            return Verdict.ACCEPTED, rejected_in(response)
