"""Signing in and out: a token is shown once, and a cookie that only its collector reads follows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from otel_eventlog_collector.api.sessions import (
    IDLE_S,
    LIFETIME_S,
    SESSIONS_MAX,
    Sessions,
    cookie_name,
    session_id_of,
    set_cookie,
)
from otel_eventlog_collector.tokens import Scope, new_token, write_tokens
from tests.support.service import RunningService, running_service

SESSION = "/api/v1/session"
READ, READ_ENTRY = new_token(b"r" * 32, "Ines", [Scope.READ], "")
INGEST, INGEST_ENTRY = new_token(b"i" * 32, "shop", [Scope.INGEST], "")


class Clock:
    """Seconds that a test turns."""

    now_s = 0.0

    def __call__(self) -> float:
        """Return now."""
        return self.now_s


def test_a_session_ends_when_it_is_not_used() -> None:
    """Each use keeps a session open; half a day without one ends it."""
    clock = Clock()
    sessions = Sessions(clock)
    session_id = sessions.open("token")
    for _ in range(3):
        clock.now_s += IDLE_S - 1
        assert sessions.token(session_id) == "token"
    clock.now_s += IDLE_S + 1
    assert sessions.token(session_id) is None
    assert sessions.token(session_id) is None


def test_a_session_ends_after_a_week_however_busy() -> None:
    """Use does not keep a session open for ever."""
    clock = Clock()
    sessions = Sessions(clock)
    session_id = sessions.open("token")
    while clock.now_s <= LIFETIME_S:
        assert sessions.token(session_id) == "token"
        clock.now_s += IDLE_S
    assert sessions.token(session_id) is None


def test_sessions_are_bounded() -> None:
    """One session too many ends the one that was quiet the longest."""
    sessions = Sessions()
    first, second = sessions.open("a"), sessions.open("b")
    assert sessions.token(first) == "a"
    for _ in range(SESSIONS_MAX - 1):
        sessions.open("c")
    assert (sessions.token(first), sessions.token(second)) == ("a", None)


def test_ids_are_long_and_no_two_alike() -> None:
    """An id cannot be guessed, and says nothing of the token."""
    sessions = Sessions()
    ids = {sessions.open("token") for _ in range(50)}
    assert len(ids) == 50
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", each) for each in ids)


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (None, ""),
        ("", ""),
        ("eventlog-session-4329=abc", "abc"),
        ("theme=dark; eventlog-session-4329=abc; x=y", "abc"),
        ("eventlog-session-4330=abc", ""),
        ("eventlog-session-4329", ""),
        ("=;=;;", ""),
        ("eventlog-session-4329=" + "x" * 9000, ""),
    ],
)
def test_the_id_in_a_cookie_header(header: str | None, found: str) -> None:
    """Only this port's cookie counts, and no header is a mistake of ours."""
    assert session_id_of(header, 4329) == found


def test_what_browsers_are_told_of_the_cookie() -> None:
    """No script reads it, no other site sends it along, and over TLS it stays there."""
    header = set_cookie("abc", 4329, secure=False)
    assert header == "eventlog-session-4329=abc; Path=/; HttpOnly; SameSite=Strict"
    assert set_cookie("abc", 4329, secure=True).endswith("; Secure")
    assert "Max-Age=0" in set_cookie("", 4329, secure=False)
    assert cookie_name(1) != cookie_name(2)


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    """A token file with a token to read and one to send."""
    write_tokens(tmp_path / "tokens.json", [READ_ENTRY, INGEST_ENTRY])
    return tmp_path / "tokens.json"


@pytest.fixture
def running(tmp_path: Path, token_file: Path) -> Iterator[RunningService]:
    """A collector that wants tokens."""
    with running_service(tmp_path / "data", token_file=token_file) as running:
        yield running


def sign_in(running: RunningService, token: str = READ, **headers: str) -> httpx.Response:
    """Show a token as the page does."""
    return running.http.post(SESSION, json={"token": token}, headers=headers)


def test_a_cookie_opens_what_its_token_opens(running: RunningService) -> None:
    """After signing in everything that the token may read answers, and nothing more."""
    assert running.http.get("/api/v1/events").status_code == 401
    told = sign_in(running)
    assert told.status_code == 200
    assert told.json() == {
        "ok": True,
        "tokens_required": True,
        "signed_in": True,
        "name": "Ines",
        "scopes": ["read"],
    }
    assert READ not in str(told.headers) + told.text
    assert told.headers["cache-control"] == "no-store"
    assert running.http.get("/api/v1/events").status_code == 200
    assert running.http.get(SESSION).json()["signed_in"] is True
    assert running.http.post("/api/v1/prune").status_code == 403


