"""What is done with Django's own pages for signing in, and with its admin."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import Any

PACKS = ["django_auth"]
ENVIRONMENT = {"DJANGO_SETTINGS_MODULE": "settings"}

PASSWORD = "correct horse battery"
NEW = "staple staple staple"
ALIKE = {"default": "error seen as success: without Location every 302 is alike"}


def word(ok: object) -> str:
    """Return the outcome's name."""
    return "success" if ok else "error"


class Person:
    """Somebody with a browser."""

    def __init__(self, program: Any, name: str | None = None, login: str = "/accounts/") -> None:
        """Start signed out, or signed in as somebody."""
        self.browser = program.browser()
        if name:
            form = {"username": name, "password": PASSWORD, "csrfmiddlewaretoken": self.csrf()}
            self.browser.peek("POST", f"{login}login/", data=form)
            if self.who() != name:
                raise ValueError(f"{name} could not sign in")

    def csrf(self) -> str:
        """Return the token that forms must carry."""
        if "csrftoken" not in self.browser.session.cookies:
            self.browser.peek("GET", "/accounts/login/")
        return str(self.browser.session.cookies["csrftoken"])

    def get(self, label: str, path: str, *, action: str | None = None, **more: Any) -> Any:
        """Open a page; recorded."""
        return self.browser.send(label, "GET", path, action=action, **more)

    def post(self, label: str, path: str, form: dict[str, str], *, action: str, **more: Any) -> Any:
        """Send a form with its CSRF token; recorded."""
        data = {**form, "csrfmiddlewaretoken": self.csrf()}
        return self.browser.send(label, "POST", path, action=action, data=data, **more)

    def who(self) -> str | None:
        """Return who the site takes this person for."""
        name: str | None = self.browser.peek("GET", "/").json()["user"]
        return name


def of_user(program: Any, column: str, name: str) -> Any:
    """Return what is stored of a user."""
    with closing(sqlite3.connect(program.data_dir / "db.sqlite3", timeout=30.0)) as database:
        sql = f"SELECT {column} FROM auth_user WHERE username = ?"  # noqa: S608 - our own words
        row = database.execute(sql, (name,)).fetchone()
    return row[0] if row else None


def mails(program: Any) -> list[str]:
    """Return the mails, oldest first."""
    paths = sorted((program.data_dir / "mail").glob("*.log"), key=lambda path: path.stat().st_mtime)
    return [path.read_text() for path in paths]


def drive(program: Any) -> None:
    """Do everything."""
    looks(program)
    login(program)
    logout(program)
    change_password(program)
    reset_password(program)
    admin_login(program)
    admin_users(program)
    admin_refusals(program)


def looks(program: Any) -> None:
    """Make requests that attempt nothing."""
    visitor = Person(program)
    for label, method, path in (
        ("the start page", "GET", "/"),
        ("the login page", "GET", "/accounts/login/"),
        ("HEAD of the login page", "HEAD", "/accounts/login/"),
        ("OPTIONS of the login page", "OPTIONS", "/accounts/login/"),
        ("GET of logout", "GET", "/accounts/logout/"),
        ("the page that asks for a reset", "GET", "/accounts/password_reset/"),
        (
            "the page that changes the password, nobody signed in",
            "GET",
            "/accounts/password_change/",
        ),
        ("the admin's login page", "GET", "/admin/login/"),
        ("the admin, nobody signed in", "GET", "/admin/"),
        ("an address that there is not", "GET", "/accounts/nothing/"),
    ):
        answer = visitor.browser.send(label, method, path, action=None)
        answer.was("none", f"{answer.status}, nothing was attempted")


def login(program: Any) -> None:
    """Sign in, wrong and right."""
    path, action = "/accounts/login/", "PasswordsAuthenticate"
    for label, form in (
        ("login, wrong password", {"username": "ada", "password": "wrong"}),
        ("login, unknown user", {"username": "nobody", "password": PASSWORD}),
        ("login, account not active", {"username": "retired", "password": PASSWORD}),
        ("login, nothing filled in", {}),
        ("login", {"username": "ada", "password": PASSWORD}),
    ):
        person = Person(program)
        answer = person.post(label, path, form, action=action)
        answer.was(word(person.who()), "whether somebody is signed in")
    answer = person.post("login again, wrong", path, {"username": "ada"}, action=action)
    answer.was("error", "the form again: it is checked although ada is signed in")
    person = Person(program)
    form = {"username": "ada", "password": PASSWORD}
    answer = person.browser.send("login, no CSRF token", "POST", path, action=action, data=form)
    answer.was(word(person.who()), "refused")


