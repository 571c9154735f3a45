"""What apps do with the headless API of django-allauth: accounts and passwords."""

from __future__ import annotations

from typing import Any

from allauth_apps import App, Script
from allauth_people import in_mail, mails, password_of, value

PASSWORD = "correct horse battery"
NEW = "battery staple horse"
FURTHER = "only the body names the step that is due"


def both(limit: str) -> dict[str, str]:
    """Return a limit that neither variant can show."""
    return {"default": limit, "stable": limit}


VERIFY_MAIL = both(f"success+email_verification seen as success+further_step: {FURTHER}")
SECOND_FACTOR = both(f"success+second_factor seen as success+further_step: {FURTHER}")
PROTECTED = both("error seen as success+further_step: answered alike, so that nobody can probe")


def credentials(name: str, password: str = PASSWORD) -> dict[str, str]:
    """Return the body that signs somebody in."""
    return {"email": f"{name}@example.com", "password": password}


def signed_in(program: Any, name: str, password: str = PASSWORD) -> App:
    """Return an app whose user is signed in; leaves no span."""
    app = App(program)
    app.quiet("POST", "auth/login", credentials(name, password))
    if not app.signed_in():
        raise ValueError(f"{name} could not sign in")
    return app


def trusted(program: Any, name: str, password: str = PASSWORD) -> App:
    """Return one whose user has just confirmed the password as well; leaves no span."""
    app = signed_in(program, name, password)
    app.quiet("POST", "auth/reauthenticate", {"password": password})
    return app


def word(ok: object) -> str:
    """Return the outcome's name."""
    return "success" if ok else "error"


def drive(program: Any) -> None:
    """Do everything."""
    looks(program)
    login(program)
    browser_login(program)
    session(program)
    signup(program)
    verify_mail(program)
    reset_password(program)
    change_password(program)
    reauthenticate(program)
    addresses(program)


def looks(program: Any) -> None:
    """Make requests that attempt nothing."""
    app = App(program)
    app.call("api: configuration", "GET", "config", action=None).was("none", "read by anybody")
    for method in ("GET", "HEAD", "OPTIONS"):
        answer = app.call(f"api: {method} of login", method, "auth/login", action=None)
        answer.was("none", f"{answer.status}, no login was sent")
    answer = app.call("api: an address that there is not", "POST", "auth/nothing", {}, action=None)
    answer.was("none", "there is nothing there")


def login(program: Any) -> None:
    """Sign in, wrong and right."""
    action = "PasswordsAuthenticate"
    app = App(program)
    for label, body in (
        ("api: login, wrong password", credentials("ada", "wrong")),
        ("api: login, unknown user", credentials("nobody")),
        ("api: login, nothing in it", {}),
    ):
        answer = app.call(label, "POST", "auth/login", body, action=action)
        answer.was(word(app.signed_in()), "refused")
    answer = app.call("api: login", "POST", "auth/login", credentials("ada"), action=action)
    answer.was(word(app.signed_in()), "the session works")
    answer = app.call(
        "api: login, signed in already", "POST", "auth/login", credentials("ada"), action=action
    )
    answer.was("error", "refused: somebody is signed in")
    app = App(program)
    answer = app.call(
        "api: login, address not confirmed",
        "POST",
        "auth/login",
        credentials("latecomer"),
        action=action,
    )
    pending = [flow["id"] for flow in answer.json()["data"]["flows"] if flow.get("is_pending")]
    answer.was(
        word(pending == ["verify_email"]),
        "the password was right; the mail must be answered",
        next_step="email_verification",
        known_limit=VERIFY_MAIL,
    )
    app = App(program)
    answer = app.call(
        "api: login, account not active",
        "POST",
        "auth/login",
        credentials("retired"),
        action=action,
    )
    answer.was(
        word(app.signed_in()),
        "nothing is pending, nobody is signed in",
        known_limit=both(f"error seen as success+further_step: {FURTHER}, or that none is"),
    )
    crowd = App(program)
    while crowd.quiet("POST", "auth/login", credentials("nobody")).status != 429:
        pass
    answer = crowd.call(
        "api: login, too many from here", "POST", "auth/login", credentials("ada"), action=action
    )
    answer.was(word(crowd.signed_in()), "429")


def browser_login(program: Any) -> None:
    """Sign in with cookies."""
    action = "PasswordsAuthenticate"
    page = Script(program)
    answer = page.browser.send(
        "api: login of a browser, no CSRF token",
        "POST",
        page.base + "auth/login",
        action=action,
        json=credentials("brian"),
    )
    answer.was(word(page.signed_in()), "refused")
    for label, password in (
        ("api: login of a browser, wrong password", "wrong"),
        ("api: login of a browser", PASSWORD),
    ):
        body = credentials("brian", password)
        answer = page.call(label, "POST", "auth/login", body, action=action)
        answer.was(word(page.signed_in()), "whether the session works")
    answer = page.call(
        "api: logout of a browser", "DELETE", "auth/session", action="SessionsRevoke"
    )
    answer.was(word(not page.signed_in()), "nobody is signed in afterwards")


