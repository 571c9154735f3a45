"""What apps do with the headless API of django-allauth: codes, second factors, providers."""

from __future__ import annotations

import re
from typing import Any

import totp
from allauth_apps import App, Script
from allauth_people import in_mail, mails, value
from oidc_provider import OidcProvider
from site_headless import (
    PASSWORD,
    SECOND_FACTOR,
    credentials,
    signed_in,
    trusted,
    word,
)

CODE = r"\n\n([A-Z0-9-]{6,9})\n"
TOTP = "account/authenticators/totp"
ERROR_URL = "https://app.example.com/social/error"


def drive(program: Any) -> None:
    """Do everything."""
    codes(program)
    secret = activate(program)
    authenticate(program, secret)
    recovery(program, secret)
    security_key(program)
    provider(program)
    provider_signup(program)


def codes(program: Any) -> None:
    """Sign in with a code by mail."""
    action, path, mail = "OTPsEmailSend", "auth/code/request", "carol@example.com"
    app = App(program)
    for label, who, to in (
        ("api: ask for a code, no address", app, "no"),
        ("api: ask for a code, unknown user", App(program), "foreigner@example.com"),
        ("api: ask for a code", app, mail),
    ):
        before = len(mails(program, to))
        answer = who.call(label, "POST", path, {"email": to}, action=action)
        answer.was(word(len(mails(program, to)) > before), f"{answer.status}, whether a mail came")
    answer = app.call("api: send the code again", "POST", "auth/code/resend", action=action)
    answer.was("error", "refused: nobody may, by this site's settings")
    answer = App(program).call(
        "api: send the code again, none is due", "POST", "auth/code/resend", action=action
    )
    answer.was("error", "no code was asked for")
    action, path = "OTPsAuthenticate", "auth/code/confirm"
    for label, code in (
        ("api: code, wrong", "000000"),
        ("api: code", in_mail(program, mail, CODE)),
    ):
        answer = app.call(label, "POST", path, {"code": code}, action=action)
        answer.was(word(app.signed_in()), "whether the session works")
    answer = App(program).call(
        "api: code, none asked for", "POST", path, {"code": "1"}, action=action
    )
    answer.was("error", "no code was asked for")


def activate(program: Any) -> str:
    """Set an authenticator app up."""
    action, app = "TOTPsCreate", trusted(program, "ada")
    app.call("api: authenticators", "GET", "account/authenticators", action=None).was(
        "none", "a list"
    )
    answer = app.call("api: secret", "GET", TOTP, action=action)
    secret = str(answer.json()["meta"]["secret"])
    answer.was("success", "a new secret; a code must confirm it", next_step="confirmation")
    answer = App(program).call("api: secret, nobody", "GET", TOTP, action=action)
    answer.was("error", "nobody is signed in")
    sql = "SELECT count(*) FROM mfa_authenticator WHERE type = 'totp'"
    for label, code in (
        ("api: activate, wrong code", "000000"),
        ("api: activate", totp.code(secret, -1)),
    ):
        answer = app.call(label, "POST", TOTP, {"code": code}, action=action)
        answer.was(word(value(program, sql)), "whether the authenticator is stored")
    answer = app.call("api: authenticator", "GET", TOTP, action=None)
    answer.was("none", "it is there; nothing was made")
    other = signed_in(program, "brian")
    body = {"code": totp.code(other.quiet("GET", TOTP).json()["meta"]["secret"])}
    answer = other.call("api: activate, password due", "POST", TOTP, body, action=action)
    answer.was("error", "the password must be confirmed first")
    return secret


