"""What browser tests share: a browser, a collector with a million event logs, watched pages.

The million is made once a session. While writing tests, `OTEL_EVENTLOG_BROWSER_EVENTS=20000` makes
fewer, and `OTEL_EVENTLOG_BROWSER_PICTURES=DIR` says where pictures of failed tests go.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is not installed: `make setup`")

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.browser import MISSING, Watch, find_browser, is_required
from tests.support.collector import Collector, serving
from tests.support.plenty import Plenty, fill
from tests.support.quick_directory import quick_directory

EVENT_LOGS = int(os.environ.get("OTEL_EVENTLOG_BROWSER_EVENTS", "1000000"))
PATIENCE_MS = 10_000.0
"""How long a page may take for what a test expects; machines are shared."""
ZONE = "America/New_York"
"""Where the reader sits: neither UTC nor the machine's own zone."""
DESKTOP = {"width": 1360, "height": 860}
PHONE = {"width": 390, "height": 844}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let browser tests come last: an open browser keeps an event loop running in this thread."""
    here = Path(__file__).parent
    items.sort(key=lambda item: here in item.path.parents)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Take a picture of every page of a test that failed."""
    report = yield
    if report.when == "call" and report.failed:
        opened: Pages | None = getattr(item, "funcargs", {}).get("pages")
        if opened:
            report.sections.append(("Pages", "\n".join(opened.picture(item.name))))
    return report


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Return the browser, one for all tests; each test has a profile of its own."""
    program = find_browser()
    if program is None:
        if is_required():
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--force-color-profile=srgb"]
        )
        yield browser
        browser.close()


@dataclass(frozen=True)
class Full:
    """A collector that serves plenty of event logs.

    Attributes:
        collector: the process and its addresses.
        plenty: what it holds.

    """

    collector: Collector
    plenty: Plenty


@pytest.fixture(scope="session")
def full(chromium: Browser) -> Iterator[Full]:
    """Return a collector of its own with a million event logs; tests may add some."""
    with quick_directory() as directory:
        plenty = fill(directory / "data", EVENT_LOGS, time.time_ns())
        trace_url = "http://localhost:16686/trace/{trace_id}"
        with serving(directory / "data", "--trace-url", trace_url) as collector:
            yield Full(collector, plenty)


@pytest.fixture
def collector(full: Full) -> Collector:
    """Return the collector that serves plenty."""
    return full.collector


class Pages:
    """Opens watched pages, each in a fresh profile, and closes them."""

    def __init__(self, browser: Browser, pictures: Path) -> None:
        self._browser = browser
        self._pictures = pictures
        self._stack = ExitStack()
        self.opened: list[tuple[Page, Watch]] = []

    def open(self, home: str, **options: Any) -> Page:
        """Return a blank page for which `/` is the dashboard of a collector.

        Args:
            home: address of the collector's listener for people.
            options: of Playwright's `new_context`: viewport, color_scheme, has_touch, …

        """
        settings = {
            "base_url": home,
            "viewport": DESKTOP,
            "timezone_id": ZONE,
            "locale": "en-US",
            "permissions": ["clipboard-read", "clipboard-write"],
        }
        context = self._browser.new_context(**(settings | options))
        self._stack.callback(context.close)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        watch = Watch(home)
        watch.over(page)
        self.opened.append((page, watch))
        return page

    def watch(self, page: Page) -> Watch:
        """Return what watches a page."""
        return next(watch for each, watch in self.opened if each is page)

    def picture(self, name: str) -> list[str]:
        """Take pictures of all pages; return their paths and what the pages complained of."""
        self._pictures.mkdir(parents=True, exist_ok=True)
        told = []
        for number, (page, watch) in enumerate(self.opened):
            path = self._pictures / f"{name.replace('/', '_')[:100]}-{number}.png"
            page.screenshot(path=path)
            told += [f"{path} of {page.url}", *watch.complaints]
        return told

    def close(self) -> None:
        """Close everything."""
        self._stack.close()


@pytest.fixture
def pages(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """Return what opens pages; none may complain, and none may ask anybody but its collector."""
    chosen = os.environ.get("OTEL_EVENTLOG_BROWSER_PICTURES")
    pages = Pages(chromium, Path(chosen or tmp_path_factory.getbasetemp() / "pictures"))
    try:
        yield pages
        for _, watch in pages.opened:
            assert watch.unforgiven() == []
            assert watch.foreign() == []
    finally:
        pages.close()


@pytest.fixture
def page(pages: Pages, collector: Collector) -> Page:
    """Return a blank watched page for the collector with plenty of event logs."""
    return pages.open(collector.http)


@pytest.fixture
def watch(pages: Pages, page: Page) -> Watch:
    """Return what watches `page`."""
    return pages.watch(page)


@pytest.fixture
def phone(pages: Pages, collector: Collector) -> Page:
    """Return a blank watched page on a phone."""
    return pages.open(
        collector.http, viewport=PHONE, has_touch=True, is_mobile=True, device_scale_factor=2
    )


OpenPage = Callable[..., Page]
"""`pages.open`, for tests that want another collector or another screen."""