def session(program: Any) -> None:
    """Ask for the session, refresh it, end it."""
    action, app = "SessionsAuthenticate", signed_in(program, "ada")
    answer = app.call("api: session", "GET", "auth/session", action=action)
    answer.was(word(answer.json()["meta"]["is_authenticated"]), "somebody")
    answer = App(program).call("api: session, nobody", "GET", "auth/session", action=action)
    answer.was("error", "nobody")
    for label, token in (
        ("api: refresh", app.tokens["refresh_token"]),
        ("api: refresh, bad token", "bad"),
    ):
        body = {"refresh_token": token}
        answer = app.call(label, "POST", "tokens/refresh", body, action=action)
        answer.was(
            word("access_token" in answer.json().get("data", {})), "whether there is a token"
        )
    other = signed_in(program, "ada")
    answer = app.call("api: sessions", "GET", "auth/sessions", action="SessionsGet")
    answer.was("success", "a list")
    others = [entry["id"] for entry in answer.json()["data"] if not entry["is_current"]]
    own = [entry["id"] for entry in answer.json()["data"] if entry["is_current"]]
    answer = App(program).call(
        "api: sessions, nobody", "GET", "auth/sessions", action="SessionsGet"
    )
    answer.was("error", "nobody is signed in")
    action = "SessionsRevoke"
    for label, who, ids in (
        ("api: end sessions, nobody", App(program), others),
        ("api: end sessions, unknown one", app, [987654]),
        ("api: end sessions", app, others),
    ):
        answer = who.call(label, "DELETE", "auth/sessions", {"sessions": ids}, action=action)
        answer.was(word(not other.signed_in()), "whether the other session still works")
    answer = app.call(
        "api: end own session", "DELETE", "auth/sessions", {"sessions": own}, action=action
    )
    answer.was(
        word(not app.signed_in()),
        "the session is over",
        known_limit=both("success seen as error: 401 as for somebody who is not signed in"),
    )
    answer = app.call("api: session, ended", "GET", "auth/session", action="SessionsAuthenticate")
    answer.was("error", "it is gone")
    answer = app.call("api: logout, ended session", "DELETE", "auth/session", action=action)
    answer.was("error", "it is gone already")
    app = signed_in(program, "ada")
    answer = app.call("api: logout", "DELETE", "auth/session", action=action)
    answer.was(word(not app.signed_in()), "nobody is signed in afterwards")
    answer = App(program).call(
        "api: logout, nobody signed in", "DELETE", "auth/session", action=action
    )
    answer.was("success", "what was asked for holds: nobody is signed in")


def signup(program: Any) -> None:
    """Make an account."""
    action, app = "CreateUser", App(program)
    sql = "SELECT count(*) FROM auth_user WHERE email = ?"
    for label, name, password in (
        ("api: signup, password too short", "petra", "short"),
        ("api: signup", "petra", PASSWORD),
    ):
        answer = app.call(label, "POST", "auth/signup", credentials(name, password), action=action)
        made = value(program, sql, f"{name}@example.com")
        due: dict[str, Any] = {"next_step": "email_verification", "known_limit": VERIFY_MAIL}
        answer.was(word(made), "whether the user is there", **(due if made else {}))
    before = value(program, "SELECT count(*) FROM auth_user")
    answer = App(program).call(
        "api: signup, address taken", "POST", "auth/signup", credentials("ada"), action=action
    )
    made = value(program, "SELECT count(*) FROM auth_user") != before
    answer.was(word(made), "no user was made; a mail tells the owner", known_limit=PROTECTED)
    answer = signed_in(program, "ada").call(
        "api: signup, signed in", "POST", "auth/signup", credentials("quentin"), action=action
    )
    answer.was("error", "refused: somebody is signed in")


def verify_mail(program: Any) -> None:
    """Hand in the key of the mail."""
    action, path = "MagicLinksAuthenticate", "auth/email/verify"
    key = in_mail(program, "petra@example.com", r"/accounts/confirm-email/([^/\s]+)/")
    key = key.replace("%3A", ":")
    app = App(program)
    answer = app.call(
        "api: look a key up", "GET", path, action=None, headers={"X-Email-Verification-Key": key}
    )
    answer.was("none", "it says whose key it is")
    sql = "SELECT verified FROM account_emailaddress WHERE email = 'petra@example.com'"
    for label, sent in (("api: verify address, bad key", "bad"), ("api: verify address", key)):
        answer = app.call(label, "POST", path, {"key": sent}, action=action)
        answer.was(word(value(program, sql)), f"{answer.status}, whether it is confirmed")
    answer = app.call(
        "api: send mail again, none is due", "POST", path + "/resend", action="MagicLinksEmailSend"
    )
    answer.was("error", "refused")


