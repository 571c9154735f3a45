"""A real gRPC logs service."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as messages
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2_grpc as service

Code = grpc.StatusCode
Reply = tuple[Any, str, tuple[tuple[str, bytes], ...]]


class GrpcCollector(service.LogsServiceServicer):
    """A logs service that answers what a test wants, in the clear or over TLS."""

    def __init__(self, credentials: Any = None) -> None:
        self.replies: deque[Reply] = deque()
        self.bad_span_id: int | None = None
        self.accepted: list[int] = []
        self.metadata: list[dict[str, Any]] = []
        self._server = grpc.server(ThreadPoolExecutor(2))
        service.add_LogsServiceServicer_to_server(self, self._server)
        where = "127.0.0.1:0"
        self.port = (
            self._server.add_insecure_port(where)
            if credentials is None
            else self._server.add_secure_port(where, credentials)
        )
        self._server.start()

    def Export(  # noqa: N802 - the protocol names it so
        self, request: messages.ExportLogsServiceRequest, context: grpc.ServicerContext
    ) -> messages.ExportLogsServiceResponse:
        """Answer one request."""
        self.metadata.append(dict(context.invocation_metadata()))
        span_ids = [
            int.from_bytes(record.span_id, "big")
            for record in request.resource_logs[0].scope_logs[0].log_records
        ]
        if self.replies:
            code, text, trailers = self.replies.popleft()
            context.set_trailing_metadata(trailers)
            context.abort(code, text)
        if self.bad_span_id in span_ids:
            context.abort(Code.INVALID_ARGUMENT, "bad span")
        self.accepted += span_ids
        return messages.ExportLogsServiceResponse()

    def stop(self) -> None:
        """End at once."""
        self._server.stop(None).wait()
