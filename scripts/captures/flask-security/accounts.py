"""New accounts, confirmed and changed addresses, user names."""

from __future__ import annotations

from people import (
    JSON,
    SAME_PAGE,
    Person,
    again,
    always,
    done,
    link,
    mails,
    page,
    refused,
    row,
    sent_to,
)
from program import Program

REGISTER = "CreateUser"
SEND = "MagicLinksEmailSend"
OPEN = "MagicLinksAuthenticate"
UPDATE = "UpdateUser"
SKIPPED = always(f"none seen as {REGISTER} success: 302 to the start page, as after a registration")


def accounts(program: Program) -> None:
    """Make the requests of this module."""
    register(program)
    confirm(program)
    change_email(program)
    user_name(program)


def register(program: Program) -> None:
    """Open an account."""
    new = Person(program, "katherine")
    good = {"email": new.email, "password": new.password, "password_confirm": new.password}
    page(new.get("register page", "/register"), 200)
    for label, data in (
        ("address taken", {**good, "email": "ada@example.com"}),
        ("no address", {**good, "email": ""}),
        ("not an address", {**good, "email": "katherine"}),
        ("password too short", {**good, "password": "x", "password_confirm": "x"}),
        ("typed differently", {**good, "password_confirm": "something else"}),
    ):
        answer = new.form(f"register form, {label}", "/register", REGISTER, data)
        assert row(program, new.email) is None
        again(answer, "the form again; there is no such user")
        answer = new.json(f"register JSON, {label}", "/register", REGISTER, data)
        assert row(program, new.email) is None
        refused(answer, 400, "400; there is no such user")
    answer = new.form("register form", "/register", REGISTER, good)
    assert row(program, new.email)
    done(answer, 302, "the user is there; a mail asks for confirmation")
    good["email"] = "mary@example.com"
    answer = new.json("register JSON", "/register", REGISTER, good)
    assert row(program, "mary@example.com")
    done(answer, 200, "the user is there; a mail asks for confirmation")
    ada = Person(program, "ada")
    ada.sign_in()
    good["email"] = "dorothy@example.com"
    answer = ada.form("register form, already signed in", "/register", None, good)
    assert answer.status == 302
    assert row(program, "dorothy@example.com") is None
    answer.was("none", "sent on without a look at the form", known_limit=SKIPPED)
    answer = ada.json("register JSON, already signed in", "/register", REGISTER, good)
    assert row(program, "dorothy@example.com") is None
    refused(answer, 400, "400: only for those who are not signed in")


def confirm(program: Program) -> None:
    """Confirm an address."""
    new, route = Person(program, "katherine"), "/confirm/<token>"
    page(new.get("confirmation page", "/confirm"), 200)
    count = len(mails(program, new.email))
    answer = new.form("ask for a confirmation form", "/confirm", SEND, {"email": new.email})
    assert len(mails(program, new.email)) == count + 1
    done(answer, 200, "a mail was sent")
    for label, email in (("unknown user", "x@y.z"), ("confirmed already", "ada@example.com")):
        count = len(mails(program, email))
        name = f"ask for a confirmation form, {label}"
        answer = new.form(name, "/confirm", SEND, {"email": email})
        assert len(mails(program, email)) == count
        answer.was("error", "no mail was sent", known_limit=SAME_PAGE)
        name = f"ask for a confirmation JSON, {label}"
        answer = new.json(name, "/confirm", SEND, {"email": email})
        refused(answer, 400, "400; no mail was sent")
    answer = new.json("ask for a confirmation JSON", "/confirm", SEND, {"email": new.email})
    done(answer, 200, "a mail was sent")
    path = link(program, new.email)
    answer = new.get("confirm, bad token", "/confirm/nonsense", OPEN, route=route)
    assert not (row(program, new.email) or {})["confirmed_at"]
    sent_to(answer, "/confirm", "the address is not confirmed")
    answer = new.get("confirm", path, OPEN, route=route)
    assert (row(program, new.email) or {})["confirmed_at"]
    done(answer, 302, "the address is confirmed")
    answer = new.get("confirm, used token", path, OPEN, route=route)
    sent_to(answer, "/confirm", "the token was used before: confirmed already")


