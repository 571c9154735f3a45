"""Who may read: Host header, tokens, and what browsers are told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from otel_eventlog_collector.api.access import Access
from otel_eventlog_collector.tokens import Scope, Token, new_token, write_tokens
from tests.support.service import RunningService, running_service


@pytest.fixture(scope="module")
def open_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """A collector on loopback without tokens."""
    with running_service(tmp_path_factory.mktemp("open") / "data") as running:
        yield running


@dataclass(frozen=True)
class Guarded:
    """A collector with tokens, and the tokens by scope."""

    running: RunningService
    file: Path
    tokens: dict[Scope, str]
    entries: dict[Scope, Token]


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    """A collector that wants a token, with one token of each scope."""
    made = {scope: new_token(scope.encode() * 8, "", [scope], "") for scope in Scope}
    file = tmp_path / "tokens.json"
    write_tokens(file, [entry for _, entry in made.values()])
    with running_service(tmp_path / "data", token_file=file) as running:
        yield Guarded(
            running,
            file,
            {scope: text for scope, (text, _) in made.items()},
            {scope: entry for scope, (_, entry) in made.items()},
        )


def bearer(token: str) -> dict[str, str]:
    """Return the header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    ("host", "is_allowed"),
    [
        ("localhost", True),
        ("localhost:4329", True),
        ("app.localhost:4329", True),
        ("127.0.0.1:4329", True),
        ("[::1]:4329", True),
        ("LOCALHOST", True),
        ("eventlog.example:443", True),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("192.0.2.1", False),
        ("", False),
        ("localhost:4329@evil.example", False),
        ("evil.example\\localhost", False),
        (None, False),
    ],
)
def test_which_hosts_are_ours(host: str | None, is_allowed: bool) -> None:  # noqa: FBT001
    """Only this machine's own names and those the operator named are answered."""
    access = Access(hosts=frozenset({"eventlog.example"}))
    assert access.allows_host(host) is is_allowed


@pytest.mark.parametrize(
    "path",
    ["/", "/api/v1/events", "/api/v1/events/stream", "/metrics", "/static/app.js", "/nothing"],
)
def test_a_rebound_name_reaches_nothing(open_service: RunningService, path: str) -> None:
    """A page under another name that points at this machine is refused everywhere."""
    answer = open_service.http.get(path, headers={"Host": "evil.example"})
    assert answer.status_code == 421
    assert "--allowed-host" in answer.json()["error"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_is_for_everybody_and_says_nothing(open_service: RunningService, path: str) -> None:
    """Load balancers need no name and no token, and learn one word."""
    answer = open_service.http.get(path, headers={"Host": "10.0.0.9:4329"})
    assert answer.status_code == 200
    assert answer.text in ("ok\n", "ready\n")


@pytest.mark.parametrize("path", ["/", "/api/v1/events", "/api/v1/nothing", "/healthz"])
def test_browsers_are_told_to_be_careful(open_service: RunningService, path: str) -> None:
    """Every answer forbids scripts from elsewhere, framing, sniffing and other sites' reading."""
    headers = open_service.http.get(path, headers={"Origin": "https://evil.example"}).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert not [name for name in headers if name.startswith("access-control-")]


def test_without_a_token_the_door_is_closed(guarded: Guarded) -> None:
    """With a token file, data needs a token; the page itself, which holds none, does not."""
    http = guarded.running.http
    for path in ("/api/v1/events", "/api/v1/nothing", "/api/v1/events/stream", "/metrics"):
        answer = http.get(path)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert "token create" in answer.json()["error"]
    assert http.get("/healthz").status_code == 200
    assert http.get("/").status_code == 200


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Basic dTpw", "Bearer nonsense", "Bearer \xff", "Bearer " + "x" * 9999],
)
def test_what_is_no_token_is_refused(guarded: Guarded, header: str) -> None:
    """Nothing but a known token counts, whatever the header holds."""
    headers = {"Authorization": header.encode("latin-1")}
    answer = guarded.running.http.get("/api/v1/events", headers=headers)
    assert answer.status_code == 401


def test_each_scope_opens_its_own_door(guarded: Guarded) -> None:
    """A read token reads and does not send; an ingest token sends and does not read."""
    http, tokens = guarded.running.http, guarded.tokens
    otlp = guarded.running.service.listeners["otlp-http"] + "/v1/logs"

    def send(token: str) -> int:
        headers = {**bearer(token), "Content-Type": "application/json"}
        return httpx.post(otlp, content=b"{}", headers=headers, trust_env=False).status_code

    codes = {
        scope: (
            http.get("/api/v1/events", headers=bearer(token)).status_code,
            send(token),
        )
        for scope, token in tokens.items()
    }
    assert codes == {Scope.INGEST: (403, 200), Scope.READ: (200, 403), Scope.ADMIN: (403, 403)}
    assert send("unknown") == 401


def test_a_revoked_token_stops_working_at_once(guarded: Guarded) -> None:
    """The next request after the file changed is judged by the new file."""
    headers = bearer(guarded.tokens[Scope.READ])
    http = guarded.running.http
    assert http.get("/api/v1/events", headers=headers).status_code == 200
    write_tokens(guarded.file, [guarded.entries[Scope.INGEST]])
    assert http.get("/api/v1/events", headers=headers).status_code == 401
    guarded.file.unlink()
    assert http.get("/api/v1/events", headers=headers).status_code == 401


def test_tokens_are_nowhere_in_the_file(guarded: Guarded) -> None:
    """The file holds hashes, and only its owner can read it."""
    content = guarded.file.read_text()
    assert not [token for token in guarded.tokens.values() if token in content]
    assert guarded.file.stat().st_mode & 0o777 == 0o600
