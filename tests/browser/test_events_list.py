"""The table: what it shows is what the API has, however far one scrolls."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from otel_eventlog_collector.event_json import rfc3339
from tests.browser.conftest import Full
from tests.support.dashboard import ROW_PX, EventsView, api, request_pair, send
from tests.support.plenty import HOUR

ROWS_DEEP = 1500
"""Far enough for several pages of the API."""
ELEMENTS_MAX = 1500
PAGES_DEEP = 45
"""More than the page holds at a time."""
DAY = {"since": "-2d"}


@pytest.fixture
def view(page: Page) -> EventsView:
    """The Events view of a million event logs."""
    return EventsView(page)


def fixed(full: Full) -> dict[str, str]:
    """A time with much in it that nothing is added to."""
    until = full.plenty.until_unix_nano // 10**9 * 10**9 - 60 * 10**9
    since = until - 20 * 3600 * 10**9
    return {"since": rfc3339(since), "until": rfc3339(until)}


def events(home: str, number: int, **parameters: str) -> list[dict[str, Any]]:
    """The first event logs that the API lists."""
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while len(found) < number:
        more = {"cursor": cursor} if cursor else {}
        answer = api(home, "events", {**parameters, "limit": 1000, **more})
        found += answer["events"]
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    return found[:number]


def test_the_newest_stand_on_top(view: EventsView, full: Full) -> None:
    """The first lines are the first of the API, in its order, with the reader's own clock."""
    view.open(utc="1", **fixed(full))
    wanted = events(full.collector.http, 20, **fixed(full))
    shown = view.rows()[:20]
    assert [row["action"] for row in shown] == [event["action"] for event in wanted]
    assert [row["status"] for row in shown] == [event["status"] for event in wanted]
    assert [row["user_id"] for row in shown] == [event["user_id"] or "" for event in wanted]
    clocks = [event["time"][11:23] + "Z" for event in wanted]
    assert [row["time"][-13:] for row in shown] == clocks


def test_scrolling_brings_more_and_keeps_the_page_small(view: EventsView, full: Full) -> None:
    """Deep down stands what the API has there; the page holds some rows, never all."""
    view.open(utc="1", **fixed(full))
    wanted = events(full.collector.http, ROWS_DEEP + 200, **fixed(full))
    while view.known() < ROWS_DEEP + 100:
        known = view.known()
        view.to_the_end()
        view.page.wait_for_function(
            "(px) => document.querySelector('.canvas').offsetHeight > px", arg=known * ROW_PX
        )
        assert view.page.evaluate("document.querySelectorAll('*').length") < ELEMENTS_MAX
    view.table.evaluate("(table, top) => { table.scrollTop = top }", ROWS_DEEP * ROW_PX)
    expect(view.table.locator(f".row[aria-rowindex='{ROWS_DEEP + 2}'] .c-action")).to_be_visible()
    numbered = {
        int(row["index"]) - 2: row["id"]
        for row in view.page.evaluate(
            "[...document.querySelectorAll('.canvas .row')]"
            ".map((row) => ({index: row.getAttribute('aria-rowindex'), id: row.id}))"
        )
    }
    assert ROWS_DEEP in numbered
    for number, shown in numbered.items():
        assert shown == f"row-{wanted[number]['event_id']}"


def test_the_oldest_stand_on_top_when_asked_for(view: EventsView, full: Full) -> None:
    """A click on the time turns the list round, page after page, and a reload keeps it."""
    view.open(utc="1", **fixed(full))
    view.page.get_by_role("button", name="Time", exact=True).click()
    view.page.wait_for_url(re.compile("order=asc"))
    view.settled()
    view.page.reload()
    view.settled()
    header = view.table.get_by_role("columnheader", name="Time")
    expect(header).to_have_attribute("aria-sort", "ascending")
    wanted = events(full.collector.http, 420, order="asc", **fixed(full))
    assert [row["time"][-13:] for row in view.rows()[:20]] == [
        event["time"][11:23] + "Z" for event in wanted[:20]
    ]
    while view.known() < len(wanted):
        view.to_the_end()
    view.table.evaluate("(table, top) => { table.scrollTop = top }", 410 * ROW_PX)
    deep = view.table.locator(".canvas .row[aria-rowindex='412']")
    expect(deep).to_have_attribute("id", f"row-{wanted[410]['event_id']}")
    view.page.get_by_role("button", name="Time", exact=True).click()
    view.settled()
    newest = events(full.collector.http, 1, **fixed(full))[0]
    assert view.rows()[0]["time"].endswith(newest["time"][11:23] + "Z")


def test_requests_are_listed_oldest_first_too(view: EventsView, full: Full) -> None:
    """Pairs follow the same order; what comes live comes on top, so there the newest lead."""
    view.open(pair="1", **fixed(full))
    view.page.keyboard.press("o")
    view.page.wait_for_url(re.compile("order=asc"))
    view.settled()
    asked = {**fixed(full), "order": "asc", "limit": 5}
    wanted = api(full.collector.http, "requests", asked)["requests"]
    assert [row["action"] for row in view.rows()[:5]] == [one["action"] for one in wanted]
    first = view.table.locator(".canvas .row[aria-rowindex='2']")
    expect(first).to_have_attribute("id", f"row-{wanted[0]['request_id']}")
    view.page.keyboard.press("l")
    view.page.wait_for_url(lambda url: "live=1" in url and "order" not in url)


