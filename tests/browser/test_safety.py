"""What is stored is text and nothing else, whoever sent it; and the page asks nobody but its home.

Scripts, markup, text that turns round, terminal escapes and very long values stand in every field
of event logs that arrive over OTLP as any sender could send them.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import fields

import httpx
import pytest
from playwright.sync_api import Browser, Dialog, Page, expect

from otel_eventlog.model import EventLog, OutcomeSource, Rank, Status
from otel_eventlog_collector.query import TEXT_FIELDS
from tests.browser.conftest import Full, Pages
from tests.support.collector import Collector, serving
from tests.support.otlp_requests import logs_of

PAYLOADS = (
    "<script>window.hacked=1</script>",
    "<img src=x onerror=window.hacked=1>",
    '"><svg onload=window.hacked=1>',
    "' onmouseover=window.hacked=1 '",
    "javascript:window.hacked=1",
    "${window.hacked=1}{{window.hacked=1}}",
    "</title></style></textarea><iframe srcdoc='<script>parent.hacked=1</script>'>",
    "\u202egol tneve\u202c\u2066x\u2069",
    "\x1b[31mred\x1b[0m\x07\x00",
    "long " + "x" * 20_000,
    "a\nb\r\n<b>c</b>\t\U0001f511",
)
MILLISECOND = 10**6
NOT_TEXT = ("event_id", "request_id", "trace_id", "span_id", "parent_span_id", "phase", "status")
COLUMNS = ",".join(name for name in TEXT_FIELDS if name not in NOT_TEXT)
ANYWHERE = "script:not([src]), img, iframe, object, embed, form[action], [onerror], [onload], b"
"""What no view has unless something stored became markup."""
VIEWS = (
    "/?since=-1h",
    f"/?since=-1h&columns={COLUMNS}",
    "/?since=-1h&pair=1",
    "/?since=-1h&live=1",
    "/?view=actions&since=-1h",
    "/?view=status",
)


def poisoned(payload: str, number: int, now: int) -> list[EventLog]:
    """Return a request of which every text is the payload, with the field's name behind it."""
    texts = {
        each.name: f"{payload} {each.name}"
        for each in fields(EventLog)
        if each.name in COLUMNS.split(",") and each.name != "outcome_source"
    }
    at = now - (number + 1) * 40 * MILLISECOND
    common = {
        **texts,
        "span_id": random.getrandbits(63) + 1,
        "start_unix_nano": at,
        "trace_id": 0xABCDEF,
        "trace_sampled": True,
        "attributes": {"note": payload, f"key {payload[:40]}": "value", "list": [payload]},
        "rank": Rank.APP,
    }
    return [
        EventLog(status=Status.START, time_unix_nano=at, **common),
        EventLog(
            status=Status.ERROR,
            time_unix_nano=at + 30 * MILLISECOND,
            duration_ns=30 * MILLISECOND,
            outcome_source=OutcomeSource.APP,
            **common,
        ),
    ]


def send(collector: Collector, events: Sequence[EventLog]) -> None:
    """Send event logs as an application does."""
    answer = httpx.post(
        f"{collector.otlp_http}/v1/logs",
        content=logs_of(events).SerializeToString(),
        headers={"Content-Type": "application/x-protobuf"},
        trust_env=False,
    )
    assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
