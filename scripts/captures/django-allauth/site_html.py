"""What people do with the account pages of django-allauth."""

from __future__ import annotations

from typing import Any

from allauth_people import Person, in_mail, mails, password_of, value

PASSWORD = "correct horse battery"
NEW = "staple staple staple"
LOGIN = "/accounts/login/"

ALIKE = "without Location every 302 is alike"
ERROR_302 = {"default": f"error seen as success: {ALIKE}"}
SECOND_FACTOR = {"default": f"success+second_factor seen as success: {ALIKE}"}
VERIFY_MAIL = {"default": f"success+email_verification seen as success: {ALIKE}"}
AJAX = {"default": "success seen as error: without content type JSON looks like the form again"}
SIGNED_IN = "who is signed in is sent on unseen, with the same 302 as after a success"


def both(limit: str) -> dict[str, str]:
    """Return a limit that neither variant can show."""
    return {"default": limit, "stable": limit}


def form(name: str, password: str = PASSWORD) -> dict[str, str]:
    """Return the form that signs somebody in."""
    return {"login": f"{name}@example.com", "password": password}


def signed_in(program: Any, name: str, password: str = PASSWORD) -> Person:
    """Return somebody who is signed in; leaves no span."""
    person = Person(program)
    person.quietly(LOGIN, form(name, password))
    if person.who() is None:
        raise ValueError(f"{name} could not sign in")
    return person


def drive(program: Any) -> None:
    """Do everything."""
    pages(program)
    login(program)
    login_sent_on(program)
    login_limited(program)
    logout(program)
    signup(program)
    confirm_mail(program)
    change_password(program)
    set_password(program)
    forgot_password(program)
    reset_password(program)
    reauthenticate(program)
    addresses(program)


def pages(program: Any) -> None:
    """Look around without attempting anything."""
    visitor = Person(program)
    for label, path in (
        ("a page that has nothing to do with auth", "/about/"),
        ("the login page", LOGIN),
        ("the signup page", "/accounts/signup/"),
        ("the page that asks for a reset", "/accounts/password/reset/"),
        ("the page that asks for a code", "/accounts/login/code/"),
        ("an address that there is not", "/accounts/nothing/"),
        ("a page for members, nobody signed in", "/accounts/password/change/"),
    ):
        visitor.get(label, path).was("none", "a page was looked at")
    for method in ("HEAD", "OPTIONS", "PUT"):
        headers = {"X-CSRFToken": visitor.csrf()}
        label = f"{method} of the login page"
        answer = visitor.browser.send(label, method, LOGIN, action=None, headers=headers)
        if method == "PUT":
            # The view treats it as POST, without a form.
            answer.was("none", f"{answer.status}, no form was sent")
        else:
            answer.was("none", f"{answer.status}, no login was sent")


def login(program: Any) -> None:
    """Sign in, wrong and right."""
    action = "PasswordsAuthenticate"
    ada = Person(program)
    for label, sent in (
        ("login, wrong password", form("ada", "wrong")),
        ("login, unknown user", form("nobody")),
        ("login, nothing filled in", {}),
    ):
        answer = ada.post(label, LOGIN, sent, action=action)
        answer.was("error" if ada.who() is None else "success", "the form again, nobody signed in")
    answer = ada.browser.send(
        "login, no CSRF token", "POST", LOGIN, action=action, data=form("ada")
    )
    answer.was("error" if ada.who() is None else "success", "refused, nobody signed in")
    answer = ada.post("login", LOGIN, form("ada"), action=action)
    answer.was("success" if ada.who() == "ada" else "error", "signed in")
    answer = ada.post("login, signed in already", LOGIN, form("ada", "wrong"), action=None)
    answer.was(
        "none",
        "nothing was checked: the password was wrong",
        known_limit=both(f"none seen as PasswordsAuthenticate success: {SIGNED_IN}"),
    )
    gustav, ajax = Person(program), {"X-Requested-With": "XMLHttpRequest"}
    answer = gustav.post(
        "login by AJAX, wrong password", LOGIN, form("gustav", "no"), action=action, headers=ajax
    )
    answer.was("error" if gustav.who() is None else "success", "JSON, nobody signed in")
    answer = gustav.post("login by AJAX", LOGIN, form("gustav"), action=action, headers=ajax)
    answer.was(
        "success" if gustav.who() == "gustav" else "error", "JSON, signed in", known_limit=AJAX
    )
    answer = Person(program).post(
        "login, to a page of its own", f"{LOGIN}?next=/about/", form("brian"), action=action
    )
    answer.was("success" if answer.location == "/about/" else "error", "sent to the page asked for")


def login_sent_on(program: Any) -> None:
    """Send the right password and not be in."""
    action = "PasswordsAuthenticate"
    newcomer = Person(program)
    answer = newcomer.post("login, address not confirmed", LOGIN, form("newcomer"), action=action)
    answer.was(
        "success" if newcomer.who() is None and answer.location.endswith("/confirm-email/") else "",
        "the password was right; a mail was sent and must be answered first",
        next_step="email_verification",
        known_limit=VERIFY_MAIL,
    )
    retired = Person(program)
    answer = retired.post("login, account not active", LOGIN, form("retired"), action=action)
    answer.was(
        "error" if retired.who() is None else "success",
        "told that the account is not active",
        known_limit=ERROR_302,
    )


