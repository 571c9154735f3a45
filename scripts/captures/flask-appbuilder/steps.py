"""Drives flask-appbuilder/app.py: its login form, its API, its users' forms."""

from __future__ import annotations

from typing import Any

from people import Person, again, done, mailed_link, page, refused, sent_to_login, user
from program import Program
from security_api import security_api

PACKS = ["flask_appbuilder"]
LOGIN = "PasswordsAuthenticate"
LOGOUT = "SessionsRevoke"
CHANGE = "PasswordsExistingPasswordReset"
SET = "PasswordsSessionReset"


def drive(program: Program) -> None:
    """Make all requests."""
    login(program)
    logout(program)
    passwords(program)
    users(program)
    register(program)
    security_api(program)
    no_attempts(program)


def login(program: Program) -> None:
    """Sign in by form."""
    ada = Person(program, "ada")
    for label, data in (
        ("wrong password", {**ada.right(), "password": "not the password"}),
        ("unknown user", {**ada.right(), "username": "nobody"}),
        ("disabled account", Person(program, "barbara").right()),
    ):
        answer = ada.form(f"login form, {label}", "/login/", LOGIN, data)
        assert not ada.is_signed_in()
        sent_to_login(answer, "the user's page is refused afterwards")
    where = "/login/?next=/users/userinfo/"
    data = {**ada.right(), "password": "wrong"}
    answer = ada.form("login form with next, wrong password", where, LOGIN, data)
    assert answer.location == "/login/?next=/users/userinfo/"
    sent_to_login(answer, "the user's page is refused afterwards")
    for label, data in (("nothing filled in", {}), ("no password", {"username": "ada"})):
        answer = ada.form(f"login form, {label}", "/login/", LOGIN, data)
        again(answer, "the form again")
    answer = ada.form("login form, no CSRF token", "/login/", LOGIN, ada.right(), csrf=False)
    assert not ada.is_signed_in()
    again(answer, "the form again; the user's page is refused")
    answer = ada.form("login form", "/login/", LOGIN, ada.right())
    assert ada.is_signed_in()
    done(answer, 302, "the user's page opens afterwards")
    answer = ada.form("login form, already signed in", "/login/", None, ada.right())
    assert answer.location == "/"
    limit = f"none seen as {LOGIN} success: 302 to the start page, as after a login"
    limits = {"default": limit, "stable": limit}
    answer.was("none", "sent on without a look at the password", known_limit=limits)
    page(ada.get("login page, already signed in", "/login/"), 302)
    ada = Person(program, "ada")
    answer = ada.form("login form with next", where, LOGIN, ada.right())
    assert answer.location == "/users/userinfo/"
    assert ada.is_signed_in()
    done(answer, 302, "the user's page opens afterwards")
    alan = Person(program, "alan")
    where = "/login/?next=https://example.net/"
    answer = alan.form("login form with a foreign next", where, LOGIN, alan.right())
    assert answer.location == "/"
    done(answer, 302, "sent to the start page: the user may see no other")
    ada = Person(program, "ada")
    answer = ada.form("login form, without the slash", "/login", None, ada.right())
    assert answer.status == 308
    assert not ada.is_signed_in()
    limit = f"none seen as {LOGIN} success: 308 to the same with a slash, as a program might answer"
    limits = {"default": limit, "stable": limit}
    answer.was("none", "sent to /login/ without a look at the password", known_limit=limits)


def logout(program: Program) -> None:
    """Sign out."""
    ada = Person(program, "ada")
    ada.sign_in()
    answer = ada.get("logout", "/logout/", LOGOUT)
    assert not ada.is_signed_in()
    done(answer, 302, "the user's page is refused afterwards")
    answer = ada.get("logout, nobody signed in", "/logout/", LOGOUT)
    done(answer, 302, "answered as done; nobody was signed in and nobody is")
    ada.sign_in()
    answer = ada.form("logout by POST", "/logout/", None, {})
    assert ada.is_signed_in()
    page(answer, 405, "only GET signs out; still signed in")


def passwords(program: Program) -> None:
    """Change one's own password, and somebody else's."""
    grace, where = Person(program, "grace"), "/resetmypassword/form"
    new = {"password": "a new password", "conf_password": "a new password"}
    page(grace.get("own password page, signed out", where), 302)
    answer = grace.form("own password form, signed out", where, CHANGE, new)
    sent_to_login(answer, "nobody is signed in")
    grace.sign_in()
    page(grace.get("own password page", where), 200)
    answer = grace.form(
        "own password form, typed differently", where, CHANGE, {**new, "conf_password": "another"}
    )
    assert grace.knows_password(grace.password)
    again(answer, "the form again; the old password still lets in")
    answer = grace.form("own password form", where, CHANGE, new)
    assert grace.knows_password("a new password")
    done(answer, 302, "the new password lets in")
    alan = Person(program, "alan")
    alan.sign_in()
    answer = alan.form("own password form, not allowed", where, CHANGE, new)
    assert alan.knows_password(alan.password)
    refused(answer, 403, "403; the old password still lets in")

    ada = Person(program, "ada")
    where = f"/resetpassword/form?pk={user(program, 'grace')['id']}"
    old = {"password": grace.password, "conf_password": grace.password}
    answer = ada.form("other's password form, signed out", where, SET, old)
    sent_to_login(answer, "nobody is signed in")
    ada.sign_in()
    page(ada.get("other's password page", where), 200)
    data = {**old, "conf_password": "another"}
    answer = ada.form("other's password form, typed differently", where, SET, data)
    again(answer, "the form again")
    answer = ada.form("other's password form", where, SET, old)
    assert grace.knows_password(grace.password)
    done(answer, 302, "the password set by an administrator lets in")


