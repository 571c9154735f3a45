"""A small OTLP/HTTP server that keeps the spans it is sent."""

from __future__ import annotations

import gzip
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

WAIT_S_MAX = 60.0
_KINDS = {kind.removeprefix("SPAN_KIND_").lower(): number for kind, number in Span.SpanKind.items()}
_DECODERS: dict[str | None, Any] = {
    None: bytes,
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
}


class _QuietServer(ThreadingHTTPServer):
    """Says nothing of the connections that break when the program is stopped."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a span that did not arrive is told by `wait_for`."""


class SpanSink:
    """Listens on a free port of the loopback while used in `with`."""

    def __init__(self) -> None:
        """Bind, without listening yet."""
        self.received: list[ExportTraceServiceRequest] = []
        self._changed = threading.Condition()
        self._server = _QuietServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        """Listen."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def spans(self) -> Iterator[Span]:
        """Yield every span received so far."""
        for request in self.received:
            for resource_spans in request.resource_spans:
                for scope_spans in resource_spans.scope_spans:
                    yield from scope_spans.spans

    def find(self, trace_id: str, kind: str) -> list[Span]:
        """Return the spans of one kind in a trace, in order of their start."""
        number = _KINDS[kind]
        found = [
            span for span in self.spans() if span.trace_id.hex() == trace_id and span.kind == number
        ]
        return sorted(found, key=lambda span: span.start_time_unix_nano)

    def wait_for(self, wanted: Iterable[tuple[str, str]]) -> None:
        """Return as soon as each trace has a span of the kind asked for.

        Raises:
            TimeoutError: some never came.

        """
        missing = set(wanted)
        deadline = time.monotonic() + WAIT_S_MAX
        with self._changed:
            while True:
                missing = {(trace, kind) for trace, kind in missing if not self.find(trace, kind)}
                if not missing:
                    return
                if not self._changed.wait(max(0.0, deadline - time.monotonic())):
                    raise TimeoutError(f"no span came for {sorted(missing)}")

    def _take(self, body: bytes, content_type: str) -> bytes:
        if "json" in content_type:
            # OTLP's JSON writes ids in hex, protobuf's own JSON in base64.
            raise ValueError("send OTLP as http/protobuf")
        with self._changed:
            self.received.append(ExportTraceServiceRequest.FromString(body))
            self._changed.notify_all()
        return bytes(ExportTraceServiceResponse().SerializeToString())

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = _body(self)
                answer = sink._take(body, self.headers.get("Content-Type", ""))
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                """Stay quiet."""

        return Handler


def _body(request: BaseHTTPRequestHandler) -> bytes:
    """Read a body; Node's exporters send it in chunks, without a length."""
    if "chunked" in request.headers.get("Transfer-Encoding", ""):
        chunks = []
        while size := int(request.rfile.readline().partition(b";")[0], 16):
            chunks.append(request.rfile.read(size))
            request.rfile.readline()
        request.rfile.readline()
        raw = b"".join(chunks)
    else:
        raw = request.rfile.read(int(request.headers["Content-Length"]))
    return bytes(_DECODERS[request.headers.get("Content-Encoding")](raw))