def login_limited(program: Any) -> None:
    """Try too often."""
    action = "PasswordsAuthenticate"
    crowd = Person(program)
    while crowd.quietly(LOGIN, form("nobody")).status != 429:
        pass
    answer = crowd.post("login, too many from here", LOGIN, form("hanna"), action=action)
    answer.was("error" if crowd.who() is None else "success", "429")
    for _ in range(6):
        Person(program).quietly(LOGIN, form("ivan", "wrong"))
    ivan = Person(program)
    answer = ivan.post("login, too many for this user", LOGIN, form("ivan"), action=action)
    answer.was("error" if ivan.who() is None else "success", "the form again, password was right")


def logout(program: Any) -> None:
    """Sign out."""
    ada = signed_in(program, "ada")
    ada.get("the logout page", "/accounts/logout/").was("none", "it asks whether to sign out")
    answer = ada.post("logout", "/accounts/logout/", action="SessionsRevoke")
    answer.was("success" if ada.who() is None else "error", "nobody is signed in afterwards")
    answer = ada.post("logout, nobody signed in", "/accounts/logout/", action="SessionsRevoke")
    answer.was("success", "what was asked for holds: nobody is signed in")


def signup(program: Any) -> None:
    """Make an account."""
    path, action = "/accounts/signup/", "CreateUser"

    def sent(name: str, one: str = PASSWORD, two: str = PASSWORD) -> dict[str, str]:
        return {"email": f"{name}@example.com", "password1": one, "password2": two}

    def exists(name: str) -> bool:
        sql = "SELECT count(*) FROM auth_user WHERE email = ?"
        return bool(value(program, sql, f"{name}@example.com"))

    kim = Person(program)
    for label, data in (
        ("signup, two passwords that differ", sent("kim", PASSWORD, NEW)),
        ("signup, password too short", sent("kim", "short", "short")),
        ("signup, no address", {"email": "no", "password1": PASSWORD, "password2": PASSWORD}),
    ):
        answer = kim.post(label, path, data, action=action)
        answer.was("success" if exists("kim") else "error", "the form again, no such user")
    answer = kim.post("signup", path, sent("kim"), action=action)
    answer.was(
        "success" if exists("kim") and kim.who() is None else "error",
        "the user is there; the mail must be answered before it may sign in",
        next_step="email_verification",
        known_limit=VERIFY_MAIL,
    )
    before = value(program, "SELECT count(*) FROM auth_user")
    answer = Person(program).post("signup, address taken", path, sent("ada"), action=action)
    answer.was(
        "error" if value(program, "SELECT count(*) FROM auth_user") == before else "success",
        "no user was made; a mail tells the owner",
        known_limit={
            "default": "error seen as success: answered as a success, so that nobody can probe",
            "stable": "error seen as success+email_verification: answered as a success, so that "
            "nobody can probe",
        },
    )
    answer = signed_in(program, "ada").post("signup, signed in", path, sent("lee"), action=None)
    answer.was(
        "none" if not exists("lee") else "success",
        "nothing was tried",
        known_limit=both(f"none seen as CreateUser success: {SIGNED_IN}"),
    )


def confirm_mail(program: Any) -> None:
    """Follow the link in the mail."""
    route, action = "/accounts/confirm-email/<key>/", "MagicLinksAuthenticate"
    link = in_mail(program, "kim@example.com", r"(/accounts/confirm-email/[^/\s]+/)")
    kim = Person(program)
    kim.get("the page told after signup", "/accounts/confirm-email/").was("none", "a page")
    kim.get("the confirm page", link, route=route).was("none", "it has a button to confirm")
    bad = "/accounts/confirm-email/not-a-key/"
    kim.get("the confirm page of a bad link", bad, route=route).was(
        "none", "it says that it is bad"
    )
    answer = kim.post("confirm, bad key", bad, action=action, route=route)
    answer.was("error", f"{answer.status}, there is no such key")
    sql = "SELECT verified FROM account_emailaddress WHERE email = ?"
    answer = kim.post("confirm", link, action=action, route=route)
    answer.was(
        "success" if value(program, sql, "kim@example.com") else "error", "the address is confirmed"
    )


def change_password(program: Any) -> None:
    """Change a password that one knows."""
    path, action = "/accounts/password/change/", "PasswordsExistingPasswordReset"
    dora = signed_in(program, "dora")
    before = password_of(program, "dora@example.com")
    for label, old, new in (
        ("change password, wrong one", "wrong", NEW),
        ("change password, too short", PASSWORD, "short"),
        ("change password", PASSWORD, NEW),
    ):
        data = {"oldpassword": old, "password1": new, "password2": new}
        answer = dora.post(label, path, data, action=action)
        changed = password_of(program, "dora@example.com") != before
        answer.was("success" if changed else "error", f"the stored password changed: {changed}")
    answer = Person(program).post("change password, nobody signed in", path, {}, action=action)
    answer.was("error", "sent to the login page", known_limit=ERROR_302)


