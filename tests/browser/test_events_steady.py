"""Nothing jumps, nothing runs away: how the page loads, lives, and is used for long."""

from __future__ import annotations

import time

from playwright.sync_api import Page, expect

from tests.browser.conftest import Pages
from tests.support.collector import Collector
from tests.support.dashboard import EventsView, request_pair, send

_SHIFTS = """
    window.shifted = 0;
    window.moved = [];
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) {
            if (entry.hadRecentInput) continue;
            shifted += entry.value;
            for (const {node} of entry.sources) moved.push(node?.className ?? node?.nodeName);
        }
    }).observe({type: "layout-shift", buffered: true});
"""
SHIFT_MAX = 0.02
"""A tenth of this score is called good; ours is to be hardly seen."""
LISTENERS_MORE_MAX = 300


def test_nothing_jumps_while_it_loads(page: Page) -> None:
    """Skeletons have the size of what comes in their place."""
    page.add_init_script(_SHIFTS)
    view = EventsView(page).open(since="-1h")
    expect(view.total).to_be_visible()
    expect(view.facet("Status").locator("li.value")).to_have_count(3)
    assert page.evaluate("shifted") < SHIFT_MAX, page.evaluate("moved")


def test_a_long_life_leaves_nothing_behind(pages: Pages, collector: Collector) -> None:
    """Live, searching and opening for a while, the page stays as small as it was."""
    view = EventsView(pages.open(collector.http)).open(live="1", since="-5m")
    expect(view.page.locator(".live-state")).to_have_text("live")
    session = view.page.context.new_cdp_session(view.page)

    def use() -> None:
        for number in range(5):
            send(collector.otlp_http, request_pair(time.time_ns(), user_id=f"long-{number}"))
            view.ask(f"user_id:long-{number}")
            expect(view.row(f"long-{number}")).to_be_visible()
            view.row(f"long-{number}").click()
            expect(view.detail.locator("header h2")).to_be_visible()
            view.page.keyboard.press("Escape")
            view.page.keyboard.press("Escape")
            view.ask("")

    def left() -> dict[str, float]:
        session.send("HeapProfiler.collectGarbage")
        return session.send("Memory.getDOMCounters")

    use()
    before = left()
    for _ in range(3):
        use()
    after = left()
    assert after["jsEventListeners"] - before["jsEventListeners"] < LISTENERS_MORE_MAX
    assert after["nodes"] < before["nodes"] * 1.5 + 500