def logout(program: Any) -> None:
    """Sign out."""
    ada = Person(program, "ada")
    answer = ada.post("logout", "/accounts/logout/", {}, action="SessionsRevoke")
    answer.was(word(ada.who() is None), "nobody is signed in afterwards")
    answer = ada.post("logout, nobody signed in", "/accounts/logout/", {}, action="SessionsRevoke")
    answer.was("success", "what was asked for holds: nobody is signed in")


def change_password(program: Any) -> None:
    """Change a password that one knows."""
    path, action = "/accounts/password_change/", "PasswordsExistingPasswordReset"
    brian, before = Person(program, "brian"), of_user(program, "password", "brian")
    for label, old, new in (
        ("change password, wrong one", "wrong", NEW),
        ("change password, too short", PASSWORD, "short"),
        ("change password", PASSWORD, NEW),
    ):
        form = {"old_password": old, "new_password1": new, "new_password2": new}
        answer = brian.post(label, path, form, action=action)
        changed = of_user(program, "password", "brian") != before
        answer.was(word(changed), "whether the stored password changed")
    answer = Person(program).post("change password, nobody signed in", path, {}, action=action)
    answer.was("error", "sent to the login page", known_limit=ALIKE)


def reset_password(program: Any) -> None:
    """Forget a password."""
    path, action = "/accounts/password_reset/", "PasswordsEmailResetStart"
    limit = "error seen as success: 302 for everybody, so that nobody can probe"
    for label, mail in (
        ("forgot password, no address", "no"),
        ("forgot password, unknown user", "nobody@example.com"),
        ("forgot password", "carol@example.com"),
    ):
        before = len(mails(program))
        answer = Person(program).post(label, path, {"email": mail}, action=action)
        sent = len(mails(program)) > before
        hidden = answer.status == 302 and not sent
        known = {"default": limit, "stable": limit} if hidden else {}
        answer.was(word(sent), "whether a mail was sent", known_limit=known)
    found = re.search(r"(/accounts/reset/[^/\s]+/)([^/\s]+)/", mails(program)[-1])
    if found is None:
        raise ValueError("the mail has no link")
    route, action = "/accounts/reset/<uid>/<token>/", "PasswordsEmailReset"
    carol, before = Person(program), of_user(program, "password", "carol")
    answer = carol.get("reset link, bad token", found[1] + "bad-token/", action=action, route=route)
    answer.was(
        "error",
        "the page says that the link is bad",
        known_limit={"stable": "error seen as none: the span has no path, only the route"},
    )
    answer = carol.get("reset link", found[0], route=route)
    answer.was("none", "sent on to the form")
    path = answer.location
    carol.get("reset form", path, route=route).was("none", "the form")
    for label, new in (("reset password, too short", "short"), ("reset password", NEW)):
        form = {"new_password1": new, "new_password2": new}
        answer = carol.post(label, path, form, action=action, route=route)
        changed = of_user(program, "password", "carol") != before
        answer.was(word(changed), "whether the stored password changed")
    form, before = {"new_password1": PASSWORD, "new_password2": PASSWORD}, None
    before = of_user(program, "password", "carol")
    answer = Person(program).post(
        "reset password, used", found[0], form, action=action, route=route
    )
    answer.was(word(of_user(program, "password", "carol") != before), "the link is bad by now")


