"""The Actions view as a person uses it: read figures, sort, narrow, click through."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from playwright.sync_api import Page, expect

from otel_eventlog_collector.event_json import rfc3339
from tests.browser.conftest import Full
from tests.support.plenty import DAY, HOUR


@pytest.fixture(scope="module")
def times(full: Full) -> dict[str, str]:
    """Return times to which nothing is added, and which do not move while a test looks."""
    until = full.plenty.until_unix_nano
    return {"since": rfc3339(until - 20 * DAY), "until": rfc3339(until - 2 * DAY)}


@pytest.fixture(scope="module")
def address(times: dict[str, str]) -> str:
    """Return the address of the view for these times."""
    return f"/?view=actions&{urlencode(times)}"


@pytest.fixture(scope="module")
def lines(full: Full, times: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Return what the API says of each action."""
    url = f"{full.collector.http}/api/v1/actions"
    answer = httpx.get(url, params=times, trust_env=False, timeout=60)
    return {line["action"]: line for line in answer.json()["actions"]}


def row(page: Page, action: str) -> Any:
    """Return the row of an action."""
    return page.locator(f"tr[data-action='{action}']")


def names(page: Page) -> list[str]:
    """Return the actions in the order of the table."""
    return page.locator("tr[data-action]").evaluate_all("rows => rows.map(r => r.dataset.action)")


def asked(page: Page) -> dict[str, list[str]]:
    """Return the parameters of the page's address."""
    return parse_qs(urlsplit(page.url).query)


def test_the_figures_are_those_of_the_api(
    page: Page, address: str, lines: dict[str, dict[str, Any]]
) -> None:
    """Every action has its requests, error rate, durations, reasons and a drawing over the time."""
    page.goto(address)
    expect(page.locator("tr[data-action]")).to_have_count(len(lines))
    for action, line in lines.items():
        shown = row(page, action)
        expect(shown).to_contain_text(f"{line['requests']:,}")
        if line["error"]:
            expect(shown).to_contain_text(f"{line['error_rate'] * 100:.1f} %")
            expect(shown).to_contain_text(line["error_types"][0]["value"])
        expect(shown).to_contain_text(f"{line['p50_ns'] / 1e6:.1f} ms")
        expect(shown).to_contain_text(f"{line['p95_ns'] / 1e6:.1f} ms")
        assert shown.locator(".sparkline rect").count() > 5
    total = sum(line["requests"] for line in lines.values())
    expect(page.get_by_role("status").first).to_contain_text(f"{total:,} requests")


def test_counts_are_what_was_stored(page: Page, full: Full) -> None:
    """The last hour's requests of an action are those that were written."""
    until = full.plenty.until_unix_nano
    times = {"since": rfc3339(until - HOUR), "until": rfc3339(until)}
    page.goto(f"/?view=actions&{urlencode(times)}")
    written = full.plenty.recent["OAuthAuthenticate", "start"]
    expect(row(page, "OAuthAuthenticate").locator("td").first).to_contain_text(f"{written:,}")


def test_nothing_in_a_time_is_said(page: Page) -> None:
    """Where nothing passes the page says so, and offers a way on."""
    page.goto("/?view=actions&since=-2h&q=user_id:none")
    expect(page.get_by_role("heading", name="No action in this time")).to_be_visible()
    page.get_by_role("button", name="Clear the search").click()
    expect(row(page, "SessionsAuthenticate")).to_be_visible()