def test_on_a_phone_the_list_is_turned_round_with_the_columns(phone: Page, full: Full) -> None:
    """There the columns have no heads to click at."""
    view = EventsView(phone).open(**fixed(full))
    phone.get_by_role("button", name="Columns").tap()
    phone.get_by_role("checkbox", name="The oldest on top").tap()
    phone.wait_for_url(re.compile("order=asc"))
    view.settled()
    wanted = events(full.collector.http, 1, order="asc", **fixed(full))[0]
    first = view.table.locator(".canvas .row[aria-rowindex='2']")
    expect(first).to_have_attribute("id", f"row-{wanted['event_id']}")


def test_unfinished_requests_are_counted_in_any_time(view: EventsView, full: Full) -> None:
    """Among however many starts, those without an end are found, and a click lists them."""
    now = time.time_ns()
    send(full.collector.otlp_http, request_pair(now, action="HalfDone")[:1])
    send(full.collector.otlp_http, request_pair(now - HOUR, action="HalfDone")[:1])
    view.open(since="-30d")
    unfinished = view.page.locator(".strip .counts").nth(1)
    for state, name in (("in_progress", "in progress"), ("no_outcome", "no outcome")):
        asked = {"since": "-30d", "state": state, "limit": 100}
        found = api(full.collector.http, "requests", asked)
        count = f"{len(found['requests'])}{'+' if found['next_cursor'] else ''}"
        button = unfinished.get_by_role("button", name=name)
        expect(button).to_have_text(f"{name}{count}")
        button.click()
        view.page.wait_for_url(re.compile(f"pair=1.*state={state}|state={state}.*pair=1"))
        expect(view.row("HalfDone")).to_be_visible()
        assert {row["status"] for row in view.rows()} == {name}
        view.page.go_back()
        view.settled()


def test_the_top_comes_back_after_a_long_way_down(view: EventsView, full: Full) -> None:
    """Pages that were given back are asked for again when one scrolls up: the same rows."""
    view.open(**fixed(full))
    first = view.rows()[:10]
    for _ in range(PAGES_DEEP):
        known = view.known()
        view.to_the_end()
        view.page.wait_for_function(
            "(px) => document.querySelector('.canvas').offsetHeight > px"
            " || document.querySelector('.foot').textContent.includes('That is all')",
            arg=known * ROW_PX,
        )
    view.table.evaluate("(table) => { table.scrollTop = 0 }")
    expect(view.table.locator(".row[aria-rowindex='2'] .c-action")).to_be_visible()
    assert view.rows()[:10] == first


def test_the_end_is_told(view: EventsView, full: Full) -> None:
    """Below the last row stands that it is the last."""
    counted = api(full.collector.http, "facets", {**fixed(full), "field": "user_id", "limit": 1000})
    # Somebody with some pages of event logs, however many there are in all.
    values = counted["facets"]["user_id"]
    user = next(each["value"] for each in values if 0 < each["count"] < 800)
    wanted = api(full.collector.http, "events", {**fixed(full), "user_id": user, "limit": 1000})
    assert wanted["next_cursor"] is None
    view.open(q=f"user_id:{user}", **fixed(full))
    while view.known() < len(wanted["events"]):
        view.to_the_end()
    view.to_the_end()
    expect(view.table.get_by_text("That is all in this time.")).to_be_visible()
    assert {row["user_id"] for row in view.rows()} == {user}


def test_columns_are_chosen_and_kept(view: EventsView) -> None:
    """A chosen column appears, stands in the address, and is there after a reload."""
    view.open(q="service:mobile-api", **DAY)
    view.page.get_by_role("button", name="Columns").click()
    view.page.get_by_label("Address", exact=True).check()
    view.page.get_by_label("Service", exact=True).uncheck()
    view.page.keyboard.press("Escape")
    expect(view.table.get_by_role("columnheader", name="Address")).to_be_visible()
    expect(view.table.get_by_role("columnheader", name="Service")).to_have_count(0)
    assert view.rows()[0]["client_address"].startswith("198.51.100.")
    view.page.reload()
    view.settled()
    expect(view.table.get_by_role("columnheader", name="Address")).to_be_visible()
    assert "client_address" in view.state()["columns"]
    view.page.get_by_role("button", name="Columns").click()
    view.page.get_by_role("button", name="The usual columns").click()
    expect(view.table.get_by_role("columnheader", name="Service")).to_be_visible()
    assert "columns" not in view.state()


def test_pairs_are_one_line_each(view: EventsView, full: Full) -> None:
    """With pairs, a request is one line with both its beginning and its end."""
    view.open(**fixed(full))
    view.page.get_by_role("button", name="Pairs").click()
    view.settled()
    wanted = api(full.collector.http, "requests", {**fixed(full), "limit": 20})["requests"]
    shown = view.rows()[:20]
    assert [row["action"] for row in shown] == [line["action"] for line in wanted]
    assert [row["user_id"] for row in shown] == [line["user_id"] or "" for line in wanted]
    assert all(row["duration_ns"] for row in shown)
    assert view.state()["pair"] == "1"


def test_times_are_local_or_utc(view: EventsView, full: Full) -> None:
    """The switch in the bar changes every time: the reader sits in New York."""
    view.open(**fixed(full))
    newest = events(full.collector.http, 1, **fixed(full))[0]["time"]
    local = view.rows()[0]["time"]
    assert not local.endswith("Z")
    view.page.get_by_role("button", name="Show times in UTC").click()
    expect(view.table.locator(".c-time").nth(1)).to_contain_text("Z")
    assert view.rows()[0]["time"].endswith(newest[11:23] + "Z")
    hours = (int(newest[11:13]) - int(local[-12:-10])) % 24
    assert hours in (4, 5)
    assert view.state()["utc"] == "1"
