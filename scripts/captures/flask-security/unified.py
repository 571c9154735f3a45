"""Unified sign-in: a password or a code, by form, JSON or a link in a mail."""

from __future__ import annotations

import re

from people import (
    SAME_PAGE,
    Person,
    again,
    always,
    done,
    link,
    mailed_code,
    mails,
    page,
    refused,
    row,
    sent_to,
)
from program import Program
from second_factor import PLACE_TELLS
from totp import code

CHECK = "OTPsAuthenticate"
SEND = "OTPsEmailSend"
LINK = "MagicLinksAuthenticate"
UPDATE = "UpdateUser"
SETUP_TOKEN = "/us-setup/<token>"
PASSWORD = always(f"PasswordsAuthenticate seen as {CHECK}: the body of the request tells")
SAME_PLACE = always("error seen as success: 302 to the setup page either way")


def unified(program: Program) -> None:
    """Make the requests of this module."""
    set_up(program)
    by_password(program)
    send_code(program)
    by_code(program)
    by_link(program)
    verify(program)


def set_up(program: Program) -> None:
    """Choose ways to sign in."""
    joan, choice = Person(program, "joan"), {"chosen_method": "email"}
    answer = joan.form("ways form, signed out", "/us-setup", UPDATE, choice)
    sent_to(answer, "/login", "nobody is signed in")
    answer = joan.json("ways JSON, signed out", "/us-setup", UPDATE, choice)
    refused(answer, 401, "401: nobody is signed in")
    joan.sign_in()
    joan.restart()
    answer = joan.form("ways form, login too old", "/us-setup", UPDATE, choice)
    sent_to(answer, "/us-verify", "a fresh login is asked for")
    joan = Person(program, "joan")
    joan.sign_in()
    page(joan.get("ways page", "/us-setup"), 200)
    answer = joan.form("ways form, no such way", "/us-setup", UPDATE, {"chosen_method": "pigeon"})
    assert answer.status == 200
    answer.was("error", "the form again", known_limit=SAME_PAGE)
    answer = joan.json("ways JSON, no such way", "/us-setup", UPDATE, {"chosen_method": "pigeon"})
    refused(answer, 400, "400: no such way")
    answer = joan.form("ways form", "/us-setup", UPDATE, choice)
    token = re.search(r'"/us-setup/([^"]+)"', answer.text)
    assert token
    assert len(mails(program, joan.email)) == 1
    done(answer, 200, "a code was mailed")
    prove_by_form(program, joan, "/us-setup/" + token[1])
    prove_by_json(program, joan)


def prove_by_form(program: Program, joan: Person, path: str) -> None:
    """Prove a new way with a code in a form."""
    good = {"passcode": mailed_code(program, joan.email)}
    for label, where, data in (
        ("wrong code", path, {"passcode": "000000"}),
        ("bad token", "/us-setup/nonsense", good),
    ):
        answer = joan.form(f"new way form, {label}", where, CHECK, data, route=SETUP_TOKEN)
        assert answer.location == "/us-setup"
        assert not (row(program, joan.email) or {})["us_totp_secrets"]
        answer.was("error", "the way is not set", known_limit=SAME_PLACE)
    answer = Person(program, "joan").form(
        "new way form, signed out", path, CHECK, good, route=SETUP_TOKEN
    )
    sent_to(answer, "/login", "nobody is signed in")
    answer = joan.form("new way form", path, CHECK, good, route=SETUP_TOKEN)
    assert (row(program, joan.email) or {})["us_totp_secrets"]
    done(answer, 302, "the way is set")


def prove_by_json(program: Program, joan: Person) -> None:
    """Add an authenticator app and remove it again by JSON."""
    choice = {"chosen_method": "authenticator"}
    answer = joan.json("ways JSON", "/us-setup", UPDATE, choice)
    told = answer.json()["response"]
    done(answer, 200, "the answer holds a secret for the app")
    path = "/us-setup/" + told["state"]
    bad = {"passcode": "000000"}
    answer = joan.json("new way JSON, wrong code", path, CHECK, bad, route=SETUP_TOKEN)
    refused(answer, 400, "400: wrong code")
    good = {"passcode": code(told["authr_b32key"])}
    where = "/us-setup/nonsense"
    answer = joan.json("new way JSON, bad token", where, CHECK, good, route=SETUP_TOKEN)
    refused(answer, 400, "400: bad token")
    before = (row(program, joan.email) or {})["us_totp_secrets"]
    answer = joan.json("new way JSON", path, CHECK, good, route=SETUP_TOKEN)
    assert (row(program, joan.email) or {})["us_totp_secrets"] != before
    done(answer, 200, "the way is set")
    remove = {"delete_method": ["authenticator"]}
    answer = joan.json("ways JSON, one removed", "/us-setup", UPDATE, remove)
    done(answer, 200, "the way is gone")