def authenticate(program: Any, secret: str) -> None:
    """Sign in with a password and a code of the app."""
    app, action = App(program), "TOTPsAuthenticate"
    answer = app.call(
        "api: login, code due",
        "POST",
        "auth/login",
        credentials("ada"),
        action="PasswordsAuthenticate",
    )
    answer.was(
        word(not app.signed_in()).replace("error", ""),
        "the password was right; the app's code is asked for",
        next_step="second_factor",
        known_limit=SECOND_FACTOR,
    )
    path = "auth/2fa/authenticate"
    for label, who, code in (
        ("api: second factor, no login", App(program), "000000"),
        ("api: second factor, wrong code", app, "000000"),
        ("api: second factor", app, totp.code(secret)),
    ):
        answer = who.call(label, "POST", path, {"code": code}, action=action)
        answer.was(word(who.signed_in()), "whether the session works")
    path = "auth/2fa/reauthenticate"
    for label, who, code in (
        ("api: reauthenticate by code, nobody", App(program), "000000"),
        ("api: reauthenticate by code, wrong", app, "000000"),
        ("api: reauthenticate by code", app, totp.code(secret, 1)),
    ):
        answer = who.call(label, "POST", path, {"code": code}, action=action)
        answer.was(word(answer.status == 200), "whether the code was taken")
    app, mail = App(program), "ada@example.com"
    before = len(mails(program, mail))
    app.quiet("POST", "auth/code/request", {"email": mail})
    body = {"code": in_mail(program, mail, CODE, after=before)}
    answer = app.call(
        "api: code, second factor due", "POST", "auth/code/confirm", body, action="OTPsAuthenticate"
    )
    pending = [flow["id"] for flow in answer.json()["data"]["flows"] if flow.get("is_pending")]
    answer.was(
        word(pending == ["mfa_authenticate"]),
        "the code was right; the app's code is asked for",
        next_step="second_factor",
        known_limit=SECOND_FACTOR,
    )


def recovery(program: Any, secret: str) -> None:
    """Make recovery codes, use one, give the authenticator app up."""
    path, action = "account/authenticators/recovery-codes", "TOTPsGetRecoveryCodes"
    app = App(program)
    app.quiet("POST", "auth/login", credentials("ada"))
    app.quiet("POST", "auth/2fa/authenticate", {"code": totp.code(secret, 2)})
    answer = app.call("api: new recovery codes, password due", "POST", path, {}, action=action)
    answer.was("error", "the password must be confirmed first")
    app.quiet("POST", "auth/reauthenticate", {"password": PASSWORD})
    sql = "SELECT data FROM mfa_authenticator WHERE type = 'recovery_codes'"
    before = value(program, sql)
    answer = app.call("api: new recovery codes", "POST", path, {}, action=action)
    answer.was(word(value(program, sql) != before), "there are new ones")
    code = answer.json()["data"]["unused_codes"][0]
    answer = app.call("api: recovery codes", "GET", path, action=action)
    answer.was(word("data" in answer.json()), "the codes that are left")
    answer = App(program).call("api: recovery codes, nobody", "GET", path, action=action)
    answer.was("error", "nobody is signed in")
    answer = trusted(program, "brian").call("api: recovery codes, none", "GET", path, action=action)
    answer.was("error", "there are none")
    other = App(program)
    other.quiet("POST", "auth/login", credentials("ada"))
    answer = other.call(
        "api: second factor, recovery code",
        "POST",
        "auth/2fa/authenticate",
        {"code": code},
        action="TOTPsAuthenticate",
    )
    answer.was(word(other.signed_in()), "the session works")
    action, sql = "DeleteUserTOTP", "SELECT count(*) FROM mfa_authenticator WHERE type = 'totp'"
    for label, who in (
        ("api: deactivate, nobody", App(program)),
        ("api: deactivate, password due", other),
        ("api: deactivate", app),
    ):
        answer = who.call(label, "DELETE", TOTP, action=action)
        answer.was(word(not value(program, sql)), "whether it is still stored")


def security_key(program: Any) -> None:
    """Begin with a security key, and fail to show one."""
    path, app = "account/authenticators/webauthn", trusted(program, "frida")
    answer = app.call("api: begin to add key", "GET", path, action="WebAuthnRegisterStart")
    answer.was(word("creation_options" in answer.json().get("data", {})), "the options")
    body = {"name": "key", "credential": {}}
    answer = app.call("api: add key, no real one", "POST", path, body, action="WebAuthnRegister")
    answer.was("error", "refused")
    answer = App(program).call(
        "api: add key, nobody", "POST", path, body, action="WebAuthnRegister"
    )
    answer.was("error", "nobody is signed in")
    path, app = "auth/webauthn/login", App(program)
    answer = app.call("api: begin login by key", "GET", path, action="WebAuthnAuthenticateStart")
    answer.was(word("request_options" in answer.json().get("data", {})), "the options")
    answer = app.call(
        "api: login by key, no real one",
        "POST",
        path,
        {"credential": {}},
        action="WebAuthnAuthenticate",
    )
    answer.was(word(app.signed_in()), "refused")
    path = "auth/webauthn/authenticate"
    answer = app.call(
        "api: begin second factor by key, no login", "GET", path, action="WebAuthnAuthenticateStart"
    )
    answer.was("error", "no login is pending")


