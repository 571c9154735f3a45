"""Whatever is stored is shown as text, and only as text."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from otel_eventlog.model import OutcomeSource
from tests.browser.conftest import Pages
from tests.support.collector import Collector, serving
from tests.support.dashboard import EventsView, request_pair, send

TEXTS = (
    "project", "environment", "service", "service_version", "correlation_id", "flow_id", "user_id",
    "organization_id", "client_id", "auth_method", "auth_factor", "http_route", "error_type",
    "error_message", "session_token_hash", "session_jwt_hash", "client_address", "user_agent",
    "message_status", "next_step",
)  # fmt: skip
PLANTED = '"><img src=x onerror=window.hit=1><script>window.hit=1</script> {}'


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """A collector with markup in every field that takes text."""
    with serving(tmp_path_factory.mktemp("safe") / "data", "--no-default-packs") as running:
        planted = {name: PLANTED.format(name) for name in TEXTS}
        planted["attributes"] = {PLANTED.format("key"): PLANTED.format("value")}  # type: ignore[assignment]
        pair = request_pair(
            time.time_ns(),
            error=True,
            action=PLANTED.format("action"),
            category=PLANTED.format("category"),
            http_method="POST",
            outcome_source=OutcomeSource.APP,
        )
        for event in pair:
            for name, value in planted.items():
                setattr(event, name, value)
        send(running.otlp_http, pair)
        yield running


def test_markup_stays_text_everywhere(own: Collector, pages: Pages) -> None:
    """In rows, filters, suggestions, chips, detail and titles, markup is letters."""
    view = EventsView(pages.open(own.http))
    columns = ",".join((*TEXTS, "action", "category"))
    view.open(columns=columns)
    assert len(view.rows()) == 2
    stored = [value for value in view.rows()[0].values() if "<img" in value]
    assert len(stored) >= len(TEXTS) // 2  # what the collector lets through is really shown
    for label in ("Action", "Reason", "Service", "User", "Organization"):
        expect(view.facet(label)).to_contain_text("<script>")
    view.search.fill("user_id:")
    expect(view.page.get_by_role("option").first).to_contain_text("onerror")
    view.page.keyboard.press("ArrowDown")
    view.page.keyboard.press("Enter")
    view.settled()
    assert len(view.rows()) == 2
    expect(view.page.get_by_role("group", name="Active filters")).to_contain_text("<script>")
    view.table.locator(".row .c-action").nth(1).click()
    expect(view.detail.locator("header h2")).to_contain_text("<script>")
    expect(view.field("User")).to_contain_text("<img src=x")
    assert view.page.locator("img").count() == 0
    assert view.page.locator("script").count() == 2  # theme.js and main.js
    assert view.page.evaluate("window.hit") is None
    view.page.reload()
    view.settled()
    assert view.page.evaluate("window.hit") is None
