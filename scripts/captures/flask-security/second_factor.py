"""A second factor: set up, asked for, lost, switched off."""

from __future__ import annotations

import re
from typing import Any

from people import (
    JSON,
    SAME_PAGE,
    Person,
    again,
    always,
    done,
    mailed_code,
    mails,
    page,
    refused,
    row,
    sent_to,
)
from program import Answer, Program
from totp import code

LOGIN = "PasswordsAuthenticate"
CREATE = "TOTPsCreate"
CHECK = "TOTPsAuthenticate"
RECOVER = "TOTPsRecover"
CODES = "TOTPsGetRecoveryCodes"
SETUP_TOKEN = "/tf-setup/<token>"


SAME_PLACE = always("error seen as success: 302 to the setup page either way")
BODY_TELLS = always("success+second_factor seen as success: 200 either way, the body tells")
DISABLED = always(f"DeleteUserTOTP seen as {CREATE}: the body of the request tells")
BY_MAIL = always(f"OTPsAuthenticate seen as {CHECK}: the session tells which kind of code it is")
PLACE_TELLS = {"default": "success+second_factor seen as success: the Location header tells"}


def second_factor(program: Program) -> None:
    """Make the requests of this module."""
    secret = set_up(program)
    login(program, secret)
    login_with_setup(program)
    login_by_mail(program)
    codes = recovery_codes(program, secret)
    recover(program, codes)
    rescue(program)
    switch_off(program, secret)


def set_up(program: Program) -> str:
    """Set up an authenticator app; return its secret."""
    alan, choice = Person(program, "alan"), {"setup": "authenticator"}
    page(alan.get("setup page, signed out", "/tf-setup"), 302)
    answer = alan.form("setup form, signed out", "/tf-setup", CREATE, choice)
    sent_to(answer, "/login", "nobody is signed in")
    answer = alan.json("setup JSON, signed out", "/tf-setup", CREATE, choice)
    refused(answer, 400, "400: nobody is signed in")
    alan.sign_in()
    alan.restart()
    answer = alan.form("setup form, login too old", "/tf-setup", CREATE, choice)
    sent_to(answer, "/us-verify", "a fresh login is asked for")
    answer = alan.json("setup JSON, login too old", "/tf-setup", CREATE, choice)
    refused(answer, 401, "401: a fresh login is asked for")
    alan = Person(program, "alan")
    alan.sign_in()
    page(alan.get("setup page", "/tf-setup"), 200)
    answer = alan.form("setup form, no such method", "/tf-setup", CREATE, {"setup": "pigeon"})
    assert answer.status == 200
    answer.was("error", "the form again, without a secret", known_limit=SAME_PAGE)
    answer = alan.json("setup JSON, no such method", "/tf-setup", CREATE, {"setup": "pigeon"})
    refused(answer, 400, "400: no such method")
    answer = alan.form("setup form", "/tf-setup", CREATE, choice)
    found = re.search(r"<div>([A-Z2-7-]{20,})</div>", answer.text)
    token = re.search(r'"/tf-setup/([^"]+)"', answer.text)
    assert found
    assert token
    done(answer, 200, "the page shows a secret for the app")
    prove_by_form(program, alan, "/tf-setup/" + token[1], found[1].replace("-", ""))
    return prove_by_json(program, alan)


def prove_by_form(program: Program, alan: Person, path: str, secret: str) -> None:
    """Give the first code of a new secret in a form."""
    good = {"code": code(secret)}
    for label, where, data in (
        ("wrong code", path, {"code": "000000"}),
        ("no code", path, {}),
        ("bad token", "/tf-setup/nonsense", good),
    ):
        answer = alan.form(f"first code form, {label}", where, CHECK, data, route=SETUP_TOKEN)
        assert answer.location == "/tf-setup"
        assert not (row(program, alan.email) or {})["tf_primary_method"]
        answer.was("error", "the second factor is not set", known_limit=SAME_PLACE)
    answer = Person(program, "alan").form(
        "first code form, signed out", path, CHECK, good, route=SETUP_TOKEN
    )
    sent_to(answer, "/login", "nobody is signed in")
    answer = alan.form("first code form", path, CHECK, good, route=SETUP_TOKEN)
    assert (row(program, alan.email) or {})["tf_primary_method"] == "authenticator"
    done(answer, 302, "the second factor is set")


