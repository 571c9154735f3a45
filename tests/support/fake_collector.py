"""An OTLP/HTTP endpoint on a real socket that answers what a test wants, however odd."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

SILENCE_S_MAX = 60.0


@dataclass(frozen=True)
class Reply:
    """One answer.

    Attributes:
        status: HTTP status code; 0 closes the connection without a word.
        headers: beyond the content's length.
        body: the content.
        is_silent: do not answer before the collector is stopped.
        is_endless: go on sending until the client goes away.

    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_silent: bool = False
    is_endless: bool = False


@dataclass(frozen=True)
class Received:
    """One request."""

    path: str
    headers: Mapping[str, str]
    request: ExportLogsServiceRequest
    answered: Reply
    time_s: float
    bytes_count: int

    @property
    def records(self) -> list[LogRecord]:
        """Every log record in it, in order."""
        return [
            record
            for resource_logs in self.request.resource_logs
            for scope_logs in resource_logs.scope_logs
            for record in scope_logs.log_records
        ]


Judge = Callable[[list[LogRecord], int], Reply | None]


class FakeCollector:
    """Answers 200 unless told otherwise; keeps everything it received."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.replies: deque[Reply] = deque()
        """Answers for the next requests, one each."""
        self.judge: Judge = lambda _records, _bytes_count: None
        """Decides by content: records and size → answer, or None for 200."""
        self.bytes_sent = 0
        self.has_ended = threading.Event()
        """Set when the client has left an endless answer."""
        self._stopping = threading.Event()
        self._server: _Server | None = None
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        """Base URL, also while it is stopped."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def accepted(self) -> list[int]:
        """Span ids of the records that were answered with 200, in order of arrival."""
        return [int.from_bytes(record.span_id, "big") for record in self.accepted_records]

    @property
    def accepted_records(self) -> list[LogRecord]:
        """The records that were answered with 200, in order of arrival."""
        return [
            record
            for received in self.received
            if received.answered.status == 200 and not received.answered.is_silent
            for record in received.records
        ]

    @property
    def event_ids(self) -> list[str]:
        """The ids of the event logs that were answered with 200, in order of arrival."""
        return [
            attribute.value.string_value
            for record in self.accepted_records
            for attribute in record.attributes
            if attribute.key == "log.record.uid"
        ]

    def start(self) -> None:
        """Listen, on the same port as before."""
        self._stopping.clear()
        self._server = _Server(("127.0.0.1", self.port), self)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Close the port and every connection, as a process does that ends."""
        server, self._server = self._server, None
        if server is not None:
            self._stopping.set()
            server.shutdown()
            server.close_all()

    def wrap(self, tls: ssl.SSLContext) -> None:
        """Speak TLS from now on."""
        assert self._server is not None
        self._server.tls = tls

    def silence(self) -> None:
        """Wait until the collector is stopped."""
        self._stopping.wait(SILENCE_S_MAX)

    def decide(self, records: list[LogRecord], bytes_count: int) -> Reply:
        """Return the answer to one request."""
        if self.replies:
            return self.replies.popleft()
        return self.judge(records, bytes_count) or Reply()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], collector: FakeCollector) -> None:
        self.collector = collector
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.tls: ssl.SSLContext | None = None
        super().__init__(address, _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self.tls is not None:
            try:
                connection = self.tls.wrap_socket(connection, server_side=True)
            except OSError:
                connection.close()
                raise
        with self._lock:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that go away are part of the tests."""

    def close_all(self) -> None:
        with self._lock:
            connections, self._open = self._open, set()
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        coding = self.headers.get("content-encoding")
        decode = {"gzip": gzip.decompress, "deflate": zlib.decompress, None: bytes}[coding]
        plain = decode(body)
        collector = self.server.collector
        request = ExportLogsServiceRequest.FromString(plain)
        probe = Received(self.path, {}, request, Reply(), 0, 0)
        reply = collector.decide(probe.records, len(plain))
        headers = {name.lower(): value for name, value in self.headers.items()}
        received = Received(self.path, headers, request, reply, time.monotonic(), len(body))
        collector.received.append(received)
        if reply.is_silent:
            collector.silence()
        if reply.is_silent or reply.status == 0:
            self.close_connection = True
            return
        self._answer(reply, collector)

    def _answer(self, reply: Reply, collector: FakeCollector) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if not reply.is_endless:
            self.send_header("content-length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)
        try:
            while reply.is_endless:
                collector.bytes_sent += self.connection.send(b"x" * 4096)
        finally:
            collector.has_ended.set()

    def do_GET(self) -> None:
        self._answer(Reply(body=b"hello"), self.server.collector)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base names it so
        """Say nothing."""


def partial_success(rejected: int, message: str) -> Reply:
    """Return a 200 that names records as rejected."""
    response = ExportLogsServiceResponse()
    response.partial_success.rejected_log_records = rejected
    response.partial_success.error_message = message
    return Reply(
        headers={"content-type": "application/x-protobuf"}, body=response.SerializeToString()
    )
