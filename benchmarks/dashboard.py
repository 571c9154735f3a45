"""How soon the dashboard shows what was asked for, with ten million event logs stored.

Serves the event logs of the benchmark `reading` (filled now, or kept by an earlier run) and opens
each view again and again in Chromium, in a fresh profile each time: nothing is cached. Then it
opens it once more in the same profile, as somebody does who comes back.

First content is what a person came for, painted: the first event logs of the list, the first lines
of the actions, the first figures of the status. A frame around nothing does not count. Times are
from the navigation's start, by the browser's own clock; each is the median of the rounds. The bare
limit of the same browser and machine is `/healthz`, two letters of text.

    python -m benchmarks dashboard [--events 1e7] [--keep DIR] [--rounds 7] [--only events,status]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.reading import stock
from tests.support.browser import MISSING, find_browser
from tests.support.collector import serving

GOAL_MS = 300
HOUR_S = 3600
VIEWS = {
    "bare page": ("/healthz", "pre"),
    "events, 1 hour": ("/?since=-{hour_s}s", ".canvas .row .c-time"),
    "events, 30 days": ("/?since=-30d", ".canvas .row .c-time"),
    "errors, 30 days": ("/?since=-30d&q=status:error", ".canvas .row .c-time"),
    "pairs, 30 days": ("/?since=-30d&pair=1", ".canvas .row .c-time"),
    "actions, 1 hour": ("/?view=actions&since=-{hour_s}s", "tr[data-action]"),
    "actions, 30 days": ("/?view=actions&since=-30d", "tr[data-action]"),
    "status": ("/?view=status", ".facts"),
}
"""Address, and what its first content is."""

# Looks each time something was put into the page. What was found is painted with the next frame;
# the message after that frame is taken as the moment at which it was.
_WATCH = """
    (() => {
        const wanted = %r;
        const told = () => {
            if (!document.querySelector(wanted)) return false;
            requestAnimationFrame(() => {
                const channel = new MessageChannel();
                channel.port1.onmessage = () => { window.shown_ms = performance.now(); };
                channel.port2.postMessage(0);
            });
            return true;
        };
        const watch = new MutationObserver(() => told() && watch.disconnect());
        if (!told()) watch.observe(document, {subtree: true, childList: true});
    })();
"""


def main(arguments: list[str] | None = None) -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=float, default=1e7)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the event logs there")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="", help="views whose names begin so, by comma")
    options = parser.parse_args(arguments)
    program = find_browser()
    if program is None:
        print(MISSING)
        return
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        filled = stock(options.keep or Path(name), int(options.events))
        # The last hour of what is stored, however long ago that was.
        age_s = int(time.time() - filled.plan.until_unix_nano / 1e9)
        with serving(filled.data, *filled.options) as collector:
            browser = playwright.chromium.launch(executable_path=program)
            views = {
                view: (collector.http + address.format(hour_s=age_s + HOUR_S), wanted)
                for view, (address, wanted) in VIEWS.items()
                if view.startswith(tuple(options.only.split(",")))
            }
            # Round after round, so that a slow minute of the machine is in every line.
            taken = [
                {view: visited(browser, *where) for view, where in views.items()}
                for _ in range(options.rounds)
            ]
            print_table(taken)
            browser.close()


def print_table(taken: list[dict[str, tuple[float, float]]]) -> None:
    """Print a line a view: median, best and worst of the first visits, median of the next."""
    print(f"{'ms, goal':18}{GOAL_MS:8}{'best':>8}{'worst':>8}{'again':>8}")
    for view in taken[0]:
        first, again = zip(*(each[view] for each in taken), strict=True)
        print(
            f"{view:18}{statistics.median(first):8.0f}{min(first):8.0f}{max(first):8.0f}"
            f"{statistics.median(again):8.0f}"
        )


def visited(browser: Browser, url: str, wanted: str) -> tuple[float, float]:
    """Open an address in a fresh profile and then once more; return both times in ms."""
    with browser.new_context() as context:
        page = context.new_page()
        page.add_init_script(_WATCH % wanted)
        return opened(page, url), opened(page, url)


def opened(page: Page, url: str) -> float:
    """Return milliseconds to the first content; comes back when the page asks for nothing more."""
    page.goto(url, wait_until="commit")
    page.wait_for_function("() => window.shown_ms")
    page.wait_for_load_state("networkidle")
    shown_ms: float = page.evaluate("window.shown_ms")
    return shown_ms


if __name__ == "__main__":
    main()