def admin_login(program: Any) -> None:
    """Sign in to the admin, and out of it."""
    path, action = "/admin/login/", "PasswordsAuthenticate"
    for label, name, password in (
        ("admin login, wrong password", "root", "wrong"),
        ("admin login, not staff", "ada", PASSWORD),
        ("admin login", "root", PASSWORD),
    ):
        person = Person(program)
        form = {"username": name, "password": password, "next": "/admin/"}
        answer = person.post(label, path, form, action=action)
        answer.was(word(person.who()), "whether somebody is signed in")
    answer = person.post("admin logout", "/admin/logout/", {}, action="SessionsRevoke")
    answer.was(word(person.who() is None), "nobody is signed in afterwards")
    root = Person(program, "root", "/admin/")
    root.get("the admin", "/admin/").was("none", "a page")
    for label, old, new in (
        ("admin change password, wrong one", "wrong", NEW),
        ("admin change password", PASSWORD, PASSWORD + "!"),
    ):
        before = of_user(program, "password", "root")
        form = {"old_password": old, "new_password1": new, "new_password2": new}
        answer = root.post(
            label, "/admin/password_change/", form, action="PasswordsExistingPasswordReset"
        )
        changed = of_user(program, "password", "root") != before
        answer.was(word(changed), "whether the stored password changed")
    form = {"old_password": PASSWORD + "!", "new_password1": PASSWORD, "new_password2": PASSWORD}
    form["csrfmiddlewaretoken"] = root.csrf()
    root.browser.peek("POST", "/admin/password_change/", data=form)


def admin_users(program: Any) -> None:
    """Add, change and delete users."""
    root, action = Person(program, "root", "/admin/"), "CreateUser"
    root.get("the admin's list of users", "/admin/auth/user/").was("none", "a list")
    root.get("the admin's form for a user", "/admin/auth/user/add/").was("none", "the form")
    for label, one, two in (
        ("admin adds user, passwords differ", PASSWORD, NEW),
        ("admin adds user", PASSWORD, PASSWORD),
    ):
        form = {"username": "dora", "password1": one, "password2": two, "usable_password": "true"}
        answer = root.post(label, "/admin/auth/user/add/", form, action=action)
        answer.was(word(of_user(program, "1", "dora")), "whether the user is there")
    base, route = f"/admin/auth/user/{of_user(program, 'id', 'dora')}", "/admin/auth/user/<id>"
    before, action = of_user(program, "password", "dora"), "PasswordsSessionReset"
    for label, one, two in (
        ("admin sets password, they differ", NEW, PASSWORD),
        ("admin sets password", NEW, NEW),
    ):
        form = {"password1": one, "password2": two, "usable_password": "true"}
        answer = root.post(
            label, f"{base}/password/", form, action=action, route=f"{route}/password/"
        )
        changed = of_user(program, "password", "dora") != before
        answer.was(word(changed), "whether the stored password changed")
    joined = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    for label, form in (
        ("admin changes user, date missing", {"username": "dora"}),
        ("admin changes user", {"username": "dora", "first_name": "Dora", **joined}),
    ):
        answer = root.post(
            label, f"{base}/change/", form, action="UpdateUser", route=f"{route}/change/"
        )
        changed = of_user(program, "first_name", "dora") == "Dora"
        answer.was(word(changed), "whether the name changed")
    route = f"{route}/delete/"
    root.get("the admin's page that asks", f"{base}/delete/", route=route).was("none", "it asks")
    answer = root.post(
        "admin deletes user", f"{base}/delete/", {"post": "yes"}, action="DeleteUser", route=route
    )
    answer.was(word(not of_user(program, "1", "dora")), "whether the user is gone")
    answer = root.post(
        "admin deletes user, gone",
        f"{base}/delete/",
        {"post": "yes"},
        action="DeleteUser",
        route=route,
    )
    answer.was("error", "sent to the start page: there is none", known_limit=ALIKE)


def admin_refusals(program: Any) -> None:
    """Try what only staff may."""
    for label, who in (("nobody signed in", None), ("not staff", "ada")):
        person = Person(program, who)
        form = {"username": "emil", "password1": PASSWORD, "password2": PASSWORD}
        answer = person.post(
            f"admin adds user, {label}", "/admin/auth/user/add/", form, action="CreateUser"
        )
        limit = ALIKE if answer.status == 302 else {}
        answer.was(word(of_user(program, "1", "emil")), f"{answer.status}", known_limit=limit)
    answer = Person(program).post(
        "admin change password, nobody signed in",
        "/admin/password_change/",
        {},
        action="PasswordsExistingPasswordReset",
    )
    answer.was("error", "sent to the login page", known_limit=ALIKE)
    answer = Person(program).post(
        "admin logout, nobody signed in", "/admin/logout/", {}, action="SessionsRevoke"
    )
    answer.was("success", f"{answer.status}, what was asked for holds")