def reset_password(program: Any) -> None:
    """Forget a password."""
    action, path, mail = "PasswordsEmailResetStart", "auth/password/request", "gustav@example.com"
    for label, to in (
        ("api: forgot password", mail),
        ("api: forgot password, unknown user", "foreigner@example.com"),
        ("api: forgot password, no address", "no"),
    ):
        before = len(mails(program, to))
        answer = App(program).call(label, "POST", path, {"email": to}, action=action)
        answer.was(word(len(mails(program, to)) > before), "whether a mail was sent")
    key = in_mail(program, mail, r"/accounts/password/reset/key/([^/\s]+)/")
    action, path, app = "PasswordsEmailReset", "auth/password/reset", App(program)
    header = {"X-Password-Reset-Key": key}
    answer = app.call("api: look a reset key up", "GET", path, action=None, headers=header)
    answer.was("none", "it says whose key it is")
    before = password_of(program, mail)
    for label, sent, password in (
        ("api: reset password, bad key", "bad", NEW),
        ("api: reset password, too short", key, "short"),
        ("api: reset password", key, NEW),
        ("api: reset password, used key", key, PASSWORD),
    ):
        body = {"key": sent, "password": password}
        answer = app.call(label, "POST", path, body, action=action)
        after = password_of(program, mail)
        answer.was(word(after != before), f"{answer.status}, whether the password changed")
        before = after


def change_password(program: Any) -> None:
    """Change a password that one knows."""
    action, path, mail = (
        "PasswordsExistingPasswordReset",
        "account/password/change",
        "emil@example.com",
    )
    app, before = signed_in(program, "emil", "staple staple staple"), password_of(program, mail)
    for label, old, new in (
        ("api: change password, wrong one", "wrong", NEW),
        ("api: change password, too short", "staple staple staple", "short"),
        ("api: change password", "staple staple staple", NEW),
    ):
        body = {"current_password": old, "new_password": new}
        answer = app.call(label, "POST", path, body, action=action)
        answer.was(word(password_of(program, mail) != before), "whether the password changed")
    answer = App(program).call("api: change password, nobody", "POST", path, {}, action=action)
    answer.was("error", "nobody is signed in")


def reauthenticate(program: Any) -> None:
    """Confirm that one is still there."""
    action, path, app = "PasswordsAuthenticate", "auth/reauthenticate", signed_in(program, "frida")
    for label, who, password in (
        ("api: reauthenticate, wrong", app, "wrong"),
        ("api: reauthenticate", app, PASSWORD),
        ("api: reauthenticate, nobody", App(program), PASSWORD),
    ):
        answer = who.call(label, "POST", path, {"password": password}, action=action)
        answer.was(word(answer.status == 200), "whether the password was taken")


def addresses(program: Any) -> None:
    """Manage one's mail addresses."""
    path, action = "account/email", "UpdateUser"
    app = trusted(program, "frida")
    sql = "SELECT count(*) FROM account_emailaddress WHERE email = ?"
    app.call("api: addresses", "GET", path, action=None).was("none", "a list")
    second = "fr3@example.com"
    for label, mail in (("api: add address, none", "no"), ("api: add address", second)):
        answer = app.call(label, "POST", path, {"email": mail}, action=action)
        answer.was(word(value(program, sql, mail)), "whether it is listed")
    answer = app.call("api: add address, twice", "POST", path, {"email": second}, action=action)
    answer.was("error", "it is listed already")
    body = {"email": second, "primary": True}
    answer = app.call("api: make primary, not confirmed", "PATCH", path, body, action=action)
    primary = 'SELECT email FROM account_emailaddress WHERE email = ? AND "primary"'
    answer.was(word(value(program, primary, second)), "whether it is the primary one")
    body = {"email": "frida@example.com", "primary": True}
    answer = app.call("api: make primary", "PATCH", path, body, action=action)
    answer.was(word(value(program, primary, "frida@example.com")), "whether it is the primary one")
    action = "DeleteUserEmail"
    for label, who, mail in (
        ("api: remove address, nobody", App(program), second),
        ("api: remove address, not one's own", app, "ada@example.com"),
        ("api: remove address", app, second),
    ):
        answer = who.call(label, "DELETE", path, {"email": mail}, action=action)
        answer.was(word(not value(program, sql, second)), "whether it is still listed")
