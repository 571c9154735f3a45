"""Forgotten, reset and changed passwords."""

from __future__ import annotations

from people import SAME_PAGE, Person, again, done, link, mails, page, refused, row, sent_to
from program import Program

START = "PasswordsEmailResetStart"
RESET = "PasswordsEmailReset"
CHANGE = "PasswordsExistingPasswordReset"
NEW = "quite another password"


def passwords(program: Program) -> None:
    """Make the requests of this module."""
    forgot(program)
    reset(program)
    change(program)


def forgot(program: Program) -> None:
    """Ask for a link to set a new password."""
    donald = Person(program, "donald")
    page(donald.get("forgot password page", "/reset"), 200)
    answer = donald.form("forgot password form", "/reset", START, {"email": donald.email})
    assert len(mails(program, donald.email)) == 1
    done(answer, 200, "a mail with a link was sent")
    answer = donald.form("forgot password form, unknown user", "/reset", START, {"email": "x@y.z"})
    assert not mails(program, "x@y.z")
    answer.was("error", "no mail was sent", known_limit=SAME_PAGE)
    answer = donald.form("forgot password form, no address", "/reset", START, {})
    answer.was("error", "no mail was sent", known_limit=SAME_PAGE)
    barbara = Person(program, "barbara")
    answer = barbara.form(
        "forgot password form, disabled account", "/reset", START, {"email": barbara.email}
    )
    assert not mails(program, barbara.email)
    answer.was("error", "no mail was sent", known_limit=SAME_PAGE)
    answer = donald.json("forgot password JSON", "/reset", START, {"email": donald.email})
    assert len(mails(program, donald.email)) == 2
    done(answer, 200, "a mail with a link was sent")
    answer = donald.json("forgot password JSON, unknown user", "/reset", START, {"email": "x@y.z"})
    refused(answer, 400, "400: no such user")


def reset(program: Program) -> None:
    """Set a new password with the link."""
    donald, route = Person(program, "donald"), "/reset/<token>"
    path = link(program, donald.email)
    good = {"password": NEW, "password_confirm": NEW}
    page(donald.get("reset page", path, route=route), 200)
    page(donald.get("reset page, bad token", "/reset/nonsense", route=route), 302)
    answer = donald.form("reset form, too short", path, RESET, {"password": "x"}, route=route)
    assert not donald.knows_password("x")
    again(answer, "the form again; the password is not the new one")
    other = {**good, "password_confirm": "something else"}
    answer = donald.form("reset form, typed differently", path, RESET, other, route=route)
    again(answer, "the form again; the password is not the new one")
    answer = donald.json("reset JSON, too short", path, RESET, {"password": "x"}, route=route)
    refused(answer, 400, "400: too short")
    answer = donald.form("reset form, bad token", "/reset/nonsense", RESET, good, route=route)
    assert not donald.knows_password(NEW)
    sent_to(answer, "/reset", "the password is not the new one")
    answer = donald.form("reset form", path, RESET, good, route=route)
    assert donald.knows_password(NEW)
    done(answer, 302, "the new password lets in")
    answer = donald.form("reset form, used token", path, RESET, good, route=route)
    sent_to(answer, "/reset", "the token was used before")
    answer = donald.json("reset JSON, used token", path, RESET, good, route=route)
    refused(answer, 400, "400: the token was used before")
    donald.browser.peek(
        "POST", "/reset", data={"email": donald.email, "csrf_token": donald.csrf_token()}
    )
    path = link(program, donald.email)
    good = {"password": "a third password", "password_confirm": "a third password"}
    answer = donald.json("reset JSON", path, RESET, good, route=route)
    assert donald.knows_password("a third password")
    done(answer, 200, "the new password lets in")


def change(program: Program) -> None:
    """Change the password one knows."""
    jean = Person(program, "jean")
    good = {"password": jean.password, "new_password": NEW, "new_password_confirm": NEW}
    page(jean.get("change password page, signed out", "/change"), 302)
    answer = jean.form("change password form, signed out", "/change", CHANGE, good)
    sent_to(answer, "/login", "nobody is signed in; the password is the old one")
    answer = jean.json("change password JSON, signed out", "/change", CHANGE, good)
    refused(answer, 401, "401: nobody is signed in")
    jean.sign_in()
    page(jean.get("change password page", "/change"), 200)
    for label, data in (
        ("wrong password", {**good, "password": "not the password"}),
        ("too short", {**good, "new_password": "x", "new_password_confirm": "x"}),
        ("typed differently", {**good, "new_password_confirm": "something else"}),
    ):
        answer = jean.form(f"change password form, {label}", "/change", CHANGE, data)
        assert jean.knows_password(jean.password)
        again(answer, "the form again; the old password still lets in")
        answer = jean.json(f"change password JSON, {label}", "/change", CHANGE, data)
        refused(answer, 400, "400; the old password still lets in")
    before = row(program, jean.email)
    answer = jean.form("change password form", "/change", CHANGE, good)
    assert row(program, jean.email) != before
    assert jean.knows_password(NEW)
    done(answer, 302, "the new password lets in")
    good = {"password": NEW, "new_password": jean.password, "new_password_confirm": jean.password}
    answer = jean.json("change password JSON", "/change", CHANGE, good)
    assert jean.knows_password(jean.password)
    done(answer, 200, "the new password lets in")
