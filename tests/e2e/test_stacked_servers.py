"""One pair per request of one action: real servers with instrumentations on top of each other."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_eventlog.model import EventLog
from tests.support.otlp_sink import OtlpSink
from tests.support.processes import free_port, running
from tests.support.ways_in import (
    DEADLINE_S,
    INSTRUMENT,
    RIGHT,
    SAMPLED,
    UNSAMPLED,
    WAYS,
    WRONG,
    gunicorn,
    uvicorn,
)

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

# FastAPI makes spans by itself where contrib's instrumentation does not.
NATIVE = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "fastapi"}


@dataclass
class Running:
    """An application in progress, its client, and what leaves it."""

    client: httpx.Client
    traces: OtlpSink
    collector: OtlpSink

    def post(self, path: str, form: dict[str, object], **headers: str) -> httpx.Response:
        """Send a POST on a connection of its own."""
        return self.client.post(path, json=form, headers={"X-Request-Id": "r-1"} | headers)

    def actions(self, count: int) -> Counter[str]:
        """Return what happened, once there are so many event logs; each request is one pair."""
        events = self.collector.wait_for_events(count, DEADLINE_S)
        by_request: dict[str, list[EventLog]] = {}
        for event in events:
            by_request.setdefault(event.request_id, []).append(event)
        for pair in by_request.values():
            assert sorted(event.status != "start" for event in pair) == [False, True], pair
            assert len({event.action for event in pair}) == 1
        return Counter(f"{event.action} {event.status}" for event in events)


@contextmanager
def serving(module: str, **more: str) -> Iterator[Running]:
    """Run a module of `apps/ways` under `opentelemetry-instrument` and the server it asks for."""
    port = free_port()
    is_asgi = module in {"stacked_asgi", "stacked_mount", "shop_fastapi"}
    command = (uvicorn() if is_asgi else gunicorn("--threads", "2"))(port, module)
    with OtlpSink() as traces, OtlpSink() as collector:
        environment = WAYS["env"].environment(port, traces.url, collector.url) | more
        with (
            # On SIGINT gunicorn's threaded worker can lock itself out (see `Visitor`).
            running([INSTRUMENT, *command], port, environment, end_with=signal.SIGTERM),
            httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=DEADLINE_S) as client,
        ):
            yield Running(client, traces, collector)


@pytest.mark.parametrize(
    ("module", "path", "more"),
    [
        ("stacked_asgi", "/login", {}),
        ("stacked_asgi", "/login", NATIVE),
        ("stacked_wsgi", "/login", {}),
        ("stacked_mount", "/api/login", {}),
        ("stacked_mount", "/api/login", NATIVE),
        ("stacked_dispatch", "/shop/login", {}),
        ("shop_fastapi", "/login", NATIVE),
    ],
    ids=["asgi", "asgi-native", "wsgi", "mount", "mount-native", "dispatcher", "native"],
)
def test_one_login_is_one_pair(module: str, path: str, more: dict[str, str]) -> None:
    """Whatever is stacked, sampled, unsampled or hidden by the caller: one start, one outcome."""
    with serving(module, **more) as shop:
        answers = [
            shop.post(path, RIGHT),
            shop.post(path, WRONG, **SAMPLED),
            shop.post(path, WRONG, **UNSAMPLED),
            shop.client.get(path.replace("login", "news"), headers=SAMPLED),
        ]
        assert [answer.status_code for answer in answers] == [200, 401, 401, 200]
        assert shop.actions(6) == {
            "PasswordsAuthenticate start": 3,
            "PasswordsAuthenticate success": 1,
            "PasswordsAuthenticate error": 2,
        }
        assert {event.correlation_id for event in shop.collector.events} == {"r-1"}
        known = {event.request_id for event in shop.collector.events}
    assert len(shop.collector.events) == 6, "something came after the application's end"
    headers = [answer.headers.get_list("X-EventLog-Request-Id") for answer in answers]
    if more is NATIVE and module != "stacked_asgi":
        assert headers == [[], [], [], []], "FastAPI's own tracing has no response propagator"
    else:
        assert {header for told in headers[:3] for header in told} == known
        assert [len(told) for told in headers] == [1, 1, 1, 0]


class AuthProvider(ThreadingHTTPServer):
    """Stands for every host beyond this machine: a proxy that answers instead of passing on."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _ProviderHandler)
        self.urls: list[str] = []


class _ProviderHandler(BaseHTTPRequestHandler):
    server: AuthProvider

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.urls.append(self.path)
        self.send_response(401 if b"hunter2" in body else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture
def provider() -> Iterator[AuthProvider]:
    """Run an auth provider."""
    server = AuthProvider()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_client_span_to_an_auth_provider_inside_of_the_server_span(
    provider: AuthProvider,
) -> None:
    """The same action inside is the same request; another one, or one alone, is its own."""
    more = {
        "HTTP_PROXY": f"http://127.0.0.1:{provider.server_port}",
        "NO_PROXY": "127.0.0.1,localhost",
        "OTEL_EVENTLOG_PACKS": "stytch",
    }
    with serving("stacked_client", **more) as shop:
        for headers in ({}, SAMPLED, UNSAMPLED):
            assert shop.post("/login", WRONG, **headers).status_code == 401
            assert shop.post("/register", RIGHT, **headers).status_code == 200
            assert shop.post("/callback-of-nobody", RIGHT, **headers).status_code == 200
        found = shop.actions(24)
        shop.traces.wait_for_spans(lambda spans: len(spans) >= 6, DEADLINE_S)
    assert len(provider.urls) == 9
    assert found == {
        "PasswordsAuthenticate start": 3,
        "PasswordsAuthenticate error": 3,
        "CreateUser start": 3,
        "CreateUser success": 3,
        "MagicLinksEmailLoginOrCreate start": 3,
        "MagicLinksEmailLoginOrCreate success": 3,
        "SessionsAuthenticate start": 3,
        "SessionsAuthenticate success": 3,
    }
    assert dropped(shop.traces.spans) == [("POST", Span.SPAN_KIND_CLIENT)]


def dropped(spans: list[Span]) -> list[tuple[str, int]]:
    """Return the exported spans that tell a collector: no auth call of its own."""
    return [
        (span.name, span.kind)
        for span in spans
        if any(pair.key == "eventlog.drop" for pair in span.attributes)
    ]
