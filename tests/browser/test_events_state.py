"""What was chosen is in the address; keys do what the help says; any screen will do."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import Pages
from tests.support.collector import Collector
from tests.support.dashboard import EventsView
from tests.support.repository import ROOT

HOUR = {"since": "-1h"}


@pytest.fixture
def view(page: Page) -> EventsView:
    """The Events view of a million event logs."""
    return EventsView(page)


def test_back_forward_and_reload(view: EventsView) -> None:
    """Each choice is a step of the back button, and a reload shows what was there."""
    view.open(**HOUR)
    view.value("Status", "error").locator(".take").click()
    view.settled()
    view.row("error").click()
    expect(view.detail).to_be_visible()
    request = view.state()["request"]
    view.page.reload()
    view.settled()
    expect(view.detail.locator("header h2")).to_be_visible()
    assert view.state()["request"] == request
    assert {row["status"] for row in view.rows()} == {"error"}
    view.page.go_back()
    expect(view.detail).to_be_hidden()
    view.page.go_back()
    expect(view.search).to_have_value("")
    view.settled()
    view.page.go_forward()
    expect(view.search).to_have_value("status:error")


def test_keys_do_what_the_help_says(view: EventsView) -> None:
    """Every key of the help is tried; the page about the dashboard lists the same."""
    view.open(**HOUR)
    view.page.keyboard.press("?")
    help_dialog = view.page.get_by_role("dialog", name="Keyboard")
    told = set(help_dialog.locator("kbd").all_inner_texts())
    page = (ROOT / "docs" / "dashboard.md").read_text(encoding="utf-8")
    assert told == set(
        re.findall(r"`([^`]+)`", "".join(re.findall(r"^\| (`.*?) \|", page, re.MULTILINE)))
    )
    view.page.keyboard.press("Escape")
    expect(help_dialog).to_be_hidden()

    active = view.table.locator(".row.active")
    view.page.keyboard.press("j")
    view.page.keyboard.press("ArrowDown")
    expect(active).to_have_attribute("aria-rowindex", "3")
    view.page.keyboard.press("k")
    expect(active).to_have_attribute("aria-rowindex", "2")
    assert view.table.get_attribute("aria-activedescendant") == active.get_attribute("id")
    view.page.keyboard.press("ArrowDown")
    view.page.keyboard.press("ArrowUp")
    view.page.keyboard.press("Enter")
    expect(view.detail).to_be_visible()
    first = view.state()["request"]
    view.page.keyboard.press("j")
    view.page.keyboard.press("j")
    view.page.wait_for_function("(id) => !location.search.includes(id)", arg=first)
    view.page.keyboard.press("g")
    expect(active).to_have_attribute("aria-rowindex", "2")
    view.page.keyboard.press("Escape")
    expect(view.detail).to_be_hidden()
    view.page.keyboard.press("p")
    view.page.wait_for_url(re.compile("pair=1"))
    view.page.keyboard.press("p")
    view.page.keyboard.press("u")
    view.page.wait_for_url(re.compile("utc=1"))
    view.page.keyboard.press("o")
    view.page.wait_for_url(re.compile("order=asc"))
    view.page.keyboard.press("o")
    view.page.wait_for_url(lambda url: "order" not in url)
    view.page.keyboard.press("l")
    view.page.wait_for_url(re.compile("live=1"))
    view.page.keyboard.press("l")
    view.page.keyboard.press("t")
    expect(view.page.get_by_role("dialog", name="Time")).to_be_visible()
    view.page.keyboard.press("Escape")
    expect(view.page.get_by_role("dialog", name="Time")).to_be_hidden()
    view.page.keyboard.press("/")
    expect(view.search).to_be_focused()


def test_views_are_kept_under_names(view: EventsView) -> None:
    """A saved view brings time, search and columns back, after a reload too."""
    view.open(since="-6h", q="status:error", columns="action,error_type")
    view.page.get_by_role("button", name="Views").click()
    view.page.get_by_label("Name of this view").fill("What fails")
    view.page.get_by_role("button", name="Save").click()
    view.open()
    view.page.get_by_role("button", name="Views").click()
    view.page.get_by_role("link", name="What fails").click()
    view.settled()
    assert view.state() == {
        "since": "-6h",
        "q": "status:error",
        "columns": "action,error_type",
    }
    view.page.get_by_role("button", name="Views").click()
    view.page.get_by_role("button", name="Forget What fails").click()
    expect(view.page.get_by_role("link", name="What fails")).to_have_count(0)


def test_light_and_dark(view: EventsView) -> None:
    """As the system is set, or as chosen, which a reload keeps."""
    view.open(**HOUR)
    dark = "getComputedStyle(document.body).backgroundColor"
    light_paper = view.page.evaluate(dark)
    view.page.emulate_media(color_scheme="dark")
    dark_paper = view.page.evaluate(dark)
    assert light_paper != dark_paper
    view.page.get_by_role("button", name=re.compile("as the system")).click()
    assert view.page.evaluate(dark) == light_paper
    view.page.reload()
    view.settled()
    assert view.page.evaluate(dark) == light_paper
    view.page.get_by_role("button", name=re.compile("^Light")).click()
    assert view.page.evaluate(dark) == dark_paper


def test_a_phone_is_enough(phone: Page) -> None:
    """Filters are a drawer, lines are two lines, the detail is a sheet; nothing sticks out."""
    view = EventsView(phone).open(**HOUR)
    assert phone.evaluate("document.documentElement.scrollWidth") == 390
    line = view.table.locator(".row[aria-rowindex='2']")
    box = line.bounding_box()
    assert box
    assert box["height"] > 50
    expect(view.facet_drawer()).not_to_be_visible()
    phone.get_by_role("button", name="Filters").tap()
    view.value("Status", "error").locator(".take").tap()
    phone.locator(".shade").tap(position={"x": 340, "y": 300})
    expect(view.facet_drawer()).not_to_be_visible()
    view.settled()
    assert {row["status"] for row in view.rows()} == {"error"}
    line.tap()
    expect(view.detail.locator("header h2")).to_be_visible()
    sheet = view.detail.bounding_box()
    assert sheet
    assert sheet["width"] == 390
    view.detail.get_by_role("button", name="Close").tap()
    expect(view.detail).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1360, 390])
def test_everybody_can_use_it(pages: Pages, collector: Collector, scheme: str, width: int) -> None:
    """The rules of axe find nothing serious: list, detail, filters, suggestions, help."""
    size = {"width": width, "height": 860}
    view = EventsView(pages.open(collector.http, color_scheme=scheme, viewport=size))
    view.open(q="status:error -service:shop", **HOUR)
    expect(view.total).to_be_visible()
    assert serious(view.page) == []
    view.table.locator(".row .c-action").nth(1).click()
    expect(view.detail.locator("header h2")).to_be_visible()
    assert serious(view.page) == []
    view.detail.get_by_role("button", name="Close").click()
    if width < 1000:
        view.page.get_by_role("button", name="Filters").click()
        assert serious(view.page) == []
        return
    view.page.keyboard.press("/")
    view.page.keyboard.type(" act")
    expect(view.page.get_by_role("option").first).to_be_visible()
    assert serious(view.page) == []
    view.page.keyboard.press("Escape")
    view.page.keyboard.press("Escape")
    for key in ("t", "?"):
        view.page.keyboard.press(key)
        assert serious(view.page) == []
        view.page.keyboard.press("Escape")


def serious(page: Page) -> list[str]:
    """What axe calls serious or critical, and where."""
    found = Axe().run(page).response["violations"]
    return [
        f"{rule['id']}: {rule['help']} at {[node['target'] for node in rule['nodes']][:3]}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
    ]
