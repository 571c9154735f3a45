"""What is done with django-allauth where it sends codes instead of links, and trusts browsers."""

from __future__ import annotations

from typing import Any

import totp
from allauth_apps import App, Script
from allauth_people import Person, in_mail, mails, password_of, value

PACKS = ["django_allauth"]
ENVIRONMENT = {"DJANGO_SETTINGS_MODULE": "settings"}

PASSWORD = "correct horse battery"
NEW = "staple staple staple"
CODE = r"\n\n([A-Z0-9-]{6,9})\n"
VERIFIED = "SELECT verified FROM account_emailaddress WHERE email = ?"
ALIKE = "without Location every 302 is alike"
ERROR_302 = {"default": f"error seen as success: {ALIKE}"}
VERIFY_302 = {"default": f"success+email_verification seen as success: {ALIKE}"}
FURTHER = "only the body names the step that is due"


def both(limit: str) -> dict[str, str]:
    """Return a limit that neither variant can show."""
    return {"default": limit, "stable": limit}


VERIFY_401 = both(f"success+email_verification seen as success+further_step: {FURTHER}")
SECOND_401 = both(f"success+second_factor seen as success+further_step: {FURTHER}")


def word(ok: object) -> str:
    """Return the outcome's name."""
    return "success" if ok else "error"


def drive(program: Any) -> None:
    """Do everything."""
    verify_mail(program)
    reset_password(program)
    send_again(program)
    api_verify_mail(program)
    api_reset_password(program)
    api_code(program)
    trust(program)


def verify_mail(program: Any) -> None:
    """Type in the code that proves the address, on the HTML pages."""
    mail, action, path = "kim@example.com", "OTPsAuthenticate", "/accounts/confirm-email/"
    kim = Person(program)
    form = {"email": mail, "password1": PASSWORD, "password2": PASSWORD}
    answer = kim.post("signup", "/accounts/signup/", form, action="CreateUser")
    answer.was(
        word(value(program, "SELECT 1 FROM auth_user WHERE email = ?", mail)),
        "the user is there; a code was sent",
        next_step="email_verification",
        known_limit=VERIFY_302,
    )
    kim.get("the page that takes the code", path).was("none", "the form")
    for label, code in (
        ("verify address, wrong code", "XXXXXX"),
        ("verify address", in_mail(program, mail, CODE)),
    ):
        answer = kim.post(label, path, {"code": code}, action=action)
        answer.was(word(value(program, VERIFIED, mail)), "whether the address is verified")
    lee = Person(program)
    lee.quietly("/accounts/signup/", {**form, "email": "lee@example.com"})
    for _ in range(2):
        lee.quietly(path, {"code": "XXXXXX"})
    answer = lee.post("verify address, wrong too often", path, {"code": "XXXXXX"}, action=action)
    answer.was("error", f"{answer.status}, sent back to the start", known_limit=ERROR_302)


def reset_password(program: Any) -> None:
    """Type in the code that lets one choose a new password, on the HTML pages."""
    mail, ada = "ada@example.com", Person(program)
    path = "/accounts/password/reset/"
    answer = ada.post("forgot password", path, {"email": mail}, action="PasswordsEmailResetStart")
    answer.was(word(mails(program, mail)), "a mail was sent")
    path, action = "/accounts/password/reset/confirm/", "OTPsAuthenticate"
    ada.get("the page that takes the reset code", path).was("none", "the form")
    for label, code in (
        ("reset code, wrong", "XXXXXX"),
        ("reset code", in_mail(program, mail, CODE)),
    ):
        answer = ada.post(label, path, {"code": code}, action=action)
        good = answer.location.endswith("/password/reset/complete/")
        answer.was(word(good), "whether a new password may be chosen")
    answer = Person(program).post("reset code, none sent", path, {"code": "XXXXXX"}, action=action)
    answer.was("error", "sent to the login page", known_limit=ERROR_302)
    path, action = "/accounts/password/reset/complete/", "PasswordsEmailReset"
    before = password_of(program, mail)
    ada.get("the page that takes the password", path).was("none", "the form")
    for label, new in (("reset password, too short", "short"), ("reset password", NEW)):
        form = {"password1": new, "password2": new}
        answer = ada.post(label, path, form, action=action)
        changed = password_of(program, mail) != before
        answer.was(word(changed), "whether the stored password changed")
    form = {"password1": PASSWORD, "password2": PASSWORD}
    answer = Person(program).post("reset password, no code", path, form, action=action)
    answer.was("error", "sent to the login page", known_limit=ERROR_302)


def send_again(program: Any) -> None:
    """Have the code for signing in sent again, on the HTML pages."""
    mail, path = "brian@example.com", "/accounts/login/code/confirm/"
    brian = Person(program)
    brian.quietly("/accounts/login/code/", {"email": mail})
    before = len(mails(program, mail))
    answer = brian.post("send the code again", path, {"action": "resend"}, action="OTPsEmailSend")
    limit = "OTPsEmailSend success seen as OTPsAuthenticate"
    answer.was(
        word(len(mails(program, mail)) > before),
        "another mail came",
        known_limit={
            "default": f"{limit} success: one route for both",
            "stable": "OTPsEmailSend success seen as none: it is no attempt to sign in",
        },
    )


