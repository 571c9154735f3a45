"""The Status view as a person reads it: is all well, and what are the figures."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from otel_eventlog.model import Status
from tests.browser.conftest import Full, Pages
from tests.support.builders import event_log
from tests.support.collector import Collector, serving
from tests.support.otlp_requests import logs_of, span, traces

PROTOBUF = {"Content-Type": "application/x-protobuf"}


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Collector]:
    """A collector of its own with a cap, that passes traces on to where nobody listens."""
    options = ("--max-size", "1GB", "--forward-traces-to", "http://127.0.0.1:9")
    with serving(tmp_path / "data", *options) as collector:
        yield collector


def card(page: Page, title: str) -> Locator:
    """Return one of the cards."""
    return page.get_by_role("region", name=title)


def status_of(collector: Collector) -> dict[str, Any]:
    """Return what the API says."""
    answer = httpx.get(f"{collector.http}/api/v1/status", trust_env=False, timeout=30)
    found: dict[str, Any] = answer.json()
    return found


def test_the_figures_of_a_large_store(page: Page, full: Full) -> None:
    """Event logs, bytes, retention, the oldest and each day are shown as they are."""
    page.goto("/?view=status&utc=1")
    kept = card(page, "Kept")
    store = status_of(full.collector)["store"]
    expect(kept).to_contain_text(f"{store['events']:,}")
    expect(kept).to_contain_text("30 d")
    expect(kept).to_contain_text(store["oldest"][:10])
    expect(kept.get_by_role("img")).to_have_attribute(
        "aria-label", f"Event logs of {len(store['days'])} days"
    )
    page.get_by_text(f"{len(store['days'])} days (UTC)").click()
    lines = kept.get_by_role("row")
    expect(lines).to_have_count(len(store["days"]) + 1)
    first = store["days"][0]
    expect(lines.last).to_contain_text(f"{first['day']}{first['events']:,}")
    expect(card(page, "Addresses")).to_contain_text(full.collector.otlp_http)
    expect(card(page, "Addresses")).to_contain_text(re.compile(r"Tokens\s*not required"))


def test_an_open_list_stays_open_while_the_page_refreshes(page: Page) -> None:
    """What a person opened is not closed by the next figures."""
    page.goto("/?view=status")
    page.locator("summary").click()
    with page.expect_response(re.compile("/api/v1/status")):
        pass
    expect(page.locator("details")).to_have_attribute("open", "")
    expect(page.locator("summary")).to_be_focused()


def test_what_arrives_is_seen_without_a_reload(pages: Pages, small: Collector) -> None:
    """An empty collector says what to do; then the figures move by themselves."""
    page = pages.open(small.http)
    page.goto("/?view=status")
    expect(page.get_by_text("Nothing has arrived yet")).to_be_visible()
    now = time.time_ns()
    sent = [
        span(number, start_time_unix_nano=now, end_time_unix_nano=now + 5_000_000)
        for number in range(1, 21)
    ]
    body = traces(sent).SerializeToString()
    for _ in range(2):
        httpx.post(f"{small.otlp_http}/v1/traces", content=body, headers=PROTOBUF, trust_env=False)
    since = card(page, "Since it started")
    expect(since).to_contain_text("40 spans")
    expect(since).to_contain_text("Event logs stored40")
    expect(since).to_contain_text("40 redelivered, kept once")
    expect(card(page, "Arriving")).to_contain_text("40in the last hour")
    # What came again was seen when it came first: it says nothing of how fresh that was.
    seen = card(page, "Arriving").locator(".figure").filter(has_text="until it is seen")
    expect(seen).to_have_attribute("title", re.compile("Half of the last 20;"))
    expect(card(page, "Kept")).to_contain_text("of at most 1.0 GB")


def test_what_goes_wrong_is_said_first(pages: Pages, small: Collector) -> None:
    """A destination that does not answer, and records that were refused, stand on top."""
    page = pages.open(small.http)
    page.goto("/?view=status")
    long_ago = event_log(Status.SUCCESS, start_unix_nano=10**18, time_unix_nano=10**18)
    for path, message in (("traces", traces([span(1)])), ("logs", logs_of([long_ago]))):
        httpx.post(
            f"{small.otlp_http}/v1/{path}",
            content=message.SerializeToString(),
            headers=PROTOBUF,
            trust_env=False,
        )
    top = page.locator(".finding").first
    expect(top).to_have_class(re.compile("bad"))
    expect(top).to_contain_text("cannot be passed on to http://127.0.0.1:9/v1/traces")
    expect(page.get_by_text("records were refused since the start")).to_be_visible()
    expect(card(page, "Addresses")).to_contain_text("Not passed on1")


def test_a_collector_that_is_gone_is_said(
    pages: Pages, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """When the collector stops, the page says so instead of showing old figures as new ones."""
    with serving(tmp_path / "data") as collector:
        page = pages.open(collector.http)
        page.goto("/?view=status")
        expect(card(page, "Addresses")).to_be_visible()
    pages.watch(page).forgive("ERR_CONNECTION_REFUSED")
    expect(page.locator(".finding.bad")).to_contain_text("does not answer")


def test_utc_and_local_times(page: Page) -> None:
    """One button turns every time on the page."""
    page.goto("/?view=status")
    newest = card(page, "Kept").locator("time").nth(1)
    expect(newest).to_be_visible()
    local = newest.text_content()
    page.get_by_role("button", name="Show times in UTC").click()
    expect(newest).not_to_have_text(local or "")
    assert "utc=1" in page.url