def prove_by_json(program: Program, alan: Person) -> str:
    """Set up another app by JSON; return its secret."""
    answer = alan.json("setup JSON", "/tf-setup", CREATE, {"setup": "authenticator"})
    told = answer.json()["response"]
    secret, path = str(told["tf_authr_b32key"]), "/tf-setup/" + told["tf_state_token"]
    done(answer, 200, "the answer holds a secret for the app")
    before = (row(program, alan.email) or {})["tf_totp_secret"]
    bad = {"code": "000000"}
    answer = alan.json("first code JSON, wrong code", path, CHECK, bad, route=SETUP_TOKEN)
    refused(answer, 400, "400: invalid code")
    good = {"code": code(secret)}
    where = "/tf-setup/nonsense"
    answer = alan.json("first code JSON, bad token", where, CHECK, good, route=SETUP_TOKEN)
    refused(answer, 400, "400: bad token")
    answer = alan.json("first code JSON", path, CHECK, good, route=SETUP_TOKEN)
    assert (row(program, alan.email) or {})["tf_totp_secret"] != before
    done(answer, 200, "the new secret is set")
    return secret


def first_factor(person: Person, label: str, *, place: str = "/tf-validate") -> str:
    """Give the right password in a form, where a second factor is due; return where one is sent."""
    answer = person.form(label, "/login", LOGIN, right(person))
    assert answer.status == 302
    assert answer.location.partition("?")[0] == place, answer.location
    half_way(person, answer, PLACE_TELLS)
    return answer.location


def right(person: Person) -> dict[str, Any]:
    """Return what a login takes."""
    return {"email": person.email, "password": person.password}


def half_way(person: Person, answer: Answer, limit: dict[str, str]) -> None:
    """Say that the first factor was right, and the second one is due."""
    assert not person.is_signed_in()
    why = "sent to the second factor; /me is still refused"
    answer.was("success", why, next_step="second_factor", known_limit=limit)


def login(program: Program, secret: str) -> None:
    """Sign in with password and code."""
    alan = Person(program, "alan")
    page(alan.get("code page, no password before", "/tf-validate"), 302)
    data = {"code": code(secret)}
    answer = alan.form("code form, no password before", "/tf-validate", CHECK, data)
    sent_to(answer, "/login", "nobody gave a password before")
    answer = alan.json("code JSON, no password before", "/tf-validate", CHECK, data)
    refused(answer, 400, "400: nobody gave a password before")

    answer = alan.form(
        "login form, wrong password, has a second factor",
        "/login",
        LOGIN,
        {**right(alan), "password": "wrong"},
    )
    again(answer, "the form again")
    first_factor(alan, "login form, second factor due")
    page(alan.get("code page", "/tf-validate"), 200)
    for label, bad in (("wrong code", {"code": "000000"}), ("no code", {})):
        answer = alan.form(f"code form, {label}", "/tf-validate", CHECK, bad)
        assert not alan.is_signed_in()
        again(answer, "the form again; /me is refused")
        answer = alan.json(f"code JSON, {label}", "/tf-validate", CHECK, bad)
        refused(answer, 400, "400: invalid code")
    answer = alan.form("code form", "/tf-validate", CHECK, {"code": code(secret)})
    assert alan.is_signed_in()
    done(answer, 302, "/me knows the user afterwards")

    # The page's form goes to where the page was fetched from, and its `next` is the login page.
    alan = Person(program, "alan")
    where = first_factor(alan, "login form, second factor due again")
    assert where.endswith("/login")
    answer = alan.form("code form, as its page sends it", where, CHECK, {"code": code(secret)})
    assert alan.is_signed_in()
    assert answer.location.endswith("/login")
    done(answer, 302, "/me knows the user afterwards, who is sent to the login page and on")
    alan = Person(program, "alan")
    answer = alan.form(
        "code form, as its page sends it, too late", where, CHECK, {"code": "000000"}
    )
    sent_to(answer, "/login", "nobody gave a password before")

    alan = Person(program, "alan")
    answer = alan.form(
        "login form with next, second factor due",
        "/login?next=/me",
        LOGIN,
        {**right(alan), "next": "/me"},
    )
    assert answer.location.startswith("/tf-validate?next=")
    half_way(alan, answer, PLACE_TELLS)
    alan = Person(program, "alan")
    answer = alan.json("login JSON, second factor due", "/login", LOGIN, right(alan))
    assert answer.json()["response"]["tf_required"] is True
    half_way(alan, answer, BODY_TELLS)
    answer = alan.json("code JSON", "/tf-validate", CHECK, {"code": code(secret)})
    assert alan.is_signed_in()
    done(answer, 200, "/me knows the user afterwards")


