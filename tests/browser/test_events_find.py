"""Finding event logs: search with its suggestions, filters with counts, histogram, time."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Full
from tests.support.browser import Watch
from tests.support.dashboard import EventsView, api
from tests.support.waiting import eventually

HOUR = {"since": "-1h"}


@pytest.fixture
def view(page: Page) -> EventsView:
    """The Events view of a million event logs."""
    return EventsView(page)


def statuses(view: EventsView) -> set[str]:
    """The statuses in sight."""
    return {row["status"] for row in view.rows()}


def test_keys_and_values_are_offered(view: EventsView) -> None:
    """A person who knows no field finds one, and its values, with the keyboard alone."""
    view.open(**HOUR)
    view.page.keyboard.press("/")
    view.page.keyboard.type("reas")
    offers = view.page.get_by_role("listbox", name="Suggestions").get_by_role("option")
    expect(offers).to_have_count(1)
    expect(offers.first).to_contain_text("error_type:")
    view.page.keyboard.press("ArrowDown")
    view.page.keyboard.press("Enter")
    expect(offers.filter(has_text="invalid_credentials")).to_be_visible()
    view.page.keyboard.type("user_n")
    expect(offers).to_have_count(1)
    view.page.keyboard.press("ArrowDown")
    view.page.keyboard.press("Enter")
    expect(view.search).to_have_value(re.compile("^error_type:user_not_found ?$"))
    expect(view.table.locator(".row .c-result").nth(1)).to_have_text("user_not_found")
    view.settled()
    assert {row["result"] for row in view.rows()} == {"user_not_found"}
    assert view.state()["q"] == "error_type:user_not_found"


def test_free_text_finds_what_one_has_at_hand(view: EventsView) -> None:
    """An id from a ticket is enough."""
    view.open(**HOUR)
    some = view.table.locator(".canvas .row").nth(3).get_attribute("id") or ""
    event_id = some.removeprefix("row-")
    view.ask(event_id)
    expect(view.total).to_have_text("1 event log")
    assert len(view.rows()) == 1


@pytest.mark.parametrize("form", ["CSV", "JSON Lines", "OCSF", "Elastic"])
def test_what_is_found_can_be_downloaded(view: EventsView, form: str) -> None:
    """The file holds what passes the filters, and only that."""
    view.open(q="status:error user_id:user-1", since="-2d", until="-10m")
    expect(view.total).to_contain_text("event log")
    number = int(view.total.inner_text().split()[0].replace(",", ""))
    view.page.get_by_role("button", name="Export").click()
    with view.page.expect_download() as coming:
        view.page.get_by_role("link", name=form).click()
    lines = coming.value.path().read_text(encoding="utf-8").splitlines()
    assert coming.value.suggested_filename.startswith("event-logs.")
    assert len(lines) == number + (form == "CSV")  # a line of headings
    assert all("user-1" in line for line in lines[form == "CSV" :])


def test_a_wrong_search_says_how_to_write_it(view: EventsView, watch: Watch) -> None:
    """What the API says of a mistake is shown, and the mistake can be mended."""
    watch.forgive("400")
    view.page.goto("/?since=-1h&q=statsu:error")
    alert = view.page.get_by_role("alert").filter(has_text="did you mean")
    expect(alert).to_contain_text('did you mean "status"?')
    view.ask("status:error")
    view.settled()
    expect(alert).to_be_hidden()
    assert statuses(view) == {"error"}


def test_filters_ask_for_and_refuse(view: EventsView, full: Full) -> None:
    """A click asks, ≠ refuses, a second one takes back; counts are those of the API."""
    view.open(**HOUR)
    view.value("Status", "error").locator(".take").click()
    view.settled()
    assert statuses(view) == {"error"}
    expect(view.value("Status", "success")).to_be_visible()  # what else there would be
    view.value("Action", "PasswordsAuthenticate").hover()
    view.page.get_by_role("button", name="Without PasswordsAuthenticate").click()
    view.settled()
    assert view.state()["q"] == "status:error -action:PasswordsAuthenticate"
    assert "PasswordsAuthenticate" not in {row["action"] for row in view.rows()}
    number = api(
        full.collector.http,
        "facets",
        {**HOUR, "q": view.state()["q"], "field": "service"},
    )["facets"]["service"]
    by_name = {one["value"]: one["count"] for one in number}
    # Counts come after the rows, and an hour back from now goes on while one looks.
    near = by_name["shop"] * 0.05 + 5
    assert eventually(lambda: abs(view.count("Service", "shop") - by_name["shop"]) <= near)
    view.value("Status", "error").locator(".take").click()
    view.settled()
    assert view.state()["q"] == "-action:PasswordsAuthenticate"
    assert statuses(view) > {"start"}


def test_a_panel_opens_wide_and_finds(view: EventsView) -> None:
    """*More* shows more values than at first, and a word finds among them."""
    view.open(**HOUR)
    panel = view.facet("User")
    values = panel.locator("li.value")
    expect(values.first).to_be_visible()
    few = values.count()
    panel.get_by_role("button", name="More").click()
    expect(values.nth(few)).to_be_visible()
    panel.get_by_role("searchbox").fill("user-12")
    expect(values.first).to_contain_text("user-12")
    assert all("user-12" in text for text in values.all_inner_texts())
    values.first.locator(".take").click()
    view.settled()
    assert view.state()["q"].startswith("user_id:user-12")


def test_chips_say_what_is_asked_and_take_it_away(view: EventsView) -> None:
    """Each piece of the search is a chip: turn it round, take it away, clear all."""
    view.open(q="status:error service:shop", **HOUR)
    chips = view.page.get_by_role("group", name="Active filters")
    chips.get_by_role("button", name="Service is shop; turn round").click()
    view.settled()
    assert view.state()["q"] == "status:error -service:shop"
    assert "shop" not in {row["service"] for row in view.rows()}
    chips.get_by_role("button", name="Take away: Status is error").click()
    view.settled()
    assert view.state()["q"] == "-service:shop"
    view.ask("status:error service:shop")
    chips.get_by_role("button", name="Clear all").click()
    view.settled()
    assert "q" not in view.state()
    expect(chips).to_be_hidden()


def test_dragging_over_the_histogram_zooms(view: EventsView, full: Full) -> None:
    """What was dragged over is what is then counted and listed; back zooms out."""
    view.open(**HOUR)
    expect(view.histogram.locator("rect").first).to_be_attached()
    box = view.histogram.bounding_box()
    assert box
    view.page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 40)
    view.page.mouse.down()
    view.page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + 50, steps=4)
    expect(view.histogram.locator(".tip")).to_contain_text("let go to zoom")
    view.page.mouse.up()
    view.page.wait_for_url(re.compile("until="))
    chosen = {name: view.state()[name] for name in ("since", "until")}
    buckets = api(full.collector.http, "histogram", chosen)["buckets"]
    number = sum(sum(bucket["counts"].values()) for bucket in buckets)
    expect(view.total).to_have_text(f"{number:,} event logs")
    view.counts("Status", "start", sum(bucket["counts"]["start"] for bucket in buckets))
    view.page.go_back()
    view.settled()
    assert view.state() == HOUR or view.state() == {}


def test_the_histogram_is_used_by_keys_and_told_in_words(view: EventsView) -> None:
    """Arrows choose bars and say what is in them; Enter zooms to them."""
    view.open(**HOUR)
    expect(view.histogram.locator("rect").first).to_be_attached()
    view.histogram.focus()
    for key in ("End", "ArrowLeft", "ArrowLeft", "Shift+ArrowLeft", "Shift+ArrowLeft"):
        view.page.keyboard.press(key)
    told = view.histogram.get_attribute("aria-valuetext") or ""
    words = re.search(r": (\d+) error, (\d+) success, (\d+) start$", told)
    assert words
    view.page.keyboard.press("Enter")
    view.page.wait_for_url(re.compile("until="))
    total = sum(int(number) for number in words.groups())
    expect(view.total).to_have_text(f"{total:,} event logs")


def test_a_click_on_a_bar_shows_its_time(view: EventsView) -> None:
    """One bar of an hour is a minute or less."""
    view.open(**HOUR)
    expect(view.histogram.locator("rect").first).to_be_attached()
    view.histogram.click(position={"x": 500, "y": 60})
    view.page.wait_for_url(re.compile("until="))
    view.settled()
    state = view.state()
    assert state["since"][:14] == state["until"][:14] or state["since"] < state["until"]
    assert view.rows()


@pytest.mark.parametrize(("choice", "since"), [("Last 15 minutes", "-15m"), ("Last 7 days", "-7d")])
def test_a_time_back_from_now_stays_relative(view: EventsView, choice: str, since: str) -> None:
    """What was chosen stands in the address as it was chosen."""
    view.open(since="-6h")
    view.page.keyboard.press("t")
    view.page.get_by_role("button", name=choice).click()
    view.settled()
    assert view.state()["since"] == since
    expect(view.page.locator("button.time")).to_contain_text(choice)


def test_a_time_of_ones_own(view: EventsView) -> None:
    """`90m` is as good as what is offered; what is no time is told."""
    view.open(**HOUR)
    view.page.keyboard.press("t")
    field = view.page.get_by_label("Back from now")
    field.fill("soon")
    field.press("Enter")
    expect(view.page.get_by_text("Write a number and a unit")).to_be_visible()
    field.fill("90m")
    field.press("Enter")
    expect(view.page.locator("button.time")).to_contain_text("Last 1 h 30 m")
    assert view.state()["since"] == "-90m"


def test_from_one_moment_to_another(view: EventsView, full: Full) -> None:
    """Absolute times are read in the zone that is shown, here the reader's own."""
    view.open(**HOUR)
    view.page.keyboard.press("t")
    until = full.plenty.until_unix_nano // 10**9
    local = "new Date(%d * 1000 - new Date(%d * 1000).getTimezoneOffset() * 60000)"
    for label, moment in (("From", until - 1200), ("To", until - 600)):
        text = view.page.evaluate((local % (moment, moment)) + ".toISOString().slice(0, 19)")
        view.page.get_by_label(label, exact=True).fill(text)
    view.page.locator("form.absolute").get_by_role("button", name="Show").click()
    view.settled()
    chosen = view.page.evaluate("[...new URLSearchParams(location.search)]")
    seconds = [
        view.page.evaluate("(text) => Date.parse(text) / 1000", dict(chosen)[name])
        for name in ("since", "until")
    ]
    assert seconds == [until - 1200, until - 600]
    assert view.rows()
