"""The Events view as a person uses it: what stands where, in words of the page."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from playwright.sync_api import Locator, Page, expect

from otel_eventlog.model import EventLog, Status
from tests.support.builders import event_log
from tests.support.otlp_requests import logs_of

ROW_PX = 28
"""Height of a line on a wide screen."""


class EventsView:
    """The Events view in one page of a browser."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.table = page.get_by_role("grid")
        self.search = page.get_by_role("combobox", name="Search")
        self.detail = page.locator("aside.detail")
        self.histogram = page.get_by_role("slider", name="Event logs over time")
        self.total = page.locator(".strip strong")
        self.pill = page.locator(".pill")

    def open(self, **state: str) -> EventsView:
        """Open the page in a state of its address, and wait for what it shows."""
        self.page.goto("/?" + urlencode(state) if state else "/")
        self.settled()
        return self

    def settled(self) -> None:
        """Wait until rows, or the reason why there are none, are there."""
        expect(self.table.locator(".canvas .row .c-action, .foot p").first).to_be_attached()
        expect(self.page.locator(".ghosts")).to_be_hidden()
        expect(self.page.locator(".canvas .skeleton")).to_have_count(0)

    def rows(self) -> list[dict[str, str]]:
        """Return the lines that are elements now, from the top, each by its columns."""
        found: list[tuple[int, dict[str, str]]] = [
            (int(row["index"]), row["cells"]) for row in self.page.evaluate(_ROWS)
        ]
        return [cells for _, cells in sorted(found, key=lambda each: each[0])]

    def known(self) -> int:
        """Return how many lines the list is long by now."""
        height: int = self.page.evaluate("document.querySelector('.canvas').offsetHeight")
        return height // ROW_PX

    def to_the_end(self) -> None:
        """Scroll to the end of what is known."""
        self.table.evaluate("(table) => { table.scrollTop = table.scrollHeight }")

    def row(self, text: str) -> Locator:
        """Return the first line that says something."""
        return self.table.locator(".canvas .row").filter(has_text=text).first

    def ask(self, q: str) -> None:
        """Type a search and press Enter."""
        self.search.fill(q)
        self.page.keyboard.press("Escape")
        self.search.press("Enter")

    def facet(self, label: str) -> Locator:
        """Return the panel of filters of this name, unfolded."""
        panel = self.page.locator(
            "details.facet", has=self.page.get_by_text(label, exact=True)
        ).first
        if panel.get_attribute("open") is None:
            panel.locator("summary").click()
        return panel

    def facet_drawer(self) -> Locator:
        """Return the pane of filters, a drawer on a small screen."""
        return self.page.locator("aside.side")

    def value(self, label: str, value: str) -> Locator:
        """Return a value in a panel of filters."""
        return (
            self.facet(label)
            .locator("li.value")
            .filter(has=self.page.get_by_text(value, exact=True))
        )

    def counts(self, label: str, value: str, number: int) -> None:
        """Wait until a filter says that there are so many event logs: counts come after rows."""
        told = re.compile(rf": {number:,}$")
        expect(self.value(label, value).locator(".take")).to_have_attribute("title", told)

    def count(self, label: str, value: str) -> int:
        """Return how many event logs a filter says there are."""
        text = self.value(label, value).locator(".take").get_attribute("title") or ""
        return int(text.rpartition(": ")[2].replace(",", ""))

    def field(self, label: str) -> Locator:
        """Return the value of a field in the detail."""
        terms = self.detail.locator("dt").filter(has_text=re.compile(rf"^{re.escape(label)}$"))
        return terms.first.locator("xpath=following-sibling::dd[1]")

    def state(self) -> dict[str, str]:
        """Return what the address says."""
        query = parse_qs(urlsplit(self.page.url).query)
        return {name: values[0] for name, values in query.items()}


_ROWS = """() => [...document.querySelectorAll('.canvas .row')]
    .filter((row) => row.querySelector('.cell'))
    .map((row) => ({
        index: row.getAttribute('aria-rowindex'),
        cells: Object.fromEntries([...row.children].map((cell) => [
            cell.className.match(/c-(\\w+)/)[1], cell.textContent])),
    }))"""


def api(home: str, path: str, parameters: Mapping[str, Any] | None = None) -> Any:
    """Ask a collector's API as a program would."""
    answer = httpx.get(f"{home}/api/v1/{path}", params=parameters, trust_env=False, timeout=60)
    answer.raise_for_status()
    return answer.json()


def send(otlp_http: str, events: Iterable[EventLog]) -> None:
    """Send event logs as an application does; they are committed when this returns."""
    answer = httpx.post(
        f"{otlp_http}/v1/logs",
        content=logs_of(events).SerializeToString(),
        headers={"Content-Type": "application/x-protobuf"},
        trust_env=False,
        timeout=60,
    )
    answer.raise_for_status()


def request_pair(at_unix_nano: int, *, error: bool = False, **fields: Any) -> list[EventLog]:
    """Return start and outcome of a request of its own, 40 ms apart."""
    span_id = secrets.randbits(63) + 1
    elapsed = 40_000_000
    common = {"span_id": span_id, "start_unix_nano": at_unix_nano, "trace_sampled": True} | fields
    common.setdefault("trace_id", secrets.randbits(127) + 1)
    failure = {"error_type": "invalid_credentials", "http_status_code": 401} if error else {}
    outcome = {"http_status_code": 200} | failure | fields
    # A start knows neither the user nor how it will end.
    early = {name: value for name, value in common.items() if name not in _KNOWN_AT_THE_END}
    return [
        event_log(Status.START, time_unix_nano=at_unix_nano, **early),
        event_log(
            Status.ERROR if error else Status.SUCCESS,
            time_unix_nano=at_unix_nano + elapsed,
            duration_ns=elapsed,
            **(common | outcome),
        ),
    ]


_KNOWN_AT_THE_END = {"user_id", "error_type", "error_message", "http_status_code", "next_step"}