def login_with_setup(program: Program) -> None:
    """Sign in where a second factor must be set up first."""
    edsger = Person(program, "edsger")
    first_factor(edsger, "login form, second factor to be set up", place="/tf-setup")
    answer = edsger.form("setup form during login", "/tf-setup", CREATE, {"setup": "authenticator"})
    found = re.search(r"<div>([A-Z2-7-]{20,})</div>", answer.text)
    assert found
    done(answer, 200, "the page shows a secret for the app")
    answer = edsger.form("code form, wrong first code", "/tf-validate", CHECK, {"code": "000000"})
    again(answer, "the form again")
    data = {"code": code(found[1].replace("-", ""))}
    answer = edsger.form("code form, first code", "/tf-validate", CHECK, data)
    assert edsger.is_signed_in()
    done(answer, 302, "/me knows the user afterwards")


def login_by_mail(program: Program) -> None:
    """Have the code mailed."""
    ida = Person(program, "ida")
    ida.sign_in()
    answer = ida.json("setup JSON, by mail", "/tf-setup", CREATE, {"setup": "email"})
    path = "/tf-setup/" + answer.json()["response"]["tf_state_token"]
    assert len(mails(program, ida.email)) == 1
    done(answer, 200, "a code was mailed")
    data = {"code": mailed_code(program, ida.email)}
    answer = ida.json("first code JSON, by mail", path, "OTPsAuthenticate", data, route=SETUP_TOKEN)
    assert (row(program, ida.email) or {})["tf_primary_method"] == "email"
    assert answer.status == 200
    answer.was("success", "the second factor is set", known_limit=BY_MAIL)
    ida = Person(program, "ida")
    first_factor(ida, "login form, code by mail due")
    assert len(mails(program, ida.email)) == 2
    data = {"code": mailed_code(program, ida.email)}
    answer = ida.form("code form, by mail", "/tf-validate", "OTPsAuthenticate", data)
    assert ida.is_signed_in()
    assert answer.status == 302
    answer.was("success", "/me knows the user afterwards", known_limit=BY_MAIL)


def recovery_codes(program: Program, secret: str) -> list[str]:
    """Get recovery codes; return them."""
    where, alan = "/mf-recovery-codes", Person(program, "alan")
    page(alan.get("recovery codes page, signed out", where), 302)
    answer = alan.form("new recovery codes form, signed out", where, CODES, {})
    sent_to(answer, "/login", "nobody is signed in")
    answer = alan.json("new recovery codes JSON, signed out", where, CODES, {})
    refused(answer, 401, "401: nobody is signed in")
    answer = alan.get("recovery codes by script, signed out", where, CODES, headers=JSON)
    refused(answer, 401, "401: nobody is signed in")
    old = Person(program, "ada")
    old.sign_in()
    old.restart()
    answer = old.form("new recovery codes form, login too old", where, CODES, {})
    sent_to(answer, "/us-verify", "a fresh login is asked for")
    sign_in(alan, secret)
    page(alan.get("recovery codes page", where), 200)
    answer = alan.form("new recovery codes form", where, CODES, {"generate_new_codes": "y"})
    assert row(program, alan.email)
    done(answer, 200, "the page shows new codes")
    answer = alan.json("new recovery codes JSON", where, CODES, {})
    codes = answer.json()["response"]["recovery_codes"]
    assert codes
    done(answer, 200, "the answer holds new codes")
    answer = alan.get("recovery codes shown", where + "?show_codes=y", CODES, route=where)
    assert codes[0] in answer.text
    done(answer, 200, "the page shows the codes")
    answer = alan.get("recovery codes by script", where, CODES, headers=JSON)
    assert answer.json()["response"]["recovery_codes"] == codes
    limit = {"default": "success seen as none: 200, and no content type to see that it is no page"}
    answer.was("success", "the answer holds the codes", known_limit=limit)
    return list(codes)


def sign_in(alan: Person, secret: str) -> None:
    """Sign in with both factors outside of the capture."""
    for path, data in (("/login", right(alan)), ("/tf-validate", {"code": code(secret)})):
        alan.browser.peek("POST", path, data={**data, "csrf_token": alan.csrf_token()})
    assert alan.is_signed_in()


