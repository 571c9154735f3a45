"""Passkeys: registered, used as first and as second factor, used to prove it is still you."""

from __future__ import annotations

import json
from typing import Any

import requests
from people import SAME_PAGE, Person, always, done, mailed_code, page, refused, sent_to
from program import Program
from second_factor import first_factor

START = "WebAuthnRegisterStart"
REGISTER = "WebAuthnRegister"
BEGIN = "WebAuthnAuthenticateStart"
CHECK = "WebAuthnAuthenticate"
DELETE = "DeleteUserWebAuthnRegistration"
SAME_PLACE = always("error seen as success: 302 to the page of the passkeys either way")


def passkeys(program: Program) -> None:
    """Make the requests of this module."""
    betty = Person(program, "betty")
    register(program, betty)
    sign_in(program)
    verify(program)
    delete(program, betty)
    second_factor(program)


def key(program: Program, what: str, options: dict[str, Any]) -> dict[str, str]:
    """Ask the security key; return the form field that a page sends."""
    where = (program.data_dir / "provider.txt").read_text()
    told = {"options": options, "origin": program.url}
    answer = requests.post(f"{where}/key/{what}", json=told, timeout=30).json()
    return {"credential": json.dumps(answer)}


def options_of(person: Person, path: str, **data: str) -> tuple[dict[str, Any], str]:
    """Begin outside of the capture; return what the key is asked, and the token to answer with."""
    told = person.browser.peek(
        "POST",
        path,
        json={**data, "csrf_token": person.csrf_token()},
        headers={"Accept": "application/json"},
    ).json()["response"]
    return told["credential_options"], told["wan_state"]


def known(person: Person) -> list[str]:
    """Return the names of a user's passkeys."""
    told = person.browser.peek(
        "GET", "/wan-register", headers={"Accept": "application/json"}
    ).json()
    return [one["name"] for one in told["response"]["registered_credentials"]]


def register(program: Program, betty: Person) -> None:
    """Register a passkey."""
    where, name = "/wan-register", {"name": "first", "usage": "first"}
    answer = betty.form("passkey form, signed out", where, START, name)
    sent_to(answer, "/login", "nobody is signed in")
    answer = betty.json("passkey JSON, signed out", where, START, name)
    refused(answer, 401, "401: nobody is signed in")
    betty.sign_in()
    betty.restart()
    answer = betty.form("passkey form, login too old", where, START, name)
    sent_to(answer, "/us-verify", "a fresh login is asked for")
    betty.browser = program.browser()
    betty.sign_in()
    page(betty.get("passkey page", where), 200)
    answer = betty.form("passkey form, no name", where, START, {})
    assert answer.status == 200
    assert "credential_options" not in answer.text
    answer.was("error", "the form again, without a challenge", known_limit=SAME_PAGE)
    answer = betty.json("passkey JSON, no name", where, START, {})
    refused(answer, 400, "400: no name")
    answer = betty.form("passkey form", where, START, name)
    done(answer, 200, "the page holds a challenge")
    answer = betty.json("passkey JSON", where, START, name)
    told = answer.json()["response"]
    done(answer, 200, "the answer holds a challenge")
    prove(program, betty, told)


def prove(program: Program, betty: Person, told: dict[str, Any]) -> None:
    """Answer the challenge."""
    route, path = "/wan-register/<token>", "/wan-register/" + told["wan_state"]
    good = key(program, "create", told["credential_options"])
    bad = {"credential": "{}"}
    for label, where, data in (
        ("not a passkey", path, bad),
        ("bad token", "/wan-register/nonsense", good),
    ):
        answer = betty.form(f"new passkey form, {label}", where, REGISTER, data, route=route)
        assert answer.location == "/wan-register"
        assert not known(betty)
        answer.was("error", "there is no such passkey", known_limit=SAME_PLACE)
        answer = betty.json(f"new passkey JSON, {label}", where, REGISTER, data, route=route)
        refused(answer, 400, "400; there is no such passkey")
    answer = Person(program, "betty").form(
        "new passkey form, signed out", path, REGISTER, good, route=route
    )
    sent_to(answer, "/login", "nobody is signed in")
    answer = betty.form("new passkey form", path, REGISTER, good, route=route)
    assert known(betty) == ["first"]
    done(answer, 302, "the passkey is there")
    options, token = options_of(betty, "/wan-register", name="other", usage="first")
    good = key(program, "create", options)
    answer = betty.json("new passkey JSON", f"/wan-register/{token}", REGISTER, good, route=route)
    assert known(betty) == ["first", "other"]
    done(answer, 200, "the passkey is there")


def sign_in(program: Program) -> None:
    """Sign in with a passkey alone."""
    betty, route = Person(program, "betty"), "/wan-signin/<token>"
    page(betty.get("passkey login page", "/wan-signin"), 200)
    answer = betty.form("passkey login form, begin", "/wan-signin", BEGIN, {})
    done(answer, 200, "the page holds a challenge")
    answer = betty.json("passkey login JSON, begin", "/wan-signin", BEGIN, {})
    told = answer.json()["response"]
    done(answer, 200, "the answer holds a challenge")
    path, good = (
        "/wan-signin/" + told["wan_state"],
        key(program, "sign", told["credential_options"]),
    )
    old, _ = options_of(betty, "/wan-signin")
    for label, where, data in (
        ("not a passkey", path, {"credential": "{}"}),
        ("another challenge", path, key(program, "sign", old)),
        ("bad token", "/wan-signin/nonsense", good),
    ):
        answer = betty.form(f"passkey login form, {label}", where, CHECK, data, route=route)
        assert not betty.is_signed_in()
        sent_to(answer, "/wan-signin", "/me is refused afterwards")
        answer = betty.json(f"passkey login JSON, {label}", where, CHECK, data, route=route)
        assert not betty.is_signed_in()
        refused(answer, 400, "400; /me is refused afterwards")
    answer = betty.form("passkey login form", path, CHECK, good, route=route)
    assert betty.is_signed_in()
    done(answer, 302, "/me knows the user afterwards")
    answer = betty.form("passkey login form, already signed in", "/wan-signin", None, {})
    assert answer.location == "/"
    answer.was("none", "sent on to the start page")
    betty = Person(program, "betty")
    options, token = options_of(betty, "/wan-signin")
    good = key(program, "sign", options)
    answer = betty.json("passkey login JSON", f"/wan-signin/{token}", CHECK, good, route=route)
    assert betty.is_signed_in()
    done(answer, 200, "/me knows the user afterwards")