def set_password(program: Any) -> None:
    """Give a password to an account that has none."""
    path, action = "/accounts/password/set/", "PasswordsCreate"
    person, mail = Person(program), "passwordless@example.com"
    person.quietly("/accounts/login/code/", {"email": mail})
    code = in_mail(program, mail, r"\n\n([A-Z0-9-]{6,9})\n")
    person.quietly("/accounts/login/code/confirm/", {"code": code})
    before = password_of(program, mail)
    answer = person.post(
        "change password, has none",
        "/accounts/password/change/",
        {},
        action="PasswordsExistingPasswordReset",
    )
    answer.was("error", "sent to the page that sets one", known_limit=ERROR_302)
    for label, new in (("set password, too short", "short"), ("set password", NEW)):
        answer = person.post(label, path, {"password1": new, "password2": new}, action=action)
        changed = password_of(program, mail) != before
        answer.was("success" if changed else "error", f"the stored password changed: {changed}")
    answer = signed_in(program, "brian").post("set password, has one", path, {}, action=action)
    limit = both("error seen as success: a success is sent to the page that changes it as well")
    answer.was("error", "sent to the page that changes it", known_limit=limit)


def forgot_password(program: Any) -> None:
    """Ask for a mail with a link."""
    path, action = "/accounts/password/reset/", "PasswordsEmailResetStart"
    for label, mail in (
        ("forgot password", "emil@example.com"),
        ("forgot password, unknown user", "stranger@example.com"),
    ):
        before = len(mails(program, mail))
        answer = Person(program).post(label, path, {"email": mail}, action=action)
        sent = len(mails(program, mail)) > before
        answer.was("success" if sent else "error", "a mail was sent, to who is unknown as well")
    answer = Person(program).post("forgot password, no address", path, {}, action=action)
    answer.was("error", "the form again")
    julia = {"email": "julia@example.com"}
    while Person(program).quietly(path, julia).status != 429:
        pass
    before = len(mails(program, "julia@example.com"))
    answer = Person(program).post("forgot password, too often", path, julia, action=action)
    sent = len(mails(program, "julia@example.com")) > before
    answer.was("success" if sent else "error", "429, no mail")


def reset_password(program: Any) -> None:
    """Follow the link in that mail."""
    action, mail = "PasswordsEmailReset", "emil@example.com"
    route = "/accounts/password/reset/key/<uid>-<key>/"
    link = in_mail(program, mail, r"(/accounts/password/reset/key/[^/\s]+/)")
    bad = link[:-2] + "xx/"
    emil, before = Person(program), password_of(program, mail)
    answer = emil.get("reset link, bad key", bad, action=action, route=route)
    answer.was(
        "error",
        "the page says that the link is bad",
        known_limit={"stable": "error seen as none: the span has no path, only the route"},
    )
    answer = emil.get("reset link", link, route=route)
    answer.was("none", "sent on to the form")
    path = answer.location
    emil.get("reset form", path, route=route).was("none", "the form")
    for label, new in (("reset password, too short", "short"), ("reset password", NEW)):
        data = {"password1": new, "password2": new}
        answer = emil.post(label, path, data, action=action, route=route)
        changed = password_of(program, mail) != before
        answer.was("success" if changed else "error", f"the stored password changed: {changed}")
    data, before = {"password1": PASSWORD, "password2": PASSWORD}, password_of(program, mail)
    answer = Person(program).post("reset password, used", link, data, action=action, route=route)
    changed = password_of(program, mail) != before
    answer.was("success" if changed else "error", "the page says that the link is bad")


def reauthenticate(program: Any) -> None:
    """Confirm that one is still there."""
    path, action = "/accounts/reauthenticate/", "PasswordsAuthenticate"
    frida = signed_in(program, "frida")
    answer = frida.post("reauthenticate, wrong", path, {"password": "wrong"}, action=action)
    answer.was("error", "the form again")
    answer = frida.post("reauthenticate", path, {"password": PASSWORD}, action=action)
    answer.was("success" if answer.status == 302 else "error", "sent on")
    answer = Person(program).post("reauthenticate, nobody signed in", path, {}, action=action)
    answer.was("error", "sent to the login page", known_limit=ERROR_302)


def addresses(program: Any) -> None:
    """Manage one's mail addresses."""
    path, action = "/accounts/email/", "UpdateUser"
    frida = signed_in(program, "frida")
    sql = "SELECT count(*) FROM account_emailaddress WHERE email = ?"
    for label, mail in (("add address, none", "no"), ("add address", "fr2@example.com")):
        answer = frida.post(label, path, {"email": mail, "action_add": ""}, action=action)
        answer.was("success" if value(program, sql, mail) else "error", "whether it is listed")
    data = {"email": "fr2@example.com", "action_remove": ""}
    answer = frida.post("remove address", path, data, action=action)
    gone = not value(program, sql, "fr2@example.com")
    answer.was("success" if gone else "error", "it is no longer listed")
    answer = Person(program).post("add address, nobody signed in", path, {}, action=action)
    answer.was("error", "sent to the login page", known_limit=ERROR_302)
