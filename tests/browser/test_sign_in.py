"""Signing in and out in the browser, where the collector wants tokens."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from otel_eventlog_collector.tokens import Scope, new_token, write_tokens
from tests.browser.conftest import Pages
from tests.support.collector import Collector, serving
from tests.support.otlp_requests import span, traces

READ, READ_ENTRY = new_token(b"r" * 32, "Ines", [Scope.READ], "")
INGEST, INGEST_ENTRY = new_token(b"i" * 32, "shop", [Scope.INGEST], "")
REFUSED = r"status of 40[13]"
"""What the console says of a question that was asked without a session."""


@dataclass(frozen=True)
class Guarded:
    """A collector that wants tokens.

    Attributes:
        collector: its addresses.
        file: its token file, to revoke.

    """

    collector: Collector
    file: Path

    def log_in(self, number: int) -> str:
        """Send the span of one login, ended now; return its user."""
        now = time.time_ns()
        sent = span(number, start_time_unix_nano=now - 10**7, end_time_unix_nano=now)
        answer = httpx.post(
            f"{self.collector.otlp_http}/v1/traces",
            content=traces([sent]).SerializeToString(),
            headers={
                "Content-Type": "application/x-protobuf",
                "Authorization": f"Bearer {INGEST}",
            },
            trust_env=False,
        )
        assert answer.status_code == 200
        return f"u-{number}"


@pytest.fixture(scope="module")
def serving_guarded(
    chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Guarded]:
    """A collector that wants tokens, with one login."""
    place = tmp_path_factory.mktemp("guarded")
    file = place / "tokens.json"
    write_tokens(file, [READ_ENTRY, INGEST_ENTRY])
    with serving(place / "data", "--token-file", str(file)) as collector:
        guarded = Guarded(collector, file)
        guarded.log_in(1)
        yield guarded


@pytest.fixture
def guarded(serving_guarded: Guarded) -> Guarded:
    """That collector, with no token revoked yet."""
    write_tokens(serving_guarded.file, [READ_ENTRY, INGEST_ENTRY])
    return serving_guarded


@pytest.fixture
def page(pages: Pages, guarded: Guarded) -> Page:
    """A blank page of that collector; being refused is what these tests provoke."""
    page = pages.open(guarded.collector.http)
    pages.watch(page).forgive(REFUSED)
    return page


def sign_in(page: Page, token: str = READ) -> None:
    """Type a token as a person does."""
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Sign in").click()


def is_asked(page: Page) -> None:
    """Expect the form that asks for a token."""
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def cookies(context: BrowserContext) -> list[dict[str, object]]:
    """Return what the browser keeps."""
    return [dict(cookie) for cookie in context.cookies()]


def test_nothing_is_shown_before_the_token(page: Page) -> None:
    """Whoever comes without a session sees the form, and no event log."""
    page.goto("/?since=-1h")
    is_asked(page)
    expect(page.get_by_label("Token")).to_be_focused()
    expect(page.get_by_text("PasswordsAuthenticate")).to_have_count(0)


def test_signing_in_keeps_the_view(page: Page) -> None:
    """After the token the very page that was asked for appears."""
    page.goto("/?view=actions&since=-3h&q=service:shop")
    url = page.url
    is_asked(page)
    sign_in(page)
    expect(page.locator("tr[data-action]")).to_have_count(1)
    assert page.url == url


def test_the_token_is_kept_nowhere(page: Page, pages: Pages) -> None:
    """Not in an address, not where scripts reach it, and the cookie holds something else."""
    page.goto("/?since=-1h")
    sign_in(page)
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    (cookie,) = cookies(page.context)
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["expires"]) == (True, "Strict", -1)
    stored = page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])"
    )
    for text in (*pages.watch(page).urls, stored, str(cookie["value"])):
        assert READ not in text
        assert "oelt_" not in text


def test_wrong_tokens_are_told_apart(page: Page) -> None:
    """A token that nobody knows and one that is not for reading are refused in other words."""
    page.goto("/?since=-1h")
    sign_in(page, "oelt_" + "0" * 64)
    expect(page.get_by_role("alert")).to_contain_text("not known")
    expect(page.get_by_label("Token")).to_be_focused()
    sign_in(page, INGEST)
    expect(page.get_by_role("alert")).to_contain_text("lacks the scope read")
    sign_in(page)
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def test_a_reload_and_a_second_tab_stay_signed_in(page: Page) -> None:
    """The session is the browser's, until it is closed."""
    page.goto("/?since=-1h")
    sign_in(page)
    out = page.get_by_role("button", name="Sign out")
    expect(out).to_be_visible()
    page.reload()
    expect(out).to_be_visible()
    second = page.context.new_page()
    second.goto("/?view=actions")
    expect(second.locator("tr[data-action]")).to_have_count(1)


def test_signing_out(page: Page) -> None:
    """The way out leads back to the form; what the browser kept opens nothing any more."""
    page.goto("/?view=actions&since=-3h")
    sign_in(page)
    kept = page.context.cookies()
    page.get_by_role("button", name="Sign out").click()
    is_asked(page)
    assert cookies(page.context) == []
    page.reload()
    is_asked(page)
    page.context.add_cookies(
        [{"name": c["name"], "value": c["value"], "url": page.url} for c in kept]
    )
    page.reload()
    is_asked(page)


def test_a_revoked_token_asks_again_and_loses_nothing(page: Page, guarded: Guarded) -> None:
    """The next question is refused; a good token then brings back the same view."""
    page.goto("/?view=actions&since=-3h")
    # A revocation also cuts what is under way, so the view's last question has to be answered.
    with page.expect_request_finished(lambda asked: "/facets" in asked.url):
        sign_in(page)
    expect(page.locator("tr[data-action]")).to_have_count(1)
    other, other_entry = new_token(b"o" * 32, "Zoe", [Scope.READ], "")
    write_tokens(guarded.file, [other_entry, INGEST_ENTRY])
    page.get_by_role("button", name="Count again").click()
    is_asked(page)
    expect(page.get_by_role("alert")).to_contain_text("revoked")
    url = page.url
    sign_in(page, other)
    expect(page.locator("tr[data-action]")).to_have_count(1)
    assert page.url == url


def test_the_live_tail_works_signed_in_and_ends_with_the_token(
    page: Page, pages: Pages, guarded: Guarded
) -> None:
    """New event logs appear by themselves; revoking the token ends the running stream."""
    pages.watch(page).forgive("ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_HTTP")
    page.goto("/?since=-1h&live=1")
    sign_in(page)
    expect(page.get_by_text("u-1", exact=True).first).to_be_visible()
    user = guarded.log_in(4711)
    expect(page.get_by_text(user, exact=True).first).to_be_visible()
    write_tokens(guarded.file, [INGEST_ENTRY])
    guarded.log_in(4712)
    is_asked(page)
    expect(page.get_by_text("u-4712")).to_have_count(0)


def test_an_export_needs_no_token_in_its_address(page: Page) -> None:
    """A link downloads with the session."""
    page.goto("/?since=-1h")
    sign_in(page)
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("JSON Lines")).click()
    assert "oelt_" not in download.value.url
    assert len(Path(download.value.path()).read_text().splitlines()) >= 2


def test_without_tokens_there_is_no_way_out(pages: Pages, collector: Collector) -> None:
    """Where nobody has to sign in, nothing about it is shown."""
    page = pages.open(collector.http)
    page.goto("/?view=status")
    expect(page.get_by_role("region", name="Kept")).to_be_visible()
    expect(page.get_by_role("button", name="Sign out")).to_have_count(0)
