"""Sign in, sign out, prove it is still you, renew a token."""

from __future__ import annotations

from people import JSON, Person, again, always, done, page, refused, sent_to
from program import Program

LOGIN = "PasswordsAuthenticate"
LOGOUT = "SessionsRevoke"
REFRESH = "SessionsAuthenticate"
SKIPPED = always(f"none seen as {LOGIN} success: 302 to the start page, as after a login")


def sessions(program: Program) -> None:
    """Make the requests of this module."""
    login_forms(program)
    login_json(program)
    logout(program)
    verify(program)
    refresh(program)
    no_attempts(program)


def login_forms(program: Program) -> None:
    """Sign in by form."""
    ada = Person(program, "ada")
    right = {"email": ada.email, "password": ada.password}
    for label, data in (
        ("wrong password", {**right, "password": "not the password"}),
        ("unknown user", {**right, "email": "nobody@example.com"}),
        ("nothing filled in", {}),
        ("no password", {"email": ada.email}),
    ):
        answer = ada.form(f"login form, {label}", "/login", LOGIN, data)
        assert not ada.is_signed_in()
        again(answer, "the form again; /me is refused afterwards")
    for name, label in (("barbara", "disabled account"), ("tony", "address not confirmed")):
        person = Person(program, name)
        data = {"email": person.email, "password": person.password}
        answer = person.form(f"login form, {label}", "/login", LOGIN, data)
        assert not person.is_signed_in()
        again(answer, "the form again; /me is refused afterwards")
    answer = ada.form("login form, no CSRF token", "/login", LOGIN, right, csrf=False)
    assert not ada.is_signed_in()
    again(answer, "the form again; /me is refused afterwards")

    answer = ada.form("login form", "/login", LOGIN, right)
    assert ada.is_signed_in()
    done(answer, 302, "/me knows the user afterwards")
    answer = ada.form("login form, already signed in", "/login", None, right)
    assert answer.status == 302
    assert answer.location == "/"
    answer.was("none", "sent on without a look at the password", known_limit=SKIPPED)
    page(ada.get("login page, already signed in", "/login"), 302)

    grace = Person(program, "grace")
    right = {"email": grace.email, "password": grace.password}
    answer = grace.form("login form, with next", "/login?next=/me", LOGIN, {**right, "next": "/me"})
    assert answer.location == "/me"
    assert grace.is_signed_in()
    done(answer, 302, "/me knows the user afterwards")
    alan = Person(program, "alan")
    right = {"username": "alan1", "password": alan.password, "remember": "y"}
    answer = alan.form("login form, user name, remember me", "/login", LOGIN, right)
    assert alan.is_signed_in()
    done(answer, 302, "/me knows the user afterwards")


def login_json(program: Program) -> None:
    """Sign in by JSON."""
    ada = Person(program, "ada")
    right = {"email": ada.email, "password": ada.password}
    for label, data in (
        ("wrong password", {**right, "password": "not the password"}),
        ("unknown user", {**right, "email": "nobody@example.com"}),
        ("nothing", {}),
    ):
        answer = ada.json(f"login JSON, {label}", "/login", LOGIN, data)
        assert not ada.is_signed_in()
        refused(answer, 400, "400; /me is refused afterwards")
    answer = ada.browser.send(
        "login JSON, malformed",
        "POST",
        "/login",
        action=LOGIN,
        data="{",
        headers={**JSON, "Content-Type": "application/json"},
    )
    refused(answer, 400, "400; the body could not be read")
    answer = ada.browser.send(
        "login JSON, no CSRF token", "POST", "/login", action=LOGIN, json=right, headers=JSON
    )
    assert not ada.is_signed_in()
    refused(answer, 400, "400; /me is refused afterwards")
    answer = ada.json("login JSON", "/login", LOGIN, right)
    assert ada.is_signed_in()
    done(answer, 200, "/me knows the user afterwards")
    answer = ada.json("login JSON, already signed in", "/login", LOGIN, right)
    refused(answer, 400, "400: only for those who are not signed in")
    page(ada.get("login JSON, who is signed in", "/login", headers=JSON), 200)


