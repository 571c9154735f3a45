"""How soon the dashboard shows something: first content and first rows, beside a bare page.

Serves the event logs of the benchmark `reading` (ten million, filled now or kept by an earlier run)
and opens each view again and again in Chromium, in a fresh profile each time: nothing is cached.
Prints the medians of the first contentful paint, and of the moment at which what was asked for is
drawn. The bare limit of the same browser and machine is `/healthz`, two letters of text.

    python -m benchmarks dashboard [--events 1e7] [--keep DIR] [--rounds 7]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from benchmarks.reading import stock
from tests.support.browser import MISSING, find_browser
from tests.support.collector import serving

GOAL_MS = 300
VIEWS = {
    "bare page": ("/healthz", "pre"),
    "events, 1 hour": ("/?since=-1h", "[role=row] >> nth=3"),
    "events, 30 days": ("/?since=-30d", "[role=row] >> nth=3"),
    "actions, 30 days": ("/?view=actions&since=-30d", "tr[data-action] >> nth=0"),
    "status": ("/?view=status", ".facts >> nth=0"),
}
_FIRST_PAINT = """
    () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN
"""


def main(arguments: list[str] | None = None) -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=float, default=1e7)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the event logs there")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args(arguments)
    program = find_browser()
    if program is None:
        print(MISSING)
        return
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        filled = stock(options.keep or Path(name), int(options.events))
        with serving(filled.data, *filled.options) as collector:
            browser = playwright.chromium.launch(executable_path=program)
            for view, (address, drawn) in VIEWS.items():
                paints, whole = zip(
                    *(
                        opened(browser, collector.http + address, drawn)
                        for _ in range(options.rounds)
                    ),
                    strict=True,
                )
                print(
                    f"{view:18}  first content {statistics.median(paints):5.0f} ms (goal {GOAL_MS})"
                    f"  drawn {statistics.median(whole):5.0f} ms, worst {max(whole):5.0f} ms"
                )
            browser.close()


def opened(browser: Browser, url: str, drawn: str) -> tuple[float, float]:
    """Open an address; return milliseconds to its first content and to what was asked for."""
    with browser.new_context() as context:
        page = context.new_page()
        began = time.perf_counter()
        page.goto(url, wait_until="commit")
        page.locator(drawn).first.wait_for()
        whole_ms = (time.perf_counter() - began) * 1000
        page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
        return page.evaluate(_FIRST_PAINT), whole_ms


if __name__ == "__main__":
    main()
