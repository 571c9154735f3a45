"""A small real OTLP/HTTP server that keeps what it is sent: spans by name, event logs decoded."""

from __future__ import annotations

import gzip
import threading
import time
import zlib
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_eventlog.model import EventLog
from otel_eventlog.wire import WireRecord, from_record

_DECODERS: dict[str | None, Callable[[bytes], bytes]] = {
    None: bytes,
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
}


class OtlpSink:
    """Listens on a free port of the loopback while used in `with`.

    Attributes:
        url: base URL, for OTEL_EXPORTER_OTLP_ENDPOINT and OTEL_EVENTLOG_ENDPOINT.
        spans: every span received.
        events: every event log received, in order of arrival.
        headers: the headers of every request received.

    """

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.events: list[EventLog] = []
        self.headers: list[dict[str, str]] = []
        self._changed = threading.Condition()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def wait_for_events(self, count: int, timeout_s: float = 15.0) -> list[EventLog]:
        """Return the event logs as soon as there are so many; fail if there never are."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while len(self.events) < count:
                left = deadline - time.monotonic()
                assert left > 0, f"{len(self.events)} of {count} event logs: {self.events}"
                self._changed.wait(left)
            return list(self.events)

    def wait_for_spans(self, are_enough: Callable[[list[Span]], bool], timeout_s: float) -> None:
        """Return as soon as there are spans enough; fail if there never are."""
        with self._changed:
            names = [span.name for span in self.spans]
            assert self._changed.wait_for(lambda: are_enough(self.spans), timeout_s), names

    def take_spans(self, body: bytes) -> bytes:
        """Keep the spans of a request and return the answer."""
        request = ExportTraceServiceRequest.FromString(body)
        with self._changed:
            for resource_spans in request.resource_spans:
                for scope_spans in resource_spans.scope_spans:
                    self.spans += scope_spans.spans
            self._changed.notify_all()
        return bytes(ExportTraceServiceResponse().SerializeToString())

    def take_logs(self, body: bytes) -> bytes:
        """Keep the event logs of a request and return the answer."""
        request = ExportLogsServiceRequest.FromString(body)
        with self._changed:
            for resource_logs in request.resource_logs:
                resource = _mapping(resource_logs.resource.attributes)
                for scope_logs in resource_logs.scope_logs:
                    for log in scope_logs.log_records:
                        self.events.append(from_record(_record(log), resource))
            self._changed.notify_all()
        return bytes(ExportLogsServiceResponse().SerializeToString())

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        sink = self
        takers = {"/v1/traces": self.take_spans, "/v1/logs": self.take_logs}

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sink.headers.append({name.lower(): value for name, value in self.headers.items()})
                taker = takers.get(self.path)
                answer = b""
                if taker is not None:
                    answer = taker(_DECODERS[self.headers.get("Content-Encoding")](body))
                self.send_response(200 if taker is not None else 404)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                """Stay quiet."""

        return Handler


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: applications that are killed are part of the tests."""


def _record(log: Any) -> WireRecord:
    return WireRecord(
        event_name=log.event_name,
        time_unix_nano=log.time_unix_nano,
        observed_unix_nano=log.observed_time_unix_nano,
        trace_id=int.from_bytes(log.trace_id, "big"),
        span_id=int.from_bytes(log.span_id, "big"),
        flags=log.flags,
        severity_number=log.severity_number,
        severity_text=log.severity_text,
        body=log.body.string_value,
        attributes=_mapping(log.attributes),
    )


def _mapping(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "kvlist_value":
        return _mapping(value.kvlist_value.values)
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return None if kind is None else getattr(value, kind)
