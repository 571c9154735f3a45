"""Sign in by OAuth, and prove by it that it is still you."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from people import Person, done, page, redirect_shown, refused, sent_to
from program import Program
from second_factor import PLACE_TELLS

START = "OAuthGithubStart"
CALLBACK = "OAuthAuthenticate"


def oauth(program: Program) -> None:
    """Make the requests of this module."""
    sign_in(program)
    verify(program)


def begin(person: Person, label: str, path: str = "/login/oauthstart/github") -> str:
    """Go to the provider; return the state that must come back."""
    answer = person.form(label, path, START, {}, route=path.replace("github", "<name>"))
    assert "/authorize?" in answer.location
    done(answer, 302, "sent to the provider")
    return parse_qs(urlsplit(answer.location).query)["state"][0]


def sign_in(program: Program) -> None:
    """Sign in."""
    route, where = "/login/oauthresponse/<name>", "/login/oauthresponse/github"
    grace = Person(program, "grace")
    answer = grace.form(
        "OAuth start, unknown provider",
        "/login/oauthstart/nobody",
        "OAuthStart",
        {},
        route="/login/oauthstart/<name>",
    )
    refused(answer, 404, "404: no such provider")
    for label, name, query in (
        ("denied", "grace", "error=access_denied&state={state}"),
        ("wrong state", "grace", "code=grace&state=nonsense"),
        ("nothing", "grace", ""),
        ("code refused by the provider", "grace", "code=broken&state={state}"),
        ("unknown user", "nobody", "code=nobody&state={state}"),
        ("disabled account", "barbara", "code=barbara&state={state}"),
    ):
        person = Person(program, name)
        state = begin(person, f"OAuth start, before: {label}")
        path = f"{where}?{query.format(state=state)}"
        answer = person.get(f"OAuth callback, {label}", path, CALLBACK, route=route)
        assert not person.is_signed_in()
        assert answer.location == "/login"
        shown = {} if label == "denied" else redirect_shown("it goes to /login")
        answer.was("error", "/me is refused afterwards", known_limit=shown)
    state = begin(grace, "OAuth start")
    answer = grace.get("OAuth callback", f"{where}?code=grace&state={state}", CALLBACK, route=route)
    assert grace.is_signed_in()
    done(answer, 302, "/me knows the user afterwards")
    answer = grace.form(
        "OAuth start, already signed in",
        "/login/oauthstart/github",
        None,
        {},
        route="/login/oauthstart/<name>",
    )
    assert answer.location == "/"
    limit = {"default": f"none seen as {START} success: the Location header tells"}
    answer.was("none", "sent on to the start page, not to the provider", known_limit=limit)
    ida = Person(program, "ida")
    state = begin(ida, "OAuth start, has a second factor")
    path = f"{where}?code=ida&state={state}"
    answer = ida.get("OAuth callback, second factor due", path, CALLBACK, route=route)
    assert answer.location.startswith("/tf-validate")
    why = "sent to the second factor; /me is still refused"
    answer.was("success", why, next_step="second_factor", known_limit=PLACE_TELLS)


def verify(program: Program) -> None:
    """Prove once more who one is."""
    start, where = "/login/oauth-verify-start/github", "/login/oauth-verify-response/github"
    route = where.replace("github", "<name>")
    grace = Person(program, "grace")
    answer = grace.form(
        "OAuth proof start, signed out", start, START, {}, route=start.replace("github", "<name>")
    )
    sent_to(answer, "/login", "nobody is signed in")
    grace.sign_in()
    grace.restart()
    state = begin(grace, "OAuth proof start, as somebody else", start)
    path = f"{where}?code=ada&state={state}"
    answer = grace.get("OAuth proof, somebody else", path, CALLBACK, route=route)
    sent_to(answer, "/us-verify", "it was not the user who is signed in")
    state = begin(grace, "OAuth proof start, then denied", start)
    path = f"{where}?error=access_denied&state={state}"
    answer = grace.get("OAuth proof, denied", path, CALLBACK, route=route)
    assert answer.status == 302
    assert answer.location == "/login"
    answer.was("error", "the provider says so")
    assert grace.browser.peek("GET", "/change-email").status == 302
    state = begin(grace, "OAuth proof start", start)
    answer = grace.get("OAuth proof", f"{where}?code=grace&state={state}", CALLBACK, route=route)
    assert grace.browser.peek("GET", "/change-email").status == 200
    done(answer, 302, "pages that ask for a fresh login open afterwards, and did not before")
    page(grace.get("OAuth page", "/login/oauthstart/github"), 405, "only POST starts")
