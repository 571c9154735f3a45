"""The harness itself: its watcher sees what it must, and the million is really there."""

from __future__ import annotations

import httpx
from playwright.sync_api import Page

from tests.browser.conftest import EVENT_LOGS, Full
from tests.support.browser import MISSING, Watch, find_browser, is_required


def test_the_collector_holds_what_was_written(full: Full) -> None:
    """The tests look at as many event logs as they claim to."""
    answer = httpx.get(f"{full.collector.http}/api/v1/status", trust_env=False)
    assert answer.json()["store"]["events"] >= EVENT_LOGS - 10


def test_the_watcher_sees_complaints(page: Page, watch: Watch) -> None:
    """Errors on the console, failed and refused scripts, and strangers asked are all seen."""
    page.goto("/?view=nothing")
    page.evaluate("console.error('something is wrong')")
    page.evaluate("setTimeout(() => { throw new Error('a script failed') })")
    page.evaluate(
        "document.head.append(Object.assign(document.createElement('script'), {text: '1'}))"
    )
    page.evaluate("fetch('http://127.0.0.1:9/').catch(() => 0)")
    page.wait_for_timeout(50)
    told = "\n".join(watch.complaints)
    for sign in (
        "something is wrong",
        "a script failed",
        "policy violated: script-src-elem inline",
        "policy violated: connect-src http://127.0.0.1:9/",
    ):
        assert sign in told
    watch.urls.append("https://elsewhere.example/pixel.png")
    assert watch.foreign() == ["https://elsewhere.example/pixel.png"]
    watch.complaints.clear()
    watch.urls.clear()


def test_a_missing_browser_is_told() -> None:
    """Without a browser there is one reason to skip, unless a browser is demanded."""
    assert find_browser({"OTEL_EVENTLOG_BROWSER": "/no/such/program"}) != "/no/such/program"
    assert not is_required({})
    assert is_required({"OTEL_EVENTLOG_BROWSER_REQUIRED": "1"})
    assert "apt-get install chromium" in MISSING