def test_sorting_by_a_click(page: Page, address: str, lines: dict[str, dict[str, Any]]) -> None:
    """A click on a column sorts by it, a second one the other way; a reload keeps it."""
    page.goto(address)
    by_requests = sorted(lines, key=lambda action: -lines[action]["requests"])
    expect(page.locator("tr[data-action]")).to_have_count(len(lines))
    assert names(page) == by_requests
    page.get_by_role("button", name="Errors").click()
    by_errors = sorted(lines, key=lambda action: -(lines[action]["error_rate"] or 0))
    assert names(page) == by_errors
    expect(page.get_by_role("columnheader", name="Errors")).to_have_attribute(
        "aria-sort", "descending"
    )
    page.get_by_role("button", name="Errors").click()
    assert names(page) == by_errors[::-1]
    page.reload()
    expect(page.locator("tr[data-action]")).to_have_count(len(lines))
    assert names(page) == by_errors[::-1]
    page.get_by_role("button", name="Action", exact=True).click()
    assert names(page) == sorted(lines)


def test_narrowing_to_a_place(page: Page, address: str, lines: dict[str, dict[str, Any]]) -> None:
    """Choosing an environment narrows every figure, shows in the search, and can be taken back."""
    page.goto(address)
    whole = f"{lines['SessionsAuthenticate']['requests']:,}"
    expect(row(page, "SessionsAuthenticate")).to_contain_text(whole)
    page.get_by_label("Environment", exact=True).select_option("staging")
    expect(row(page, "SessionsAuthenticate")).not_to_contain_text(whole)
    assert asked(page)["q"] == ["environment:staging"]
    page.get_by_label("Service", exact=True).select_option("shop")
    assert asked(page)["q"] == ["environment:staging service:shop"]
    expect(page.get_by_label("Environment", exact=True)).to_have_value("staging")
    page.go_back()
    assert asked(page)["q"] == ["environment:staging"]
    page.get_by_label("Environment", exact=True).select_option("")
    expect(row(page, "SessionsAuthenticate")).to_contain_text(whole)


def test_searching_narrows_the_figures(page: Page, address: str) -> None:
    """The search box speaks the same language as everywhere; mistakes are told."""
    page.goto(address)
    expect(row(page, "SessionsAuthenticate")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("action:Magic*")
    page.keyboard.press("Enter")
    expect(page.locator("tr[data-action]")).to_have_count(2)
    assert all(name.startswith("MagicLinks") for name in names(page))


def test_a_wrong_search_is_told(page: Page, watch: Any) -> None:
    """What cannot be read is said in words, and the way back is one click."""
    watch.forgive("400")
    page.goto("/?view=actions&q=acton:x")
    expect(page.get_by_role("heading", name="This search cannot be read")).to_be_visible()
    expect(page.locator("main")).to_contain_text("acton")


def test_a_click_leads_to_the_event_logs(page: Page, address: str, times: dict[str, str]) -> None:
    """The action, its error rate and a reason each lead to just those event logs."""
    page.goto(f"{address}&q=service:shop")
    row(page, "PasswordsAuthenticate").get_by_role("link").first.click()
    expect(page).to_have_title(re.compile("Events"))
    assert asked(page)["q"] == ["service:shop action:PasswordsAuthenticate"]
    assert {name: asked(page)[name] for name in times} == {name: [times[name]] for name in times}
    page.go_back()
    row(page, "PasswordsAuthenticate").locator(".error-rate").click()
    expect(page).to_have_title(re.compile("Events"))
    assert asked(page)["q"] == ["service:shop action:PasswordsAuthenticate status:error"]
    page.go_back()
    row(page, "PasswordsAuthenticate").locator("a.reason").first.click()
    expect(page).to_have_title(re.compile("Events"))
    (q,) = asked(page)["q"]
    assert q.endswith("status:error error_type:invalid_credentials")


def test_with_the_keyboard_alone(page: Page, address: str) -> None:
    """Tab reaches the actions, Enter opens one."""
    page.goto(address)
    expect(row(page, "SessionsAuthenticate")).to_be_visible()
    page.get_by_role("button", name="p95").focus()
    page.keyboard.press("Tab")
    expect(row(page, "SessionsAuthenticate").get_by_role("link").first).to_be_focused()
    page.keyboard.press("Enter")
    assert asked(page)["q"] == ["action:SessionsAuthenticate"]