def recover(program: Program, codes: list[str]) -> None:
    """Use recovery codes instead of the app."""
    alan = Person(program, "alan")
    data = {"code": codes[0]}
    page(alan.get("recovery page, no password before", "/mf-recovery"), 302)
    answer = alan.form("recovery form, no password before", "/mf-recovery", RECOVER, data)
    sent_to(answer, "/login", "nobody gave a password before")
    answer = alan.json("recovery JSON, no password before", "/mf-recovery", RECOVER, data)
    refused(answer, 400, "400: nobody gave a password before")
    first_factor(alan, "login form, recovery code to come")
    page(alan.get("recovery page", "/mf-recovery"), 200)
    answer = alan.form("recovery form, wrong code", "/mf-recovery", RECOVER, {"code": "nonsense"})
    assert not alan.is_signed_in()
    again(answer, "the form again; /me is refused")
    answer = alan.json("recovery JSON, wrong code", "/mf-recovery", RECOVER, {"code": "nonsense"})
    refused(answer, 400, "400: invalid code")
    answer = alan.form("recovery form", "/mf-recovery", RECOVER, data)
    assert alan.is_signed_in()
    done(answer, 302, "/me knows the user afterwards")
    alan = Person(program, "alan")
    first_factor(alan, "login form, used recovery code to come")
    answer = alan.form("recovery form, used code", "/mf-recovery", RECOVER, data)
    again(answer, "the form again: codes work once")
    answer = alan.json("recovery JSON", "/mf-recovery", RECOVER, {"code": codes[1]})
    assert alan.is_signed_in()
    done(answer, 200, "/me knows the user afterwards")


def rescue(program: Program) -> None:
    """Ask for help to get past the second factor."""
    alan, where = Person(program, "alan"), "/tf-rescue"
    answer = alan.form("rescue form, no password before", where, RECOVER, {"help_setup": "help"})
    sent_to(answer, "/login", "nobody gave a password before")
    answer = alan.json("rescue JSON, no password before", where, RECOVER, {"help_setup": "help"})
    refused(answer, 400, "400: nobody gave a password before")
    first_factor(alan, "login form, help to come")
    page(alan.get("rescue page", where), 200)
    answer = alan.form("rescue form, mail to the operators", where, RECOVER, {"help_setup": "help"})
    assert len(mails(program, "help@example.com")) == 1
    done(answer, 200, "a mail was sent")
    count = len(mails(program, alan.email))
    answer = alan.form("rescue form, code by mail", where, RECOVER, {"help_setup": "email"})
    assert len(mails(program, alan.email)) == count + 1
    done(answer, 200, "a code was mailed")
    answer = alan.json("rescue JSON, code by mail", where, RECOVER, {"help_setup": "email"})
    assert len(mails(program, alan.email)) == count + 2
    done(answer, 200, "a code was mailed")
    answer = alan.form("rescue form, no such help", where, RECOVER, {"help_setup": "pigeon"})
    assert answer.status == 200
    answer.was("error", "the form again; nothing was sent", known_limit=SAME_PAGE)
    answer = alan.json("rescue JSON, no such help", where, RECOVER, {"help_setup": "pigeon"})
    refused(answer, 400, "400: no such help")
    answer = alan.form(
        "rescue form, has a recovery code", where, None, {"help_setup": "recovery_code"}
    )
    assert answer.status == 302
    assert answer.location == "/mf-recovery"
    limit = {"default": f"none seen as {RECOVER} success: the Location header tells"}
    answer.was("none", "sent on to the page for recovery codes", known_limit=limit)


def switch_off(program: Program, secret: str) -> None:
    """Do without a second factor again."""
    alan = Person(program, "alan")
    sign_in(alan, secret)
    answer = alan.form("switch off form", "/tf-setup", "DeleteUserTOTP", {"setup": "disable"})
    assert not (row(program, alan.email) or {})["tf_primary_method"]
    assert answer.status == 302
    answer.was("success", "the second factor is gone", known_limit=DISABLED)
    answer = alan.json("switch off JSON", "/tf-setup", "DeleteUserTOTP", {"setup": "disable"})
    assert answer.status == 200
    answer.was("success", "there is no second factor", known_limit=DISABLED)
