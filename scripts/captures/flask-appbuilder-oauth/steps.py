"""Drives flask-appbuilder-oauth/app.py: to the provider and back."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from program import Answer, Browser, Program

PACKS = ["flask_appbuilder"]
START = "OAuthGithubStart"
CALLBACK = "OAuthAuthenticate"
ROUTE = "/oauth-authorized/<provider>"
WHERE = "/oauth-authorized/github"


def drive(program: Program) -> None:
    """Make all requests."""
    failures(program)
    browser = program.browser()
    state = begin(browser, "start, with next", "/login/github?next=/users/userinfo/")
    answer = back(browser, "callback", f"code=ada&state={state}")
    assert is_signed_in(browser)
    assert answer.location == "/users/userinfo/"
    answer.was("success", "the user's page opens afterwards")
    answer = browser.send(
        "start, already signed in", "GET", "/login/github", action=None, route="/login/<provider>"
    )
    assert answer.location == "/"
    limit = {
        "default": f"none seen as {START} success: the Location header tells",
        "stable": f"none seen as {START} error: 302 within the program, as for a failure",
    }
    answer.was("none", "sent on to the start page, not to the provider", known_limit=limit)
    answer = browser.send("logout", "GET", "/logout/", action="SessionsRevoke")
    assert not is_signed_in(browser)
    answer.was("success", "the user's page is refused afterwards")
    answer = browser.send("login page", "GET", "/login/", action=None)
    assert answer.status == 200
    answer.was("none", "a page with the providers")
    answer = browser.send("login form", "POST", "/login/", action=None)
    assert answer.status == 405
    answer.was("none", "405: there is no form")


def begin(browser: Browser, label: str, path: str = "/login/github") -> str:
    """Go to the provider; return the state that must come back."""
    answer = browser.send(label, "GET", path, action=START, route="/login/<provider>")
    assert "/authorize?" in answer.location
    answer.was("success", "sent to the provider")
    return parse_qs(urlsplit(answer.location).query)["state"][0]


def back(browser: Browser, label: str, query: str) -> Answer:
    """Come back from the provider."""
    return browser.send(label, "GET", f"{WHERE}?{query}", action=CALLBACK, route=ROUTE)


def failures(program: Program) -> None:
    """Come back without a right to enter."""
    browser = program.browser()
    answer = browser.send(
        "start, unknown provider",
        "GET",
        "/login/nobody",
        action="OAuthStart",
        route="/login/<provider>",
    )
    assert answer.location == "/"
    limit = {"default": "error seen as success: 302, and no Location to see where it goes"}
    answer.was("error", "there is no such provider", known_limit=limit)
    for label, query in (
        ("denied", "error=access_denied&state={state}"),
        ("wrong state", "code=grace&state=nonsense"),
        ("nothing", ""),
        ("code refused by the provider", "code=broken&state={state}"),
        ("unknown user", "code=nobody&state={state}"),
        ("disabled account", "code=barbara&state={state}"),
    ):
        browser = program.browser()
        state = begin(browser, f"start, before: {label}")
        answer = back(browser, f"callback, {label}", query.format(state=state))
        assert not is_signed_in(browser)
        assert answer.location == "/login/", answer.location
        limit = {
            "default": "error seen as success: 302, and no Location to see that it goes to /login/"
        }
        shown = {} if label == "denied" else limit
        answer.was("error", "the user's page is refused afterwards", known_limit=shown)
    answer = browser.send(
        "callback, unknown provider",
        "GET",
        "/oauth-authorized/nobody?code=ada&state=x",
        action=CALLBACK,
        route=ROUTE,
    )
    assert answer.location == "/login/"
    answer.was("error", "there is no such provider", known_limit=limit)


def is_signed_in(browser: Browser) -> bool:
    """Return whether the user's own page opens."""
    answer = browser.peek("GET", "/users/userinfo/")
    assert answer.status in (200, 302), answer.text
    return answer.status == 200