def provider(program: Any) -> None:
    """Be sent to another provider; hand in a token of it."""
    page = Script(program)
    form = {"provider": "local", "process": "login", "callback_url": "/about/"}
    for label, sent in (
        ("api: to the provider", form),
        ("api: to a provider that there is not", {**form, "provider": "other"}),
    ):
        answer = page.browser.send(
            label,
            "POST",
            page.base + "auth/provider/redirect",
            action="OAuthStart",
            data={**sent, "csrfmiddlewaretoken": page.csrf()},
        )
        answer.was(word("/authorize?" in answer.location), f"{answer.status}")
    app = App(program)
    body = {
        "provider": "local",
        "process": "login",
        "token": {"client_id": "made-up-client", "id_token": "bad"},
    }
    answer = app.call(
        "api: provider's token, bad",
        "POST",
        "auth/provider/token",
        body,
        action="OAuthAuthenticate",
    )
    answer.was(word(app.signed_in()), "refused")


def provider_signup(program: Any) -> None:
    """Make an account after another provider, connect it, let go of it."""
    path, action, page = "auth/provider/signup", "CreateUser", Script(program)
    body = {"email": "ruth@example.com"}
    answer = page.call("api: signup after provider, none asked", "POST", path, body, action=action)
    answer.was("error", "no provider was asked")
    form = {"provider": "local", "process": "login", "callback_url": "/about/"}
    sent = page.browser.peek(
        "POST",
        page.base + "auth/provider/redirect",
        data={**form, "csrfmiddlewaretoken": page.csrf()},
    )
    state = str(re.search(r"[?&]state=([^&]+)", sent.location)[1])  # type: ignore[index]
    query = f"?code={OidcProvider.code('ruth')}&state={state}"
    page.browser.peek("GET", f"/accounts/oidc/local/login/callback/{query}")
    page.call("api: pending signup", "GET", path, action=None).was("none", "what is known so far")
    for label, mail in (
        ("api: signup after provider, no address", "no"),
        ("api: signup after provider", "ruth@example.com"),
    ):
        answer = page.call(label, "POST", path, {"email": mail}, action=action)
        answer.was(word(page.signed_in()), f"{answer.status}, whether the session works")
    path, action = "account/providers", "DeleteUserOAuthUserRegistration"
    page.call("api: providers", "GET", path, action=None).was("none", "a list")
    sql = "SELECT count(*) FROM socialaccount_socialaccount WHERE uid = 'ruth'"
    for label, who, account in (
        ("api: disconnect, nobody", App(program), "ruth"),
        ("api: disconnect, not one's own", page, "oscar"),
        ("api: disconnect, no other way in", page, "ruth"),
    ):
        body = {"provider": "local", "account": account}
        answer = who.call(label, "DELETE", path, body, action=action)
        answer.was(word(not value(program, sql)), "whether it is still connected")
    connect = signed_in_page(program)
    body = {"provider": "local", "account": "sven"}
    answer = connect.call("api: disconnect", "DELETE", path, body, action=action)
    answer.was(word(not value(program, sql.replace("ruth", "sven"))), "it is no longer connected")


def signed_in_page(program: Any) -> Script:
    """Return somebody with a password and a connected account of a provider; leaves no span."""
    page = Script(program)
    page.quiet("POST", "auth/login", credentials("brian"))
    form = {"provider": "local", "process": "connect", "callback_url": "/about/"}
    sent = page.browser.peek(
        "POST",
        page.base + "auth/provider/redirect",
        data={**form, "csrfmiddlewaretoken": page.csrf()},
    )
    state = str(re.search(r"[?&]state=([^&]+)", sent.location)[1])  # type: ignore[index]
    query = f"?code={OidcProvider.code('sven')}&state={state}"
    page.browser.peek("GET", f"/accounts/oidc/local/login/callback/{query}")
    return page