def test_signing_out_ends_the_session_for_good(running: RunningService) -> None:
    """The cookie goes, and whoever kept a copy of it has nothing."""
    sign_in(running)
    kept = dict(running.http.cookies)
    assert running.http.delete(SESSION).json()["signed_in"] is False
    assert dict(running.http.cookies) == {}
    for cookies in ({}, kept):
        header = "; ".join(f"{name}={value}" for name, value in cookies.items())
        answer = running.http.get("/api/v1/events", headers={"Cookie": header})
        assert answer.status_code == 401


def test_a_revoked_token_ends_its_sessions(running: RunningService, token_file: Path) -> None:
    """Revocation reaches those who signed in with the token before, at once."""
    sign_in(running)
    assert running.http.get("/api/v1/events").status_code == 200
    write_tokens(token_file, [INGEST_ENTRY])
    assert running.http.get("/api/v1/events").status_code == 401
    assert running.http.get(SESSION).json()["signed_in"] is False
    write_tokens(token_file, [READ_ENTRY])
    assert running.http.get("/api/v1/events").status_code == 401


def test_signing_in_again_ends_the_session_before(running: RunningService) -> None:
    """One browser has one session, with an id that is new each time."""
    sign_in(running)
    before = dict(running.http.cookies)
    sign_in(running)
    assert dict(running.http.cookies) != before
    header = "; ".join(f"{name}={value}" for name, value in before.items())
    with httpx.Client(base_url=running.url, trust_env=False) as other:
        assert other.get("/api/v1/events", headers={"Cookie": header}).status_code == 401


@pytest.mark.parametrize(
    ("token", "status"), [("oelt_" + "0" * 64, 401), (INGEST, 403), ("x" * 300, 400), ("  ", 400)]
)
def test_wrong_tokens_get_no_cookie(running: RunningService, token: str, status: int) -> None:
    """What is no token to read with is refused with a word that says so."""
    answer = sign_in(running, token)
    assert answer.status_code == status
    assert "set-cookie" not in answer.headers
    assert answer.json()["error"]


def test_guessing_is_throttled(running: RunningService) -> None:
    """Wrong tokens from one address are soon not even looked at."""
    codes = [sign_in(running, f"oelt_{n:064x}").status_code for n in range(14)]
    assert codes[0] == 401
    assert codes[-1] == 429


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "application/json"),
        (b"[]", "application/json"),
        (b'{"token": 1}', "application/json"),
        (b'{"token": "' + b"x" * 5000 + b'"}', "application/json"),
        (b"\xff", "application/json"),
        (f'{{"token": "{READ}"}}'.encode(), "text/plain"),
    ],
)
def test_bodies_that_are_no_token(running: RunningService, content: bytes, kind: str) -> None:
    """Other bodies are refused; so are forms, which other sites can send without asking."""
    answer = running.http.post(SESSION, content=content, headers={"Content-Type": kind})
    assert answer.status_code == 400
    assert '{"token": "…"}' in answer.json()["error"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost:1"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_other_sites_sign_nobody_in_or_out(
    running: RunningService, headers: dict[str, str], method: str
) -> None:
    """A page of another site, or of another port of this machine, changes nothing."""
    sign_in(running)
    answer = running.http.request(method, SESSION, json={"token": READ}, headers=headers)
    assert answer.status_code == 403
    assert running.http.get("/api/v1/events").status_code == 200


def test_behind_tls_the_cookie_is_secure(running: RunningService) -> None:
    """A browser that came over TLS, also through a proxy, keeps the cookie to TLS."""
    origin = running.url.replace("http://", "https://")
    assert "; Secure" in sign_in(running, Origin=origin).headers["set-cookie"]
    assert "Secure" not in sign_in(running, Origin=running.url).headers["set-cookie"]


def test_a_header_goes_before_a_cookie(running: RunningService) -> None:
    """Whoever sends a token is judged by it, signed in or not."""
    sign_in(running)
    headers = {"Authorization": f"Bearer {INGEST}"}
    assert running.http.get("/api/v1/events", headers=headers).status_code == 403


def test_where_no_token_is_needed_nobody_signs_in(tmp_path: Path) -> None:
    """On loopback without tokens there is nothing to sign in to."""
    with running_service(tmp_path / "open") as running:
        assert sign_in(running).status_code == 400
        assert running.http.get(SESSION).json() == {
            "ok": True,
            "tokens_required": False,
            "signed_in": False,
            "name": None,
            "scopes": [],
        }