def verify(program: Program) -> None:
    """Prove once more who one is."""
    betty, route = Person(program, "betty"), "/wan-verify/<token>"
    answer = betty.form("passkey proof form, signed out", "/wan-verify", BEGIN, {})
    sent_to(answer, "/login", "nobody is signed in")
    betty.sign_in()
    betty.restart()
    answer = betty.form("passkey proof form, begin", "/wan-verify", BEGIN, {})
    done(answer, 200, "the page holds a challenge")
    options, token = options_of(betty, "/wan-verify")
    path, bad = f"/wan-verify/{token}", {"credential": "{}"}
    answer = betty.form("passkey proof form, not a passkey", path, CHECK, bad, route=route)
    assert betty.browser.peek("GET", "/change-email").status == 302
    sent_to(answer, "/wan-verify", "pages that ask for a fresh login stay closed")
    answer = betty.json("passkey proof JSON, not a passkey", path, CHECK, bad, route=route)
    refused(answer, 400, "400: not a passkey")
    good = key(program, "sign", options)
    answer = Person(program, "betty").form(
        "passkey proof form, key of somebody signed out", path, CHECK, good, route=route
    )
    sent_to(answer, "/login", "nobody is signed in")
    answer = betty.form("passkey proof form", path, CHECK, good, route=route)
    assert betty.browser.peek("GET", "/change-email").status == 200
    done(answer, 302, "pages that ask for a fresh login open afterwards, and did not before")


def delete(program: Program, betty: Person) -> None:
    """Remove passkeys."""
    nobody = Person(program, "betty")
    answer = nobody.form(
        "remove passkey form, signed out", "/wan-delete", DELETE, {"name": "first"}
    )
    sent_to(answer, "/login", "nobody is signed in")
    nobody.sign_in()
    nobody.restart()
    name = "remove passkey form, login too old"
    answer = nobody.form(name, "/wan-delete", DELETE, {"name": "first"})
    sent_to(answer, "/us-verify", "a fresh login is asked for")
    assert known(betty) == ["first", "other"]
    answer = betty.form("remove passkey form, no such", "/wan-delete", DELETE, {"name": "third"})
    assert answer.location == "/wan-register"
    answer.was("error", "nothing is removed", known_limit=SAME_PLACE)
    answer = betty.json("remove passkey JSON, no such", "/wan-delete", DELETE, {"name": "third"})
    refused(answer, 400, "400: no such passkey")
    answer = betty.form("remove passkey form", "/wan-delete", DELETE, {"name": "first"})
    assert known(betty) == ["other"]
    done(answer, 302, "the passkey is gone")
    answer = betty.json("remove passkey JSON", "/wan-delete", DELETE, {"name": "other"})
    assert not known(betty)
    done(answer, 200, "the passkey is gone")


def second_factor(program: Program) -> None:
    """Sign in with a password and a passkey."""
    jean, route = Person(program, "jean"), "/wan-signin/<token>"
    jean.sign_in()
    options, token = options_of(jean, "/wan-register", name="second", usage="secondary")
    data = {**key(program, "create", options), "csrf_token": jean.csrf_token()}
    jean.browser.peek("POST", f"/wan-register/{token}", data=data)
    assert known(jean) == ["second"]
    jean = Person(program, "jean")
    first_factor(jean, "login form, passkey due", place="/wan-signin")
    options, token = options_of(jean, "/wan-signin")
    bad, path = {"credential": "{}"}, f"/wan-signin/{token}"
    answer = jean.form("passkey after password form, not a passkey", path, CHECK, bad, route=route)
    assert not jean.is_signed_in()
    sent_to(answer, "/wan-signin", "/me is refused afterwards")
    good = key(program, "sign", options)
    answer = jean.form("passkey after password form", path, CHECK, good, route=route)
    assert jean.is_signed_in()
    done(answer, 302, "/me knows the user afterwards")

    ida = Person(program, "ida")
    first_factor(ida, "login form, before a second way is set up")
    ida.browser.peek(
        "POST",
        "/tf-validate",
        data={"code": mailed_code(program, ida.email), "csrf_token": ida.csrf_token()},
    )
    assert ida.is_signed_in()
    options, token = options_of(ida, "/wan-register", name="second", usage="secondary")
    data = {**key(program, "create", options), "csrf_token": ida.csrf_token()}
    ida.browser.peek("POST", f"/wan-register/{token}", data=data)
    assert known(ida) == ["second"]
    ida = Person(program, "ida")
    first_factor(ida, "login form, two ways due", place="/tf-select")
    page(ida.get("choice page", "/tf-select"), 200)
    answer = ida.form("choice form", "/tf-select", None, {"which": "webauthn"})
    assert answer.location.startswith("/wan-signin")
    page(answer, 302, "only a choice; /me is still refused")
