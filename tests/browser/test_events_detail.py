"""The detail of a request: what happened, why, and what belongs to it."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from otel_eventlog.model import OutcomeSource
from tests.browser.conftest import Pages
from tests.support.builders import event_log
from tests.support.collector import Collector, serving
from tests.support.dashboard import EventsView, api, request_pair, send

TRACE = 0xABCDEF0123456789ABCDEF0123456789
USER = "user-of-the-ticket"
FLOW = "flow-7"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """A collector that holds what a ticket may be about."""
    data = tmp_path_factory.mktemp("detail") / "data"
    template = "http://localhost:16686/trace/{trace_id}"
    with serving(data, "--trace-url", template, "--no-outcome-after", "1s") as running:
        now = time.time_ns()
        minute = 60 * 10**9
        common: dict[str, Any] = {"user_id": USER, "flow_id": FLOW, "environment": "production"}
        failed = {
            "error": True,
            "trace_id": TRACE,
            "http_route": "/login",
            "outcome_source": OutcomeSource.RULE,
            "error_message": "the password is wrong",
            "attributes": {"tenant": "blue"},
        }
        send(running.otlp_http, request_pair(now - 3 * minute, **common, **failed))
        send(
            running.otlp_http,
            request_pair(
                now - 3 * minute + 10**9,
                trace_id=TRACE,
                action="SessionsAuthenticate",
                category="sessions",
            ),
        )
        send(
            running.otlp_http,
            request_pair(
                now - 2 * minute, trace_sampled=False, action="OTPsAuthenticate", **common
            ),
        )
        send(running.otlp_http, request_pair(now - minute, action="CrashedAction")[:1])
        yield running


@pytest.fixture
def view(pages: Pages, own: Collector) -> EventsView:
    """The Events view of it."""
    return EventsView(pages.open(own.http))


def test_a_click_explains_a_request(view: EventsView) -> None:
    """Why, how long, the pair, every field in plain words, what the rule kept."""
    view.open()
    view.row("invalid_credentials").click()
    expect(view.detail.locator(".why")).to_contain_text("a condition of the matching rule")
    expect(view.detail.locator(".why")).to_contain_text("invalid_credentials")
    expect(view.detail.locator("header")).to_contain_text("40.0 ms")
    expect(view.field("User")).to_have_text(USER)
    expect(view.field("Route")).to_have_text("/login")
    expect(view.field("Message")).to_have_text("the password is wrong")
    expect(view.field("Decided by")).to_have_text("rule: a condition of the matching rule")
    expect(view.field("tenant")).to_have_text("blue")
    timeline = view.detail.get_by_role("region", name="Timeline")
    expect(timeline.locator(".lane")).to_have_count(2)
    timeline.get_by_role("link").click()
    expect(view.detail.locator("header h2")).to_have_text("SessionsAuthenticate")


def test_the_trace_is_linked_or_it_says_why_not(view: EventsView) -> None:
    """A sampled trace has a link to Jaeger; where there is none behind it, there is no link."""
    view.open()
    view.row("invalid_credentials").click()
    link = view.detail.get_by_role("link", name="Open in Jaeger")
    expect(link).to_have_attribute("href", f"http://localhost:16686/trace/{TRACE:032x}")
    assert "noopener" in (link.get_attribute("rel") or "")
    view.row("OTPsAuthenticate").click()
    expect(view.detail.locator(".no-trace")).to_contain_text("was not sampled")
    expect(link).to_have_count(0)


def test_a_crash_is_no_error(view: EventsView) -> None:
    """A start that nothing followed is shown as without outcome, in list and detail."""
    view.open()
    crashed = view.page.locator(".strip").get_by_role("button", name="no outcome")
    expect(crashed).to_contain_text("1")
    crashed.click()
    view.settled()
    assert [row["status"] for row in view.rows()] == ["no outcome"]
    view.row("CrashedAction").click()
    expect(view.detail.locator(".why")).to_contain_text("crashed or was killed")
    assert view.state()["state"] == "no_outcome"


def test_others_of_the_same_user_and_flow_are_there(view: EventsView) -> None:
    """The detail lists what else the user did, and searches for all that is joined."""
    view.open()
    view.row("invalid_credentials").click()
    same_user = view.detail.locator("section", has_text="The same user").first
    expect(same_user.get_by_role("link", name="OTPsAuthenticate")).to_be_visible()
    same_user.get_by_role("link", name="OTPsAuthenticate").click()
    expect(view.detail.locator("header h2")).to_have_text("OTPsAuthenticate")
    view.detail.locator(".joined").get_by_role("link", name="The same flow").click()
    view.settled()
    assert view.state()["q"] == f"flow_id:{FLOW}"
    expect(view.total).to_have_text("4 event logs")


def test_every_value_filters(view: EventsView) -> None:
    """A click on a value asks for it or refuses it."""
    view.open()
    view.row("invalid_credentials").click()
    view.field("User").get_by_role("button").click()
    view.page.get_by_role("button", name="Only this user").click()
    view.settled()
    assert view.state()["q"] == f"user_id:{USER}"
    assert {row["user_id"] for row in view.rows()} == {USER}
    view.field("Action").get_by_role("button").click()
    view.page.get_by_role("button", name="Without this action").click()
    view.settled()
    assert view.state()["q"] == f"user_id:{USER} -action:PasswordsAuthenticate"


def test_it_can_be_copied(view: EventsView, own: Collector) -> None:
    """As JSON it is the API's answer; as curl it is a command that gives just that."""
    view.open()
    view.row("invalid_credentials").click()
    view.detail.get_by_role("button", name="Copy JSON").click()
    expect(view.detail.get_by_role("button", name="Copied")).to_be_visible()
    copied = json.loads(view.page.evaluate("navigator.clipboard.readText()"))
    request_id = view.state()["request"]
    assert copied == api(own.http, f"requests/{request_id}")
    view.detail.get_by_role("button", name="Copy curl").click()
    expect(view.detail.get_by_role("button", name="Copied")).to_have_count(2)
    command = view.page.evaluate("navigator.clipboard.readText()")
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == copied


def test_a_link_shows_a_colleague_the_same(view: EventsView, pages: Pages, own: Collector) -> None:
    """*Copy link* opens the request, with the list around it, in another browser."""
    view.open()
    view.row("invalid_credentials").click()
    view.detail.get_by_role("button", name="Copy link").click()
    expect(view.detail.get_by_role("button", name="Copied")).to_be_visible()
    link = view.page.evaluate("navigator.clipboard.readText()")
    other = EventsView(pages.open(own.http))
    other.page.goto(link)
    other.settled()
    expect(other.detail.locator("header h2")).to_have_text("PasswordsAuthenticate")
    expect(other.row("invalid_credentials")).to_have_attribute("aria-selected", "true")


def test_what_is_gone_is_told(view: EventsView, pages: Pages) -> None:
    """A link to a request past retention says so."""
    pages.watch(view.page).forgive("404")
    long_ago = event_log(start_unix_nano=time.time_ns() - 40 * 86_400 * 10**9).request_id
    view.page.goto(f"/?request={long_ago}")
    expect(view.detail).to_contain_text("past the retention")
    view.page.get_by_role("button", name="Close").click()
    expect(view.detail).to_be_hidden()
