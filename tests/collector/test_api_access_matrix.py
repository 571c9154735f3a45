"""Every endpoint with every kind of token: who is let in where, before any of the body is read."""

from __future__ import annotations

import http.client
import logging
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import grpc
import httpx
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub

from otel_eventlog_collector.api.access import OPEN_PATHS
from otel_eventlog_collector.api.app import ADMIN_PATHS, DASHBOARD_DIR, PATHS
from otel_eventlog_collector.api.pages import Pages
from otel_eventlog_collector.door import WRONG_TRIES_MAX
from otel_eventlog_collector.tokens import Scope, new_token, write_tokens
from tests.support.service import RunningService, running_service
from tests.support.waiting import eventually

ID = "019a21cf-0000-7000-8000-000000000400"
REFUSED = {None: 401, "unknown": 401}


@dataclass(frozen=True)
class Guarded:
    """A collector that wants tokens, and one of each scope."""

    running: RunningService
    file: Path
    tokens: dict[str | None, str]

    def header(self, kind: str | None) -> dict[str, str]:
        """Return the header with a token of a scope, an unknown one, or none."""
        return {} if kind is None else {"Authorization": f"Bearer {self.tokens[kind]}"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A collector with tokens; DEBUG logs of everything are kept aside and searched at the end."""
    folder = tmp_path_factory.mktemp("guarded")
    made = {scope.value: new_token(scope.encode() * 8, "", [scope], "") for scope in Scope}
    write_tokens(folder / "tokens.json", [entry for _, entry in made.values()])
    log = logging.FileHandler(folder / "log")
    # What the test's own client logs is not the collector's.
    log.addFilter(lambda record: not record.name.startswith(("httpx", "httpcore")))
    root = logging.getLogger()
    level = root.level
    root.addHandler(log)
    root.setLevel(logging.DEBUG)
    tokens: dict[str | None, str] = {scope: text for scope, (text, _) in made.items()}
    tokens["unknown"] = "oelt_" + "0" * 64
    with running_service(folder / "data", token_file=folder / "tokens.json") as running:
        yield Guarded(running, folder / "tokens.json", tokens)
    root.setLevel(level)
    root.removeHandler(log)
    log.close()
    told = (folder / "log").read_text()
    assert not [text for text in tokens.values() if text in told], "a token stands in the log"
    kept = b"".join(each.read_bytes() for each in (folder / "data").rglob("*") if each.is_file())
    assert not [text for text in tokens.values() if text.encode() in kept]


def calls() -> list[tuple[str, str, Scope | None]]:
    """Return every method and path of the listener for people, and the scope it needs."""
    reading = [
        ("GET", path, None if path in OPEN_PATHS else Scope.READ)
        for path in PATHS
        if path != "/api/v1/events/stream"
    ]
    heads = [("HEAD", path, scope) for _, path, scope in reading]
    admin = [(method, path, Scope.ADMIN) for path, (method, _) in ADMIN_PATHS.items()]
    script = f"/static/{Pages(DASHBOARD_DIR).digest}/main.js"
    page = [("GET", path, None) for path in ("/", script)]
    odd = [("POST", "/api/v1/events", Scope.ADMIN), ("PATCH", "/api/v1/x", Scope.ADMIN)]
    return [*reading, *heads, *admin, *page, *odd]


@pytest.mark.parametrize("kind", [None, "unknown", "ingest", "read", "admin"])
@pytest.mark.parametrize(("method", "path", "needs"), calls())
def test_who_may_call_what(
    guarded: Guarded, method: str, path: str, needs: Scope | None, kind: str | None
) -> None:
    """Nobody gets past a door that their token has no scope for; everybody else does."""
    guarded.running.service._context.access.door._callers.clear()
    filled = path.replace("{user_id:path}", "u-1")
    filled = filled.replace("{event_id}", ID).replace("{request_id}", ID)
    if needs is Scope.ADMIN and kind == "admin":
        pytest.skip("done by the tests of the deeds")
    answer = guarded.running.http.request(method, filled, headers=guarded.header(kind))
    if needs is None or kind == needs:
        assert answer.status_code not in (401, 403)
    else:
        assert answer.status_code == REFUSED.get(kind, 403)
        if method != "HEAD":
            assert answer.json()["ok"] is False


@pytest.mark.parametrize("kind", [None, "unknown", "ingest", "read", "admin"])
def test_who_may_send(guarded: Guarded, kind: str | None) -> None:
    """Both transports of OTLP take an ingest token and no other."""
    guarded.running.service._context.access.door._callers.clear()
    listeners = guarded.running.service.listeners
    for signal in ("traces", "logs", "metrics"):
        answer = httpx.post(
            f"{listeners['otlp-http']}/v1/{signal}",
            content=b"{}",
            headers={**guarded.header(kind), "Content-Type": "application/json"},
            trust_env=False,
        )
        assert answer.status_code == (200 if kind == "ingest" else REFUSED.get(kind, 403))
    with grpc.insecure_channel(listeners["otlp-grpc"]) as channel:
        metadata = tuple((k.lower(), v) for k, v in guarded.header(kind).items())
        try:
            LogsServiceStub(channel).Export(ExportLogsServiceRequest(), metadata=metadata)
            code = grpc.StatusCode.OK
        except grpc.RpcError as error:
            code = error.code()
    expected = {
        None: grpc.StatusCode.UNAUTHENTICATED,
        "unknown": grpc.StatusCode.UNAUTHENTICATED,
        "ingest": grpc.StatusCode.OK,
    }
    assert code is expected.get(kind, grpc.StatusCode.PERMISSION_DENIED)


def test_the_body_is_not_waited_for(guarded: Guarded) -> None:
    """Who is refused hears so before the body that was announced has come."""
    place = urlsplit(guarded.running.url)
    with socket.create_connection((place.hostname, place.port), timeout=10) as connection:
        connection.sendall(
            b"POST /api/v1/import HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n"
            b"Content-Type: application/x-ndjson\r\n\r\n"
        )
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.status == 401


def test_guessing_is_throttled_on_every_listener(guarded: Guarded) -> None:
    """The address that guesses too often hears 429 everywhere; a good token goes on working."""
    http_client, tokens = guarded.running.http, guarded.tokens
    good = guarded.header("read")
    door = guarded.running.service._context.access.door
    now_s = door._monotonic()
    door._monotonic = lambda: now_s
    assert http_client.get("/api/v1/status", headers=good).status_code == 200
    codes = [
        http_client.get("/api/v1/status", headers={"Authorization": f"Bearer no-{n}"}).status_code
        for n in range(3 * WRONG_TRIES_MAX)
    ]
    assert set(codes) == {401, 429}
    answer = http_client.get("/api/v1/status", headers={"Authorization": "Bearer no"})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    otlp = httpx.post(
        guarded.running.service.listeners["otlp-http"] + "/v1/logs",
        content=b"{}",
        headers={"Authorization": "Bearer no", "Content-Type": "application/json"},
        trust_env=False,
    )
    assert otlp.status_code == 429
    assert http_client.get("/api/v1/status", headers=good).status_code == 200
    assert tokens["read"] not in answer.text
    door._monotonic = time.monotonic


def test_a_token_in_an_address_is_none(guarded: Guarded) -> None:
    """It would stand in logs and histories: whatever the parameter, it opens nothing."""
    for name in ("token", "access_token", "Authorization"):
        answer = guarded.running.http.get(f"/api/v1/events?{name}={guarded.tokens['read']}")
        assert answer.status_code == 401
        answer = guarded.running.http.get(
            f"/api/v1/events?{name}={guarded.tokens['read']}", headers=guarded.header("read")
        )
        assert answer.status_code == 400
        assert guarded.tokens["read"] not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize(("method", "path"), [(m, p) for p, (m, _) in ADMIN_PATHS.items()])
def test_pages_of_other_sites_change_nothing(
    tmp_path: Path, method: str, path: str, headers: dict[str, str]
) -> None:
    """Also on loopback without any token a form or script of another site is refused."""
    with running_service(tmp_path / "data") as running:
        filled = path.replace("{user_id:path}", "u-1")
        answer = running.http.request(
            method, filled, headers={**headers, "Content-Type": "application/x-ndjson"}
        )
        assert answer.status_code == 403
        preflight = running.http.options(
            filled, headers={**headers, "Access-Control-Request-Method": method}
        )
        assert not [name for name in preflight.headers if name.startswith("access-control")]
        assert running.get("events")["events"] == []


def test_a_revoked_token_ends_what_is_being_sent(tmp_path: Path) -> None:
    """A stream that was let in ends within a second or so of the revocation."""
    text, entry = new_token(b"r" * 32, "", [Scope.READ], "")
    keep = new_token(b"k" * 32, "", [Scope.READ], "")[1]
    file = tmp_path / "tokens.json"
    write_tokens(file, [entry, keep])
    with (
        running_service(tmp_path / "data", token_file=file) as running,
        running.http.stream(
            "GET", "/api/v1/events/stream", headers={"Authorization": f"Bearer {text}"}
        ) as response,
    ):
        lines = response.iter_lines()
        assert next(lines).startswith("retry")
        write_tokens(file, [keep])
        with pytest.raises(httpx.RemoteProtocolError):
            list(lines)
        assert eventually(lambda: running.service._tail.watchers == 0)