def api_verify_mail(program: Any) -> None:
    """Type in the code that proves the address, in an app."""
    mail, path, app = "maria@example.com", "auth/email/verify", App(program)
    body = {"email": mail, "password": PASSWORD}
    answer = app.call("api: signup", "POST", "auth/signup", body, action="CreateUser")
    answer.was(
        word(value(program, "SELECT 1 FROM auth_user WHERE email = ?", mail)),
        "the user is there; a code was sent",
        next_step="email_verification",
        known_limit=VERIFY_401,
    )
    before, action = len(mails(program, mail)), "MagicLinksEmailSend"
    for label, who in (("", app), (", none is due", App(program))):
        answer = who.call(f"api: send mail again{label}", "POST", f"{path}/resend", action=action)
        answer.was(word(len(mails(program, mail)) > before), f"{answer.status}, whether one came")
        before = len(mails(program, mail))
    action = "MagicLinksAuthenticate"
    for label, key in (
        ("api: verify address, wrong code", "XXXXXX"),
        ("api: verify address", in_mail(program, mail, CODE)),
    ):
        answer = app.call(label, "POST", path, {"key": key}, action=action)
        answer.was(word(value(program, VERIFIED, mail)), "whether the address is verified")
    answer = App(program).call(
        "api: verify address, none is due", "POST", path, {"key": "1"}, action=action
    )
    answer.was("error", "no code was sent")


def api_reset_password(program: Any) -> None:
    """Type in the code that lets one choose a new password, in an app."""
    mail, app = "carol@example.com", App(program)
    answer = app.call(
        "api: forgot password",
        "POST",
        "auth/password/request",
        {"email": mail},
        action="PasswordsEmailResetStart",
    )
    answer.was(word(mails(program, mail)), "a mail was sent")
    path, action, before = "auth/password/reset", "PasswordsEmailReset", password_of(program, mail)
    for label, key, new in (
        ("api: reset password, wrong code", "XXXXXX", NEW),
        ("api: reset password, too short", in_mail(program, mail, CODE), "short"),
        ("api: reset password", in_mail(program, mail, CODE), NEW),
    ):
        answer = app.call(label, "POST", path, {"key": key, "password": new}, action=action)
        changed = password_of(program, mail) != before
        answer.was(word(changed), f"{answer.status}, whether the stored password changed")
    body = {"key": "1", "password": NEW}
    answer = App(program).call("api: reset password, no code", "POST", path, body, action=action)
    answer.was("error", "no code was sent")


def api_code(program: Any) -> None:
    """Have the code for signing in sent again, in an app."""
    mail, app = "dora@example.com", App(program)
    app.quiet("POST", "auth/code/request", {"email": mail})
    before = len(mails(program, mail))
    answer = app.call("api: send code again", "POST", "auth/code/resend", action="OTPsEmailSend")
    answer.was(word(len(mails(program, mail)) > before), "another mail came")
    body = {"code": in_mail(program, mail, CODE)}
    answer = app.call("api: code", "POST", "auth/code/confirm", body, action="OTPsAuthenticate")
    answer.was(word(app.signed_in()), "the session works")


def trust(program: Any) -> None:
    """Sign in with two factors, and have the browser trusted."""
    setter, mail = App(program), "brian@example.com"
    setter.quiet("POST", "auth/login", {"email": mail, "password": PASSWORD})
    setter.quiet("POST", "auth/reauthenticate", {"password": PASSWORD})
    path = "account/authenticators/totp"
    secret = str(setter.quiet("GET", path).json()["meta"]["secret"])
    setter.quiet("POST", path, {"code": totp.code(secret, -1)})
    page, body = Script(program), {"email": mail, "password": PASSWORD}
    answer = page.call(
        "api: login, code due", "POST", "auth/login", body, action="PasswordsAuthenticate"
    )
    answer.was(
        "success" if not page.signed_in() and answer.status == 401 else "",
        "the app's code is asked for",
        next_step="second_factor",
        known_limit=SECOND_401,
    )
    body = {"code": totp.code(secret)}
    answer = page.call(
        "api: second factor, trust asked",
        "POST",
        "auth/2fa/authenticate",
        body,
        action="TOTPsAuthenticate",
    )
    pending = [flow["id"] for flow in answer.json()["data"]["flows"] if flow.get("is_pending")]
    answer.was(
        word(pending == ["mfa_trust"]),
        "the code was right; whether to trust the browser is asked",
        next_step="trust",
        known_limit=both(
            "success+trust seen as error: 401 as for somebody who has no login pending"
        ),
    )
    for label, who in (("api: trust, no login", Script(program)), ("api: trust", page)):
        answer = who.call(label, "POST", "auth/2fa/trust", {"trust": True}, action="SessionsAttest")
        answer.was(word(who.signed_in()), "whether the session works")
    person = Person(program)
    form = {"login": mail, "password": PASSWORD}
    person.quietly("/accounts/login/", form)
    path = "/accounts/2fa/authenticate/"
    answer = person.post(
        "second factor", path, {"code": totp.code(secret, 1)}, action="TOTPsAuthenticate"
    )
    answer.was(
        word(answer.location.endswith("/2fa/trust/")),
        "the code was right; whether to trust the browser is asked",
        next_step="trust",
        known_limit={"default": f"success+trust seen as success: {ALIKE}"},
    )
    path = "/accounts/2fa/trust/"
    person.get("the page that asks for trust", path).was("none", "the form")
    answer = person.post("trust", path, {"action": "trust"}, action="SessionsAttest")
    answer.was(word(person.who()), "signed in")
    answer = Person(program).post(
        "trust, no login", path, {"action": "trust"}, action="SessionsAttest"
    )
    answer.was("error", "sent to the login page", known_limit=ERROR_302)
