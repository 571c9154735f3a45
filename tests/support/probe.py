"""A client that looks at a collector's answers."""

from __future__ import annotations

import grpc
import httpx
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub

from tests.support import otlp_requests as otlp
from tests.support.mortal_collector import MortalCollector
from tests.support.oracle import Oracle
from tests.support.senders import wire_span

PATIENCE_S = 20.0


class Probe:
    """One more client, who looks at the answers."""

    def __init__(self, collector: MortalCollector, oracle: Oracle) -> None:
        self._collector = collector
        self._oracle = oracle

    def post(self) -> httpx.Response:
        """Send one request over HTTP."""
        numbers = self._oracle.issue(1)
        body = self._request(numbers).SerializeToString()
        url = f"{self._collector.otlp_http}/v1/traces"
        headers = {"Content-Type": "application/x-protobuf"}
        answer = httpx.post(url, content=body, headers=headers, timeout=PATIENCE_S, trust_env=False)
        if answer.status_code == httpx.codes.OK:
            self._oracle.acknowledge(numbers)
        return answer

    def call(self) -> tuple[grpc.StatusCode, set[str]]:
        """Send one request over gRPC; return its status and the names in its trailer."""
        numbers = self._oracle.issue(1)
        with grpc.insecure_channel(self._collector.otlp_grpc_address) as channel:
            try:
                TraceServiceStub(channel).Export(self._request(numbers), timeout=PATIENCE_S)
            except grpc.RpcError as error:
                return error.code(), {key for key, _ in error.trailing_metadata()}
        self._oracle.acknowledge(numbers)
        return grpc.StatusCode.OK, set()

    def _request(self, numbers: list[int]) -> otlp.ExportTraceServiceRequest:
        return otlp.traces(wire_span(self._oracle, number) for number in numbers)

    def is_refused(self) -> bool:
        """Whether the collector refuses over HTTP."""
        return self.post().status_code == httpx.codes.SERVICE_UNAVAILABLE

    def is_taken(self) -> bool:
        """Whether the collector takes event logs over HTTP."""
        return self.post().status_code == httpx.codes.OK
