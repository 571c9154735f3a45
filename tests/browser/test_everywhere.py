"""What holds for every view: accessible, steady, usable on a phone and by the keyboard alone."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from otel_eventlog_collector.event_json import rfc3339
from tests.browser.conftest import DESKTOP, PHONE, Full, Pages
from tests.support.plenty import HOUR

VIEWS = {
    "events": "/?{times}",
    "pairs": "/?{times}&pair=1",
    "detail": "/?{times}&request={request}",
    "nothing found": "/?{times}&q=user_id:nobody-has-this-name",
    "actions": "/?view=actions&{times}",
    "status": "/?view=status",
}
SEVERE = ("serious", "critical")
SHIFT_MAX = 0.01
"""Of the window; what people begin to see is ten times as much."""

_WATCH_SHIFTS = """
    window.shifts = [];
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) {
            if (entry.hadRecentInput) continue;
            const moved = entry.sources.map(({ node }) => node?.className || node?.nodeName);
            window.shifts.push([entry.value, moved.join(", ")]);
        }
    }).observe({ type: "layout-shift", buffered: true });
"""


@pytest.fixture(scope="module")
def addresses(full: Full) -> dict[str, str]:
    """Return the address of each view, for times to which nothing is added."""
    until = full.plenty.until_unix_nano
    times = {"since": rfc3339(until - HOUR), "until": rfc3339(until)}
    asked = {**times, "status": "error", "limit": "1"}
    answer = httpx.get(f"{full.collector.http}/api/v1/events", params=asked, trust_env=False)
    request = answer.json()["events"][0]["request_id"]
    return {
        name: view.format(times=urlencode(times), request=request) for name, view in VIEWS.items()
    }


def settle(page: Page) -> None:
    """Wait until what was asked for is drawn, and nothing moves."""
    page.wait_for_load_state("networkidle")
    expect(page.locator(".skeleton:visible")).to_have_count(0)


def severe_of(page: Page) -> list[str]:
    """Return what axe finds serious or critical, each with its place."""
    found: list[dict[str, Any]] = Axe().run(page).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): {node['target']} {node['failureSummary']}"
        for one in found
        if one["impact"] in SEVERE
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("name", VIEWS)
def test_axe_finds_nothing_serious(
    full: Full, pages: Pages, addresses: dict[str, str], name: str, scheme: Any, screen: Any
) -> None:
    """No view has a serious fault for those who see or point differently."""
    page = pages.open(full.collector.http, color_scheme=scheme, viewport=screen)
    page.goto(addresses[name])
    settle(page)
    assert severe_of(page) == []


@pytest.mark.parametrize("opener", ["Choose the time", "Columns", "Export", "Views"])
def test_axe_finds_nothing_serious_in_what_opens(
    page: Page, addresses: dict[str, str], opener: str
) -> None:
    """Menus and dialogs are as accessible as the page below them."""
    page.goto(addresses["events"])
    settle(page)
    if opener == "Choose the time":
        page.keyboard.press("t")
    else:
        page.get_by_role("button", name=opener, exact=True).click()
    expect(page.locator("[popover]:popover-open")).to_be_visible()
    assert severe_of(page) == []
    page.keyboard.press("Escape")
    expect(page.locator("[popover]:popover-open")).to_have_count(0)


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("name", VIEWS)
def test_nothing_moves_while_it_loads(
    full: Full, pages: Pages, addresses: dict[str, str], name: str, screen: Any
) -> None:
    """What is on the screen stays where it is when the rest arrives."""
    page = pages.open(full.collector.http, viewport=screen)
    page.add_init_script(_WATCH_SHIFTS)
    page.goto(addresses[name])
    settle(page)
    page.wait_for_timeout(200)
    shifts = page.evaluate("window.shifts")
    assert sum(value for value, _ in shifts) < SHIFT_MAX, shifts


@pytest.mark.parametrize("name", VIEWS)
def test_a_phone_shows_it_without_scrolling_sideways(
    phone: Page, addresses: dict[str, str], name: str
) -> None:
    """On a phone each view fits the width, and what is touched is large enough."""
    phone.goto(addresses[name])
    settle(phone)
    assert phone.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    small = phone.locator("nav a:visible, .controls button:visible").evaluate_all(
        "all => all.map(e => [e.textContent, e.getBoundingClientRect()])"
        ".filter(([, at]) => at.height < 24 || at.width < 24).map(([text]) => text)"
    )
    assert small == []


def test_from_view_to_view_on_a_phone(phone: Page, addresses: dict[str, str]) -> None:
    """With a thumb: actions, one of them, one of its requests, and back again."""
    phone.goto(addresses["actions"])
    phone.locator("tr[data-action='PasswordsAuthenticate'] a").first.tap()
    expect(phone.get_by_role("link", name="Events")).to_have_attribute("aria-current", "page")
    phone.locator(".canvas .row").filter(has_text="PasswordsAuthenticate").first.tap()
    expect(phone.get_by_role("button", name="Close")).to_be_visible()
    phone.go_back()
    expect(phone.get_by_role("button", name="Close")).to_have_count(0)
    phone.go_back()
    expect(phone.locator("tr[data-action]").first).to_be_visible()


def test_a_walk_by_the_keyboard(page: Page, addresses: dict[str, str]) -> None:
    """Without a mouse: search, down the rows, open, close, other views, and the list of keys."""
    page.goto(addresses["events"])
    settle(page)
    page.keyboard.press("/")
    expect(page.get_by_label("Search", exact=True)).to_be_focused()
    page.keyboard.type("status:error")
    page.keyboard.press("Enter")
    settle(page)
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Close")).to_be_visible()
    assert "request=" in page.url
    page.keyboard.press("Escape")
    assert "request=" not in page.url
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("link", name="Events").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("tr[data-action]").first).to_be_visible()


@pytest.mark.parametrize("name", ["events", "actions", "status"])
def test_focus_is_always_seen(page: Page, addresses: dict[str, str], name: str) -> None:
    """Wherever Tab leads, the place is on the screen and marked."""
    page.goto(addresses[name])
    settle(page)
    for _ in range(25):
        page.keyboard.press("Tab")
        seen = page.evaluate(
            """() => {
                const at = document.activeElement;
                if (at === document.body) return null;
                const marks = [at, ...document.querySelectorAll(':focus-visible')].flatMap((each) =>
                    [null, '::after'].map((part) => getComputedStyle(each, part)));
                const box = at.getBoundingClientRect();
                const isOn = box.bottom > 0 && box.top < innerHeight && box.width > 0;
                const clear = 'rgba(0, 0, 0, 0)';
                const isMarked = marks.some((style) => style.boxShadow !== 'none'
                    || (style.outlineStyle !== 'none' && style.outlineColor !== clear));
                return isOn && isMarked ? null : at.outerHTML.slice(0, 200);
            }"""
        )
        assert seen is None