def planted(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """A collector that holds nothing but poison."""
    with serving(tmp_path_factory.mktemp("planted") / "data") as collector:
        now = time.time_ns()
        send(collector, [e for n, text in enumerate(PAYLOADS) for e in poisoned(text, n, now)])
        yield collector


@pytest.fixture
def page(pages: Pages, planted: Collector) -> Page:
    """A page on which no dialog may open."""
    page = pages.open(planted.http)

    def refuse(dialog: Dialog) -> None:
        pages.watch(page).complaints.append(f"a dialog opened: {dialog.message}")
        dialog.dismiss()

    page.on("dialog", refuse)
    return page


def nothing_ran(page: Page) -> None:
    """Expect that nothing stored became code or markup."""
    assert page.evaluate("typeof window.hacked") == "undefined"
    assert page.locator(ANYWHERE).evaluate_all("all => all.map(e => e.outerHTML)") == []


def settle(page: Page) -> None:
    """Wait until what was asked for is drawn."""
    page.wait_for_load_state("networkidle") if "live=1" not in page.url else None
    expect(page.locator(".skeleton:visible")).to_have_count(0)


@pytest.mark.parametrize("view", VIEWS)
def test_no_view_runs_what_is_stored(page: Page, view: str) -> None:
    """Each view shows the poison as text, and pointing at it changes nothing."""
    page.goto(view)
    settle(page)
    nothing_ran(page)
    for one in page.locator("[title]:visible, svg g:visible").all()[:40]:
        one.dispatch_event("pointerover")
        one.dispatch_event("mouseover")
    nothing_ran(page)


def test_markup_is_shown_letter_by_letter(page: Page) -> None:
    """A person reads the very text that was sent."""
    page.goto(f"/?since=-1h&columns={COLUMNS}")
    settle(page)
    expect(page.locator("main")).to_contain_text("<img src=x onerror=window.hacked=1>")
    page.goto("/?view=actions&since=-1h")
    settle(page)
    expect(page.locator("main")).to_contain_text("<script>window.hacked=1</script>")


def test_every_request_opens_as_text(page: Page, planted: Collector) -> None:
    """The detail of each request shows every field; its links lead to web pages only."""
    answer = httpx.get(f"{planted.http}/api/v1/requests?since=-1h", trust_env=False)
    requests = answer.json()["requests"]
    assert len(requests) == len(PAYLOADS)
    for request in requests:
        page.goto(f"/?since=-1h&request={request['request_id']}")
        expect(page.locator("main")).to_contain_text(request["request_id"])
        settle(page)
        nothing_ran(page)
        links = page.locator("a[href]").evaluate_all("all => all.map(a => a.protocol)")
        assert set(links) <= {"http:", "https:"}


def test_what_is_offered_while_typing_is_text(page: Page) -> None:
    """Completion offers stored values; taking one searches for it."""
    page.goto("/?since=-1h")
    settle(page)
    page.keyboard.press("/")
    page.keyboard.type("user_id:")
    offers = page.get_by_role("option")
    expect(offers.first).to_be_visible()
    nothing_ran(page)
    offers.filter(has_text="onerror").first.click()
    settle(page)
    nothing_ran(page)
    expect(page.get_by_role("group", name="Active filters")).to_contain_text("<img src=x")


def test_very_long_values_leave_the_page_as_wide_as_it_was(page: Page) -> None:
    """A value of thousands of letters is cut off or wrapped, never wider than the window."""
    for view in VIEWS:
        page.goto(view)
        settle(page)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, view


def test_every_address_of_the_page_is_strict(full: Full, pages: Pages) -> None:
    """Each view loads under the policy without a complaint, and asks nobody else."""
    page = pages.open(full.collector.http)
    for view in VIEWS:
        answer = page.goto(view)
        assert answer is not None
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        expect(page.locator("nav a[aria-current]")).to_have_count(1)
    watch = pages.watch(page)
    assert len(watch.urls) > 20
    data = [url for url in watch.urls if "/api/" in url]
    for url in dict.fromkeys(url.partition("?")[0] for url in data if "stream" not in url):
        assert httpx.get(url, trust_env=False).headers["cache-control"] == "no-store"


def test_no_other_site_may_show_the_page_in_a_frame(full: Full, pages: Pages) -> None:
    """A frame on another page stays empty."""
    page = pages.open(full.collector.http)
    watch = pages.watch(page)
    watch.forgive("frame-ancestors", "X-Frame-Options", "ERR_BLOCKED_BY_RESPONSE", "favicon")
    page.set_content(f"<iframe src='{full.collector.http}/'></iframe>")
    page.wait_for_timeout(300)
    (frame,) = page.frames[1:]
    assert "otel-eventlog" not in frame.content()