def logout(program: Program) -> None:
    """Sign out."""
    ada = Person(program, "ada")
    ada.sign_in()
    answer = ada.form("logout form", "/logout", LOGOUT, {})
    assert not ada.is_signed_in()
    done(answer, 302, "/me is refused afterwards")
    answer = ada.form("logout form, nobody signed in", "/logout", LOGOUT, {})
    done(answer, 302, "answered as done; nobody was signed in and nobody is")
    ada.sign_in()
    answer = ada.json("logout JSON", "/logout", LOGOUT, {})
    assert not ada.is_signed_in()
    done(answer, 200, "/me is refused afterwards")
    ada.sign_in()
    answer = ada.get("logout by GET", "/logout")
    assert ada.is_signed_in()
    page(answer, 405, "only POST signs out; still signed in")


def verify(program: Program) -> None:
    """Give the password once more."""
    ada = Person(program, "ada")
    page(ada.get("verify page, signed out", "/verify"), 302)
    answer = ada.form("verify form, signed out", "/verify", LOGIN, {"password": ada.password})
    sent_to(answer, "/login", "nobody is signed in")
    answer = ada.json("verify JSON, signed out", "/verify", LOGIN, {"password": ada.password})
    refused(answer, 401, "401: nobody is signed in")
    ada.sign_in()
    page(ada.get("verify page", "/verify"), 200)
    answer = ada.form("verify form, wrong password", "/verify", LOGIN, {"password": "wrong one"})
    again(answer, "the form again")
    answer = ada.json("verify JSON, wrong password", "/verify", LOGIN, {"password": "wrong one"})
    refused(answer, 400, "400: invalid password")
    ada.restart()
    is_fresh = ada.browser.peek("GET", "/change-email").status == 200
    assert not is_fresh
    answer = ada.form("verify form", "/verify", LOGIN, {"password": ada.password})
    assert ada.browser.peek("GET", "/change-email").status == 200
    done(answer, 302, "pages that ask for a fresh login open afterwards, and did not before")
    answer = ada.json("verify JSON", "/verify", LOGIN, {"password": ada.password})
    done(answer, 200, "200: the user's data")


def refresh(program: Program) -> None:
    """Renew an access token."""
    ada = Person(program, "ada")
    data = {"email": ada.email, "password": ada.password}
    answer = ada.json("login JSON, for tokens", "/login?include_auth_token", LOGIN, data)
    tokens = answer.json()["response"]["user"]
    done(answer, 200, "the answer holds an access token and a refresh token")

    script = Person(program, "ada")
    for label, token, right in (
        ("renew a token, not a token", "nonsense", False),
        ("renew a token", tokens["refresh_token"], True),
        ("renew a token, used before", tokens["refresh_token"], False),
    ):
        answer = script.json(label, "/refresh-token", REFRESH, {"refresh_token": token})
        if right:
            renewed = answer.json()["response"]["user"]["authentication_token"]
            me = script.browser.peek("GET", "/me", headers={"Authentication-Token": renewed})
            assert me.json()["email"] == ada.email
            done(answer, 200, "the new access token opens /me")
        else:
            refused(answer, 400, "400: refresh token is invalid")
    answer = script.form("renew a token by form", "/refresh-token", REFRESH, {"refresh_token": "x"})
    refused(answer, 400, "400: only JSON is taken")


def no_attempts(program: Program) -> None:
    """Do what is no attempt to sign in or out."""
    somebody = Person(program, "ada")
    page(somebody.get("login page", "/login"), 200)
    page(somebody.get("home page", "/"), 200)
    page(somebody.get("protected page, signed out", "/me"), 302, "the program's own page")
    page(somebody.get("protected page by script", "/me", headers=JSON), 401, "the program's own")
    page(somebody.get("no such page", "/login/nowhere"), 404, "there is nothing")
    page(somebody.form("unrelated form", "/articles", None, {}), 201, "the program's own")
    for method in ("HEAD", "OPTIONS", "PUT", "DELETE"):
        answer = somebody.browser.send(f"{method} of the login", method, "/login", action=None)
        page(answer, 200 if method in ("HEAD", "OPTIONS") else 405, "no attempt")
