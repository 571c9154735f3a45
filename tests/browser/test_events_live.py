"""The live tail inside the list: it comes by itself, waits while one reads, and misses nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Pages
from tests.support.collector import Collector, run, serving
from tests.support.dashboard import EventsView, request_pair, send
from tests.support.mortal_collector import MortalCollector

DAY = 24 * 3600 * 10**9
MANY = 80
"""More lines than fit on the screen."""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """A collector that only these tests send to."""
    with serving(tmp_path_factory.mktemp("live") / "data", "--no-outcome-after", "1h") as running:
        yield running


@pytest.fixture
def view(pages: Pages, own: Collector) -> EventsView:
    """The Events view of it."""
    return EventsView(pages.open(own.http))


def test_the_first_event_log_ever_appears(pages: Pages, tmp_path: Path) -> None:
    """An empty collector says how to send some, and shows the first as it comes."""
    with serving(tmp_path / "data") as empty:
        view = EventsView(pages.open(empty.http))
        view.page.goto("/")
        note = view.page.locator(".empty")
        expect(note).to_contain_text("No event logs yet")
        expect(note).to_contain_text(f"OTEL_EVENTLOG_ENDPOINT={empty.otlp_http}")
        note.get_by_role("button", name="Wait for the first one").click()
        expect(view.page.locator(".live-state")).to_have_text("live")
        send(empty.otlp_http, request_pair(time.time_ns(), user_id="first-user"))
        expect(view.row("first-user")).to_be_visible()
        expect(note).to_be_hidden()
        expect(view.total).to_have_text("2 event logs")


def test_new_event_logs_come_on_top(view: EventsView, own: Collector) -> None:
    """What passes the search appears, what does not stays away."""
    view.open(q="status:error", live="1")
    expect(view.page.locator(".live-state")).to_have_text("live")
    send(own.otlp_http, request_pair(time.time_ns(), user_id="live-fine"))
    send(own.otlp_http, request_pair(time.time_ns(), user_id="live-failed", error=True))
    expect(view.row("live-failed")).to_be_visible()
    assert view.rows()[0]["user_id"] == "live-failed"
    assert {row["status"] for row in view.rows()} == {"error"}


def test_nothing_moves_while_one_reads(view: EventsView, own: Collector) -> None:
    """Scrolled away, the list stands still; a button counts what waits and brings it."""
    for number in range(MANY):
        send(own.otlp_http, request_pair(time.time_ns(), user_id=f"before-{number}"))
    view.open(live="1")
    expect(view.page.locator(".live-state")).to_have_text("live")
    view.table.evaluate("(table) => { table.scrollTop = 400 }")
    seen = view.table.locator(".row[aria-rowindex='20']")
    before = seen.inner_text()
    send(own.otlp_http, request_pair(time.time_ns(), user_id="while-reading"))
    expect(view.pill).to_contain_text("2 new")
    send(own.otlp_http, request_pair(time.time_ns(), user_id="while-reading"))
    expect(view.pill).to_contain_text("4 new")
    assert seen.inner_text() == before
    view.pill.click()
    expect(view.pill).to_be_hidden()
    expect(view.row("while-reading")).to_be_visible()
    assert view.table.evaluate("(table) => table.scrollTop") == 0


def test_a_chosen_row_pauses_and_escape_goes_on(view: EventsView, own: Collector) -> None:
    """A row chosen by keys stays where it is until it is let go."""
    send(own.otlp_http, request_pair(time.time_ns(), user_id="chosen"))
    view.open(live="1")
    expect(view.page.locator(".live-state")).to_have_text("live")
    view.page.keyboard.press("j")
    send(own.otlp_http, request_pair(time.time_ns(), user_id="after-choosing"))
    expect(view.pill).to_contain_text("2 new")
    view.page.keyboard.press("Escape")
    expect(view.row("after-choosing")).to_be_visible()
    expect(view.pill).to_be_hidden()


def test_a_request_in_progress_becomes_finished(view: EventsView, own: Collector) -> None:
    """With pairs, the start appears in progress, and its line ends when the outcome comes."""
    start, outcome = request_pair(time.time_ns(), action="OTPsAuthenticate", user_id="slow-user")
    view.open(pair="1", live="1", q="action:OTPsAuthenticate")
    expect(view.page.locator(".live-state")).to_have_text("live")
    send(own.otlp_http, [start])
    line = view.row("OTPsAuthenticate")
    expect(line).to_contain_text("in progress")
    view.page.keyboard.press("j")
    view.page.keyboard.press("Enter")
    expect(view.detail).to_contain_text("may still be running")
    view.page.keyboard.press("Escape")
    view.page.keyboard.press("Escape")
    send(own.otlp_http, [outcome])
    expect(line).to_contain_text("success")
    expect(line).to_contain_text("slow-user")
    expect(line).to_contain_text("40.0 ms")
    assert len([row for row in view.rows() if row["action"] == "OTPsAuthenticate"]) == 1


def test_a_restart_of_the_collector_is_survived(pages: Pages, tmp_path: Path) -> None:
    """The page says that the connection is lost, comes back by itself and misses nothing."""
    with MortalCollector(tmp_path / "data") as mortal:
        view = EventsView(pages.open(mortal.http))
        pages.watch(view.page).forgive("ERR_", "Failed to load resource")
        send(mortal.otlp_http, request_pair(time.time_ns(), user_id="before-it"))
        view.open(live="1")
        expect(view.page.locator(".live-state")).to_have_text("live")
        mortal.kill()
        expect(view.page.locator(".live-state")).to_contain_text("trying again")
        mortal.start()
        send(mortal.otlp_http, request_pair(time.time_ns(), user_id="meanwhile"))
        expect(view.page.locator(".live-state")).to_have_text("live", timeout=20_000)
        expect(view.row("meanwhile")).to_be_visible()
        assert len([row for row in view.rows() if row["user_id"] == "before-it"]) == 1


def test_what_went_while_one_was_away_is_told(pages: Pages, tmp_path: Path) -> None:
    """Retention removed what the page never got: it says so, and loads the list again."""
    with MortalCollector(tmp_path / "data") as mortal:
        view = EventsView(pages.open(mortal.http))
        pages.watch(view.page).forgive("ERR_", "Failed to load resource")
        now = time.time_ns()
        send(mortal.otlp_http, request_pair(now - 10 * DAY, user_id="seen-and-purged"))
        send(mortal.otlp_http, request_pair(now, user_id="stays"))
        view.open(live="1", since="-30d")
        expect(view.page.locator(".live-state")).to_have_text("live")
        expect(view.row("seen-and-purged")).to_be_visible()

        view.page.route("**/events/stream*", lambda route: route.abort())
        mortal.kill()
        expect(view.page.locator(".live-state")).to_contain_text("trying again")
        mortal.start()
        send(mortal.otlp_http, request_pair(now - 10 * DAY, user_id="never-seen"))
        mortal.stop()
        pruned = run("prune", "--data", mortal.data, "--retention", "5d")
        assert pruned.returncode == 0, pruned.stderr
        mortal.start()
        view.page.unroute("**/events/stream*")

        notice = view.page.get_by_role("alert")
        expect(notice).to_contain_text("Some event logs are missing here", timeout=20_000)
        expect(view.page.locator(".live-state")).to_have_text("live")
        notice.get_by_role("button", name="Load the list again").click()
        expect(notice).to_be_hidden()
        expect(view.row("stays")).to_be_visible()
        expect(view.row("purged")).to_be_hidden()
        expect(view.row("never-seen")).to_be_hidden()
        send(mortal.otlp_http, request_pair(time.time_ns(), user_id="after-the-gap"))
        expect(view.row("after-the-gap")).to_be_visible()
