"""What is seen first comes first: one question, sent before the page is there, and few files."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Request, Route, expect

FIRST = {
    "/": ("/api/v1/events?since=-1h&limit=100", ".canvas .row .c-time"),
    "/?since=-90m&q=status:error+user_id:u*": (
        "/api/v1/events?since=-90m&q=status%3Aerror+user_id%3Au*&limit=100",
        ".canvas .row .c-time",
    ),
    "/?pair=1&state=finished": (
        "/api/v1/requests?since=-1h&limit=100&state=finished",
        ".canvas .row .c-time",
    ),
    "/?view=actions&since=-30d": ("/api/v1/actions?since=-30d", "tr[data-action]"),
    "/?view=actions&since=-15m": ("/api/v1/actions?since=-15m&bucket=19s", "tr[data-action]"),
    "/?view=status": ("/api/v1/status", ".facts"),
}
"""What an address asks the API first, and what it shows first."""


def asked(requests: list[Request], part: str) -> list[str]:
    """Return the paths that were asked for and contain a part, in their order."""
    urls = [urlsplit(request.url) for request in requests]
    paths = [url.path + (f"?{url.query}" if url.query else "") for url in urls]
    return [path for path in paths if part in path]


def into(kept: list[Any]) -> Callable[[Any], None]:
    """Return a function that keeps what it is given: Playwright takes no method of a list."""

    def keep(one: Any) -> None:
        kept.append(one)

    return keep


@pytest.fixture
def requests(page: Page) -> list[Request]:
    """Everything that the page asks for."""
    seen: list[Request] = []
    page.on("request", into(seen))
    return seen


@pytest.mark.parametrize("address", FIRST)
def test_the_first_question_is_sent_early_and_once(
    page: Page, requests: list[Request], address: str
) -> None:
    """It is answered before the page's script is there, and the view takes that very answer."""
    question, shown = FIRST[address]
    held: list[Route] = []
    page.route("**/main.js", into(held))
    with page.expect_response(lambda answer: answer.url.endswith(question)) as answered:
        page.goto(address, wait_until="commit")
    assert answered.value.ok
    assert page.locator("#view > *").count() == 0
    held[0].continue_()
    expect(page.locator(shown).first).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert asked(requests, "/api/")[0] == question
    assert asked(requests, "/api/").count(question) == 1


def test_a_live_list_is_asked_for_when_the_tail_watches(
    page: Page, requests: list[Request]
) -> None:
    """Otherwise what is committed between list and tail would be in neither."""
    page.goto("/?live=1")
    expect(page.locator(".live-state")).to_have_text("live")
    expect(page.locator(".canvas .row .c-time").first).to_be_visible()
    paths = [path.partition("?")[0] for path in asked(requests, "/api/v1/events")]
    assert paths[:2] == ["/api/v1/events/stream", "/api/v1/events"]


def test_rows_are_shown_before_anything_is_counted(page: Page, requests: list[Request]) -> None:
    """While histogram and filters wait for their counts, the rows can be read and opened."""
    held: list[Route] = []
    page.route(re.compile("/api/v1/(histogram|facets)"), into(held))
    page.goto("/")
    rows = page.locator(".canvas .row .c-time")
    expect(rows.first).to_be_visible()
    rows.first.click()
    expect(page.locator("aside.detail header h2")).to_be_visible()
    expect(page.locator(".facets .skeleton").first).to_be_visible()
    for route in held:
        route.continue_()
    expect(page.locator(".facets .skeleton")).to_have_count(0)
    paths = [path.partition("?")[0] for path in asked(requests, "/api/v1/")]
    assert paths.index("/api/v1/events") < paths.index("/api/v1/histogram")


def test_a_few_files_are_enough_and_are_kept(page: Page, requests: list[Request]) -> None:
    """Three files and an icon for every view; whoever comes again asks for none of them."""
    page.goto("/")
    expect(page.locator(".canvas .row .c-time").first).to_be_visible()
    page.get_by_role("link", name="Status").click()
    expect(page.locator(".facts").first).to_be_visible()
    names = {path.rpartition("/")[2] for path in asked(requests, "/static/")}
    assert names <= {"early.js", "all.css", "main.js", "icon.svg"}
    page.goto("/?view=actions")
    expect(page.locator("tr[data-action]").first).to_be_visible()
    sent = page.evaluate(
        "() => performance.getEntriesByType('resource')"
        ".filter(({ name }) => name.includes('/static/')).map((one) => one.transferSize)"
    )
    assert sent
    assert sum(sent) == 0, "from the browser's own memory or disk"