def by_password(program: Program) -> None:
    """Sign in with a password."""
    joan, action = Person(program, "joan"), "PasswordsAuthenticate"
    page(joan.get("unified page", "/us-signin"), 200)
    good = {"identity": joan.email, "passcode": joan.password}
    for label, data in (
        ("wrong password", {**good, "passcode": "not the password"}),
        ("unknown user", {**good, "identity": "nobody@example.com"}),
        ("nothing", {}),
    ):
        answer = joan.form(f"unified form, {label}", "/us-signin", CHECK, data)
        assert not joan.is_signed_in()
        again(answer, "the form again; /me is refused")
        answer = joan.json(f"unified JSON, {label}", "/us-signin", CHECK, data)
        assert not joan.is_signed_in()
        refused(answer, 400, "400; /me is refused")
    answer = joan.form("unified form, password", "/us-signin", action, good)
    assert joan.is_signed_in()
    assert answer.status == 302
    answer.was("success", "/me knows the user afterwards", known_limit=PASSWORD)
    answer = joan.form("unified form, already signed in", "/us-signin", None, good)
    assert answer.location == "/"
    limit = always(f"none seen as {CHECK} success: 302 to the page after a login, as after a login")
    answer.was("none", "sent on without a look at the code", known_limit=limit)
    joan = Person(program, "joan")
    answer = joan.json("unified JSON, password", "/us-signin", action, good)
    assert joan.is_signed_in()
    answer.was("success", "/me knows the user afterwards", known_limit=PASSWORD)
    answer = joan.json("unified JSON, already signed in", "/us-signin", CHECK, good)
    refused(answer, 400, "400: only for those who are not signed in")
    ida = Person(program, "ida")
    good = {"identity": ida.email, "passcode": ida.password}
    answer = ida.form("unified form, second factor due", "/us-signin", action, good)
    assert answer.location.partition("?")[0] == "/tf-validate"
    assert not ida.is_signed_in()
    why = "sent to the second factor; /me is still refused"
    limit = {
        "default": f"PasswordsAuthenticate success+second_factor seen as {CHECK} success: "
        "body and Location tell",
        "stable": PASSWORD["stable"],
    }
    answer.was("success", why, next_step="second_factor", known_limit=limit)


def send_code(program: Program) -> None:
    """Have a code mailed."""
    joan, where = Person(program, "joan"), "/us-signin/send-code"
    good = {"identity": joan.email, "chosen_method": "email"}
    count = len(mails(program, joan.email))
    answer = joan.form("send a code form", where, SEND, good)
    assert len(mails(program, joan.email)) == count + 1
    done(answer, 200, "a code was mailed")
    answer = joan.json("send a code JSON", where, SEND, good)
    assert len(mails(program, joan.email)) == count + 2
    done(answer, 200, "a code was mailed")
    for label, data in (
        ("unknown user", {**good, "identity": "nobody@example.com"}),
        ("not set up", {**good, "identity": "ada@example.com"}),
        ("no such way", {**good, "chosen_method": "pigeon"}),
    ):
        answer = joan.form(f"send a code form, {label}", where, SEND, data)
        assert answer.status == 200
        answer.was("error", "nothing was mailed", known_limit=SAME_PAGE)
        answer = joan.json(f"send a code JSON, {label}", where, SEND, data)
        refused(answer, 400, "400; nothing was mailed")
    assert not [mail for mail in mails(program, "ada@example.com") if "sign in" in mail]
    page(joan.get("send a code by GET", where), 405, "only POST sends")


def by_code(program: Program) -> None:
    """Sign in with a mailed code."""
    joan = Person(program, "joan")
    good = {"identity": joan.email, "passcode": mailed_code(program, joan.email)}
    wrong = {**good, "passcode": "000000"}
    answer = joan.form("unified form, wrong code", "/us-signin", CHECK, wrong)
    again(answer, "the form again")
    answer = joan.form("unified form, code", "/us-signin", CHECK, good)
    assert joan.is_signed_in()
    done(answer, 302, "/me knows the user afterwards")
    joan = Person(program, "joan")
    answer = joan.json("unified JSON, wrong code", "/us-signin", CHECK, wrong)
    refused(answer, 400, "400: wrong code")
    answer = joan.json("unified JSON, code", "/us-signin", CHECK, good)
    assert joan.is_signed_in()
    done(answer, 200, "/me knows the user afterwards")