def change_email(program: Program) -> None:
    """Change the address."""
    frances, route = Person(program, "frances"), "/change-email/<token>"
    new = {"email": "frances.allen@example.com"}
    answer = frances.form("change address form, signed out", "/change-email", SEND, new)
    sent_to(answer, "/login", "nobody is signed in")
    answer = frances.json("change address JSON, signed out", "/change-email", SEND, new)
    refused(answer, 401, "401: nobody is signed in")
    frances.sign_in()
    frances.restart()
    answer = frances.form("change address form, login too old", "/change-email", SEND, new)
    sent_to(answer, "/us-verify", "a fresh login is asked for")
    answer = frances.json("change address JSON, login too old", "/change-email", SEND, new)
    refused(answer, 401, "401: a fresh login is asked for")
    frances = Person(program, "frances")
    frances.sign_in()
    page(frances.get("change address page", "/change-email"), 200)
    taken = {"email": "ada@example.com"}
    count = len(mails(program, "ada@example.com"))
    answer = frances.form("change address form, taken", "/change-email", SEND, taken)
    answer.was("error", "no mail was sent", known_limit=SAME_PAGE)
    answer = frances.json("change address JSON, taken", "/change-email", SEND, taken)
    refused(answer, 400, "400: taken")
    assert len(mails(program, "ada@example.com")) == count
    answer = frances.form("change address form", "/change-email", SEND, new)
    assert len(mails(program, new["email"])) == 1
    done(answer, 200, "a mail was sent to the new address")
    answer = frances.json("change address JSON", "/change-email", SEND, new)
    assert len(mails(program, new["email"])) == 2
    done(answer, 200, "a mail was sent to the new address")
    answer = frances.get("new address, bad token", "/change-email/nonsense", UPDATE, route=route)
    assert row(program, new["email"]) is None
    sent_to(answer, "/change-email", "the address is the old one")
    path = link(program, new["email"])
    answer = frances.get("new address", path, UPDATE, route=route)
    assert row(program, new["email"])
    done(answer, 302, "the address is the new one")
    answer = frances.get("new address, used token", path, UPDATE, route=route)
    sent_to(answer, "/change-email", "the token was used before")


def user_name(program: Program) -> None:
    """Change the user name, and have it mailed."""
    grace = Person(program, "grace")
    new = {"username": "hopper"}
    answer = grace.form("change user name form, signed out", "/change-username", UPDATE, new)
    sent_to(answer, "/login", "nobody is signed in")
    grace.sign_in()
    grace.restart()
    answer = grace.form("change user name form, login too old", "/change-username", UPDATE, new)
    sent_to(answer, "/us-verify", "a fresh login is asked for")
    grace = Person(program, "grace")
    grace.sign_in()
    page(grace.get("change user name page", "/change-username"), 200)
    taken = {"username": "ada1"}
    answer = grace.form("change user name form, taken", "/change-username", UPDATE, taken)
    again(answer, "the form again; the name is the old one")
    answer = grace.json("change user name JSON, taken", "/change-username", UPDATE, taken)
    refused(answer, 400, "400: taken")
    answer = grace.form("change user name form", "/change-username", UPDATE, new)
    assert (row(program, grace.email) or {})["username"] == "hopper"
    done(answer, 302, "the name is the new one")
    new = {"username": "grace1"}
    answer = grace.json("change user name JSON", "/change-username", UPDATE, new)
    assert (row(program, grace.email) or {})["username"] == "grace1"
    done(answer, 200, "the name is the new one")
    page(grace.get("user name by script", "/change-username", headers=JSON), 200)

    nobody = Person(program, "grace")
    page(nobody.get("forgotten user name page", "/recover-username"), 200)
    count = len(mails(program, grace.email))
    data = {"email": grace.email}
    answer = nobody.form("forgotten user name form", "/recover-username", SEND, data)
    assert len(mails(program, grace.email)) == count + 1
    done(answer, 302, "the name was mailed")
    unknown = {"email": "x@y.z"}
    answer = nobody.form("forgotten user name form, unknown", "/recover-username", SEND, unknown)
    again(answer, "the form again; no mail was sent")
    answer = nobody.json("forgotten user name JSON", "/recover-username", SEND, data)
    assert len(mails(program, grace.email)) == count + 2
    done(answer, 200, "the name was mailed")
    answer = nobody.json("forgotten user name JSON, unknown", "/recover-username", SEND, unknown)
    refused(answer, 400, "400: no such user")