def users(program: Program) -> None:
    """Administer users by form."""
    ada, roles = Person(program, "ada"), {"roles": "1", "active": "y"}
    new = account("katherine") | roles
    answer = ada.form("add user form, signed out", "/users/add", "CreateUser", new)
    sent_to_login(answer, "nobody is signed in")
    ada.sign_in()
    page(ada.get("users page", "/users/list/"), 200)
    page(ada.get("add user page", "/users/add"), 200)
    answer = ada.form(
        "add user form, name taken", "/users/add", "CreateUser", {**new, "username": "grace"}
    )
    again(answer, "the form again")
    answer = ada.form("add user form", "/users/add", "CreateUser", new)
    assert user(program, "katherine")
    done(answer, 302, "the user is there")
    number, route = user(program, "katherine")["id"], "/users/edit/<pk>"
    page(ada.get("edit user page", f"/users/edit/{number}", route=route), 200)
    changed = {**new, "first_name": "Kate"}
    nobody = Person(program, "ada")
    for what, action in (("edit", "UpdateUser"), ("delete", "DeleteUser")):
        path = f"/users/{what}/{number}"
        name = f"{what} user form, signed out"
        answer = nobody.form(name, path, action, changed, route=f"/users/{what}/<pk>")
        assert user(program, "katherine")["first_name"] == "Katherine"
        sent_to_login(answer, "nobody is signed in")
    answer = ada.form(
        "edit user form, no address",
        f"/users/edit/{number}",
        "UpdateUser",
        {**changed, "email": ""},
        route=route,
    )
    assert user(program, "katherine")["first_name"] == "Katherine"
    again(answer, "the form again")
    answer = ada.form("edit user form", f"/users/edit/{number}", "UpdateUser", changed, route=route)
    assert user(program, "katherine")["first_name"] == "Kate"
    done(answer, 302, "the user is changed")
    answer = ada.form(
        "delete user form", f"/users/delete/{number}", "DeleteUser", {}, route="/users/delete/<pk>"
    )
    assert not user(program, "katherine")
    done(answer, 302, "the user is gone")
    own = {"first_name": "Augusta", "last_name": "Example"}
    answer = ada.form("own data form", "/userinfoeditview/form", "UpdateUser", own)
    assert user(program, "ada")["first_name"] == "Augusta"
    done(answer, 302, "the user is changed")


def account(name: str) -> dict[str, Any]:
    """Return what a form for a new user takes."""
    return {
        "username": name,
        "first_name": name.title(),
        "last_name": "Example",
        "email": f"{name}@example.com",
        "password": f"{name} has a password",
        "conf_password": f"{name} has a password",
    }


def register(program: Program) -> None:
    """Open an account for oneself."""
    new, where = Person(program, "dorothy"), "/register/form"
    page(new.get("register page", where), 200)
    for label, data in (
        ("name taken", account("dorothy") | {"username": "grace"}),
        ("not an address", account("dorothy") | {"email": "dorothy"}),
        ("typed differently", account("dorothy") | {"conf_password": "another"}),
    ):
        answer = new.form(f"register form, {label}", where, "CreateUser", data)
        again(answer, "the form again")
    answer = new.form("register form", where, "CreateUser", account("dorothy"))
    link = mailed_link(program, "dorothy@example.com")
    assert link
    done(answer, 302, "a mail with a link was sent")
    lost = account("mary") | {"email": "mary@example.org"}
    answer = new.form("register form, mail fails", where, "CreateUser", lost)
    assert answer.status == 302
    limit = "error seen as success: 302 to the start page either way"
    limits = {"default": limit, "stable": limit}
    answer.was("error", "the registration is gone again", known_limit=limits)
    route, action = "/register/activation/<activation_hash>", "MagicLinksAuthenticate"
    answer = new.get("activation, bad token", "/register/activation/x", action, route=route)
    assert answer.status == 302
    answer.was("error", "the user is not there")
    assert not user(program, "dorothy")
    answer = new.get("activation", link, action, route=route)
    assert user(program, "dorothy")
    done(answer, 200, "the user is there")
    answer = new.get("activation, used token", link, action, route=route)
    assert answer.status == 302
    answer.was("error", "the token was used before")


def no_attempts(program: Program) -> None:
    """Do what is no attempt to sign in or out."""
    somebody = Person(program, "ada")
    page(somebody.get("login page", "/login/"), 200)
    page(somebody.get("login page, without the slash", "/login"), 308)
    page(somebody.get("start page", "/"), 200)
    page(somebody.get("protected page, signed out", "/users/userinfo/"), 302, "the program's own")
    page(somebody.form("unrelated form", "/articles", None, {}), 201, "the program's own")
    page(somebody.get("no such page", "/login/nowhere/else"), 404, "there is nothing")
    for method in ("HEAD", "OPTIONS", "PUT", "DELETE"):
        answer = somebody.browser.send(f"{method} of the login", method, "/login/", action=None)
        page(answer, 200 if method in ("HEAD", "OPTIONS") else 405, "no attempt")