def by_link(program: Program) -> None:
    """Sign in with a mailed link."""
    joan, route = Person(program, "joan"), "/us-verify-link"
    data = {"identity": joan.email, "chosen_method": "email", "csrf_token": joan.csrf_token()}
    joan.browser.peek("POST", "/us-signin/send-code", data=data)
    path = link(program, joan.email)
    assert path.startswith(route)
    answer = joan.get("mailed link, wrong code", path[:-1] + "x", LINK, route=route)
    assert not joan.is_signed_in()
    sent_to(answer, "/us-signin", "/me is refused")
    answer = joan.get("mailed link, unknown user", route + "?id=x&code=000000", LINK)
    sent_to(answer, "/us-signin", "/me is refused")
    answer = joan.get("mailed link, cut off", route, LINK)
    sent_to(answer, "/us-signin", "/me is refused")
    answer = joan.get("mailed link", path, LINK, route=route)
    assert joan.is_signed_in()
    done(answer, 302, "/me knows the user afterwards")
    answer = joan.get("mailed link, already signed in", path, None, route=route)
    assert answer.location == "/"
    limit = always(f"none seen as {LINK} success: 302 to the page after a login, as after a login")
    answer.was("none", "sent on without a look at the code", known_limit=limit)

    ida = Person(program, "ida")
    add_mail(program, ida)
    data = {"identity": ida.email, "chosen_method": "email", "csrf_token": ida.csrf_token()}
    ida.browser.peek("POST", "/us-signin/send-code", data=data)
    path = link(program, ida.email)
    answer = ida.get("mailed link, second factor due", path, LINK, route=route)
    assert answer.location.partition("?")[0] == "/tf-validate"
    why = "sent to the second factor; /me is still refused"
    answer.was("success", why, next_step="second_factor", known_limit=PLACE_TELLS)


def add_mail(program: Program, ida: Person) -> None:
    """Let a user with a second factor sign in by mail, outside of the capture."""
    other = Person(program, ida.name)
    data = {"email": ida.email, "password": ida.password, "csrf_token": other.csrf_token()}
    other.browser.peek("POST", "/login", data=data)
    data = {"code": mailed_code(program, ida.email), "csrf_token": other.csrf_token()}
    other.browser.peek("POST", "/tf-validate", data=data)
    assert other.is_signed_in()
    data = {"chosen_method": "email", "csrf_token": other.csrf_token()}
    answer = other.browser.peek("POST", "/us-setup", data=data)
    path = re.search(r'"(/us-setup/[^"]+)"', answer.text)
    assert path
    data = {"passcode": mailed_code(program, ida.email), "csrf_token": other.csrf_token()}
    other.browser.peek("POST", path[1], data=data)


def verify(program: Program) -> None:
    """Prove once more who one is."""
    joan, where = Person(program, "joan"), "/us-verify"
    data = {"passcode": joan.password}
    answer = joan.form("unified proof form, signed out", where, CHECK, data)
    sent_to(answer, "/login", "nobody is signed in")
    choice = {"chosen_method": "email"}
    name = "unified proof, send a code form, signed out"
    answer = joan.form(name, where + "/send-code", SEND, choice)
    sent_to(answer, "/login", "nobody is signed in")
    joan.sign_in()
    joan.restart()
    page(joan.get("unified proof page", where), 200)
    choice = {"chosen_method": "email"}
    count = len(mails(program, joan.email))
    answer = joan.form("unified proof, send a code form", where + "/send-code", SEND, choice)
    assert len(mails(program, joan.email)) == count + 1
    done(answer, 200, "a code was mailed")
    answer = joan.json("unified proof, send a code JSON", where + "/send-code", SEND, choice)
    assert len(mails(program, joan.email)) == count + 2
    done(answer, 200, "a code was mailed")
    choice = {"chosen_method": "pigeon"}
    answer = joan.form("unified proof, no such way form", where + "/send-code", SEND, choice)
    assert answer.status == 200
    answer.was("error", "nothing was mailed", known_limit=SAME_PAGE)
    answer = joan.form("unified proof form, wrong code", where, CHECK, {"passcode": "000000"})
    again(answer, "the form again")
    answer = joan.json("unified proof JSON, wrong code", where, CHECK, {"passcode": "000000"})
    refused(answer, 400, "400: wrong code")
    good = {"passcode": mailed_code(program, joan.email)}
    assert joan.browser.peek("GET", "/change-email").status == 302
    answer = joan.form("unified proof form, code", where, CHECK, good)
    assert joan.browser.peek("GET", "/change-email").status == 200
    done(answer, 302, "pages that ask for a fresh login open afterwards, and did not before")
    answer = joan.json("unified proof JSON, password", where, "PasswordsAuthenticate", data)
    assert answer.status == 200
    answer.was("success", "200: the user's data", known_limit=PASSWORD)
