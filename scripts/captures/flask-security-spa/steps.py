"""Drives flask-security/app.py as a single-page application has it: mailed links lead to views."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from people import (
    Person,
    done,
    link,
    mailed_code,
    mails,
    page,
    redirect_shown,
    refused,
    row,
)
from program import Answer, Program

PACKS = ["flask_security"]
ENVIRONMENT = {"SPA_HOST": "spa.example"}
OPEN = "MagicLinksAuthenticate"
SEND = "MagicLinksEmailSend"


def drive(program: Program) -> None:
    """Make all requests."""
    login(program)
    confirm(program)
    reset(program)
    new_address(program)
    mailed_link(program)
    oauth(program)


def failed(answer: Answer, place: str, why: str) -> None:
    """Say that a request failed: the browser was sent to a view with the reason."""
    assert answer.status == 302, answer.text
    assert answer.location.startswith(f"//spa.example/{place}?"), answer.location
    answer.was("error", why, known_limit=redirect_shown("it holds an error"))


def sent(answer: Answer, place: str, why: str) -> None:
    """Say that a request did what it was for, and led to a view."""
    assert answer.location.startswith(f"//spa.example/{place}"), answer.location
    done(answer, 302, why)


def login(program: Program) -> None:
    """Sign in by JSON."""
    ada, action = Person(program, "ada"), "PasswordsAuthenticate"
    data = {"email": ada.email, "password": "not the password"}
    answer = ada.json("login, wrong password", "/login", action, data)
    refused(answer, 400, "400: invalid password")
    data["password"] = ada.password
    answer = ada.json("login", "/login", action, data)
    assert ada.is_signed_in()
    done(answer, 200, "/me knows the user afterwards")
    answer = ada.json("logout", "/logout", "SessionsRevoke", {})
    assert not ada.is_signed_in()
    done(answer, 200, "/me is refused afterwards")


def confirm(program: Program) -> None:
    """Confirm an address."""
    tony, route = Person(program, "tony"), "/confirm/<token>"
    answer = tony.json("ask for a confirmation", "/confirm", SEND, {"email": tony.email})
    assert mails(program, tony.email)
    done(answer, 200, "a mail was sent")
    answer = tony.get("confirm, bad token", "/confirm/nonsense", OPEN, route=route)
    assert not (row(program, tony.email) or {})["confirmed_at"]
    failed(answer, "confirm-failed", "the address is not confirmed")
    path = link(program, tony.email)
    answer = tony.get("confirm", path, OPEN, route=route)
    assert (row(program, tony.email) or {})["confirmed_at"]
    sent(answer, "confirmed", "the address is confirmed")
    answer = tony.get("confirm, used token", path, OPEN, route=route)
    failed(answer, "confirm-failed", "the token was used before: confirmed already")


def reset(program: Program) -> None:
    """Set a new password."""
    ada, route, action = Person(program, "ada"), "/reset/<token>", "PasswordsEmailReset"
    data = {"email": ada.email}
    answer = ada.json("forgot password", "/reset", "PasswordsEmailResetStart", data)
    done(answer, 200, "a mail with a link was sent")
    path = link(program, ada.email)
    answer = ada.get("reset link", path, route=route)
    assert answer.location.startswith("//spa.example/set-password?")
    page(answer, 302, "only led to the view that asks for a password")
    page(ada.get("reset link, bad token", "/reset/nonsense", route=route), 302)
    new = {"password": "quite another password", "password_confirm": "quite another password"}
    answer = ada.json("reset, bad token", "/reset/nonsense", action, new, route=route)
    refused(answer, 400, "400: bad token")
    answer = ada.json("reset", path, action, new, route=route)
    assert ada.knows_password(new["password"])
    done(answer, 200, "the new password lets in")


def new_address(program: Program) -> None:
    """Change the address."""
    jean, route = Person(program, "jean"), "/change-email/<token>"
    sign_in(jean)
    data = {"email": "jean.new@example.com"}
    answer = jean.json("change address", "/change-email", SEND, data)
    done(answer, 200, "a mail was sent to the new address")
    where = "/change-email/nonsense"
    answer = jean.get("new address, bad token", where, "UpdateUser", route=route)
    failed(answer, "new-address-failed", "the address is the old one")
    answer = jean.get("new address", link(program, data["email"]), "UpdateUser", route=route)
    assert row(program, data["email"])
    sent(answer, "new-address", "the address is the new one")


def sign_in(person: Person) -> None:
    """Sign in outside of the capture."""
    data = {"email": person.email, "password": person.password, "csrf_token": person.csrf_token()}
    person.browser.peek("POST", "/login", json=data, headers={"Accept": "application/json"})
    assert person.is_signed_in()


def set_up(program: Program, person: Person, path: str, data: dict[str, str], field: str) -> None:
    """Set up a way to sign in, or a second factor, by mail, outside of the capture."""
    told = person.browser.peek(
        "POST",
        path,
        json={**data, "csrf_token": person.csrf_token()},
        headers={"Accept": "application/json"},
    ).json()["response"]
    token = told.get("state") or told["tf_state_token"]
    data = {field: mailed_code(program, person.email), "csrf_token": person.csrf_token()}
    answer = person.browser.peek(
        "POST", f"{path}/{token}", json=data, headers={"Accept": "application/json"}
    )
    assert answer.status == 200, answer.text


def mailed_link(program: Program) -> None:
    """Sign in with a mailed link."""
    joan, route = Person(program, "joan"), "/us-verify-link"
    sign_in(joan)
    set_up(program, joan, "/us-setup", {"chosen_method": "email"}, "passcode")
    for label in ("mailed link", "mailed link, second factor due"):
        joan = Person(program, "joan")
        data = {"identity": joan.email, "chosen_method": "email"}
        where = "/us-signin/send-code"
        answer = joan.json(f"send a code, for: {label}", where, "OTPsEmailSend", data)
        done(answer, 200, "a mail was sent")
        path = link(program, joan.email)
        if label == "mailed link":
            answer = joan.get("mailed link, wrong code", path[:-1] + "x", OPEN, route=route)
            assert not joan.is_signed_in()
            failed(answer, "login-failed", "/me is refused afterwards")
            answer = joan.get(label, path, OPEN, route=route)
            assert joan.is_signed_in()
            sent(answer, "welcome", "/me knows the user afterwards")
            set_up(program, joan, "/tf-setup", {"setup": "email"}, "code")
        else:
            answer = joan.get(label, path, OPEN, route=route)
            assert "tf_required=1" in answer.location
            assert not joan.is_signed_in()
            limit = {"default": "success+second_factor seen as success: the Location tells"}
            why = "sent to a view that says so; /me is still refused"
            answer.was("success", why, next_step="second_factor", known_limit=limit)


def oauth(program: Program) -> None:
    """Sign in by OAuth."""
    route, where = "/login/oauthresponse/<name>", "/login/oauthresponse/github"
    for name, works in (("nobody", False), ("grace", True)):
        person = Person(program, name)
        answer = person.form(
            f"OAuth start, {name}",
            "/login/oauthstart/github",
            "OAuthGithubStart",
            {},
            route="/login/oauthstart/<name>",
        )
        done(answer, 302, "sent to the provider")
        state = parse_qs(urlsplit(answer.location).query)["state"][0]
        path = f"{where}?code={name}&state={state}"
        answer = person.get(f"OAuth callback, {name}", path, "OAuthAuthenticate", route=route)
        assert person.is_signed_in() is works
        if works:
            sent(answer, "welcome", "/me knows the user afterwards")
        else:
            failed(answer, "login-failed", "there is no such user")
