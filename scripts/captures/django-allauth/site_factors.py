"""What people do with codes, second factors, other providers and sessions, on HTML pages."""

from __future__ import annotations

import re
from typing import Any

import totp
from allauth_people import Person, in_mail, mails, value
from oidc_provider import OidcProvider
from site_html import (
    AJAX,
    ALIKE,
    ERROR_302,
    LOGIN,
    PASSWORD,
    SECOND_FACTOR,
    form,
    signed_in,
)

CODE = r"\n\n([A-Z0-9-]{6,9})\n"
CALLBACK = "/accounts/oidc/local/login/callback/"


def drive(program: Any) -> None:
    """Do everything."""
    ask_for_code(program)
    confirm_code(program)
    secret = activate(program)
    authenticate(program, secret)
    recovery(program, secret)
    security_key(program)
    provider(program)
    provider_failures(program)
    connections(program)
    sessions(program)


def ask_for_code(program: Any) -> None:
    """Ask for a code by mail."""
    path, action = "/accounts/login/code/", "OTPsEmailSend"
    for label, mail in (
        ("ask for a code", "brian@example.com"),
        ("ask for a code, unknown user", "stranger@example.com"),
    ):
        before = len(mails(program, mail))
        answer = Person(program).post(label, path, {"email": mail}, action=action)
        sent = len(mails(program, mail)) > before
        answer.was("success" if sent else "error", "a mail was sent, to who is unknown as well")
    answer = Person(program).post(
        "ask for a code, no address", path, {"email": "no"}, action=action
    )
    answer.was("error", "the form again")


def confirm_code(program: Any) -> None:
    """Type the code in."""
    path, action, mail = "/accounts/login/code/confirm/", "OTPsAuthenticate", "brian@example.com"
    brian = Person(program)
    before = len(mails(program, mail))
    brian.quietly("/accounts/login/code/", {"email": mail})
    code = in_mail(program, mail, CODE, after=before)
    brian.get("the page that takes the code", path).was("none", "the form")
    answer = brian.post("code, wrong", path, {"code": "000000"}, action=action)
    answer.was("error" if brian.who() is None else "success", "the form again")
    answer = brian.post("code", path, {"code": code}, action=action)
    answer.was("success" if brian.who() == "brian" else "error", "signed in")
    answer = Person(program).post("code, none asked for", path, {"code": code}, action=action)
    answer.was("error", "sent to the login page", known_limit=ERROR_302)
    carol = Person(program)
    carol.quietly("/accounts/login/code/", {"email": "carol@example.com"})
    for _ in range(2):
        carol.quietly(path, {"code": "000000"})
    answer = carol.post("code, wrong once too often", path, {"code": "000000"}, action=action)
    answer.was("error", "sent back to the start", known_limit=ERROR_302)


def activate(program: Any) -> str:
    """Set an authenticator app up."""
    path, action = "/accounts/2fa/totp/activate/", "TOTPsCreate"
    hanna = signed_in(program, "hanna")
    hanna.quietly("/accounts/reauthenticate/", {"password": PASSWORD})
    page = hanna.get("the page that shows the secret", path)
    page.was("none", "the form")
    secret = str(re.search(r"\b([A-Z2-7]{32})\b", page.text)[1])  # type: ignore[index]
    answer = hanna.post("activate, wrong code", path, {"code": "000000"}, action=action)
    answer.was("error", "the form again")
    sql = "SELECT count(*) FROM mfa_authenticator WHERE type = 'totp'"
    answer = hanna.post("activate", path, {"code": totp.code(secret, -1)}, action=action)
    answer.was("success" if value(program, sql) else "error", "the authenticator is stored")
    answer = Person(program).post("activate, nobody signed in", path, {}, action=action)
    answer.was("error", "sent to the login page", known_limit=ERROR_302)
    answer = signed_in(program, "brian").post(
        "activate, password asked for again", path, {"code": "1"}, action=action
    )
    answer.was("error", "sent to confirm the password first", known_limit=ERROR_302)
    return secret


def authenticate(program: Any, secret: str) -> None:
    """Sign in with a password and a code of the app."""
    path, action = "/accounts/2fa/authenticate/", "TOTPsAuthenticate"
    hanna = Person(program)
    answer = hanna.post("login, code due", LOGIN, form("hanna"), action="PasswordsAuthenticate")
    answer.was(
        "success" if hanna.who() is None and answer.location == path else "",
        "the password was right; the code is asked for",
        next_step="second_factor",
        known_limit=SECOND_FACTOR,
    )
    hanna.get("the page that takes the app's code", path).was("none", "the form")
    answer = hanna.post("second factor, wrong code", path, {"code": "000000"}, action=action)
    answer.was("error" if hanna.who() is None else "success", "the form again")
    answer = hanna.post("second factor", path, {"code": totp.code(secret)}, action=action)
    answer.was("success" if hanna.who() == "hanna" else "error", "signed in")
    answer = Person(program).post("second factor, no login", path, {"code": "1"}, action=action)
    answer.was("error", "sent to the login page", known_limit=ERROR_302)
    ajax, other = {"X-Requested-With": "XMLHttpRequest"}, Person(program)
    answer = other.post(
        "login by AJAX, code due",
        LOGIN,
        form("hanna"),
        action="PasswordsAuthenticate",
        headers=ajax,
    )
    answer.was(
        "success" if answer.json().get("location") == path else "error",
        "JSON names the next page",
        next_step="second_factor",
        known_limit={
            "default": "success+second_factor seen as error: " + AJAX["default"].partition(": ")[2],
            "stable": "success+second_factor seen as success: the next page is in the body only",
        },
    )
    path = "/accounts/2fa/reauthenticate/"
    answer = hanna.post("reauthenticate by code, wrong", path, {"code": "000000"}, action=action)
    answer.was("error", "the form again")
    data = {"code": totp.code(secret, 1)}
    answer = hanna.post("reauthenticate by code", path, data, action=action)
    answer.was("success" if answer.status == 302 else "error", "sent on")
    before = len(mails(program, "hanna@example.com"))
    hanna = Person(program)
    hanna.quietly("/accounts/login/code/", {"email": "hanna@example.com"})
    code = in_mail(program, "hanna@example.com", CODE, after=before)
    answer = hanna.post(
        "code, second factor due",
        "/accounts/login/code/confirm/",
        {"code": code},
        action="OTPsAuthenticate",
    )
    answer.was(
        "success" if answer.location == "/accounts/2fa/authenticate/" else "error",
        "the code was right; the app's code is asked for",
        next_step="second_factor",
        known_limit=SECOND_FACTOR,
    )


def recovery(program: Any, secret: str) -> None:
    """Make recovery codes, use one, give the authenticator app up."""
    path, action = "/accounts/2fa/recovery-codes/generate/", "TOTPsGetRecoveryCodes"
    hanna = Person(program)
    hanna.quietly(LOGIN, form("hanna"))
    hanna.quietly("/accounts/2fa/authenticate/", {"code": totp.code(secret, 2)})
    if hanna.who() != "hanna":
        raise ValueError("the app's code did not do")
    hanna.quietly("/accounts/reauthenticate/", {"password": PASSWORD})
    sql = "SELECT data FROM mfa_authenticator WHERE type = 'recovery_codes'"
    before = value(program, sql)
    answer = hanna.post("recovery codes", path, action=action)
    answer.was("success" if value(program, sql) != before else "error", "there are new ones")
    page = hanna.browser.peek("GET", "/accounts/2fa/recovery-codes/").text
    code = str(re.search(r"\b([0-9a-f]{8})\b", page)[1])  # type: ignore[index]
    other = Person(program)
    other.quietly(LOGIN, form("hanna"))
    answer = other.post(
        "second factor, recovery code",
        "/accounts/2fa/authenticate/",
        {"code": code},
        action="TOTPsAuthenticate",
    )
    answer.was("success" if other.who() == "hanna" else "error", "signed in")
    answer = Person(program).post("recovery codes, nobody signed in", path, action=action)
    answer.was("error", "sent to the login page", known_limit=ERROR_302)
    path, action = "/accounts/2fa/totp/deactivate/", "DeleteUserTOTP"
    sql = "SELECT count(*) FROM mfa_authenticator WHERE type = 'totp'"
    answer = hanna.post("deactivate", path, action=action)
    answer.was("error" if value(program, sql) else "success", "no authenticator is stored")
    answer = hanna.post("deactivate, there is none", path, action=action)
    answer.was("error", f"{answer.status}")


def security_key(program: Any) -> None:
    """Try to use a key that there is not."""
    ivan = signed_in(program, "frida")
    ivan.quietly("/accounts/reauthenticate/", {"password": PASSWORD})
    data = {"name": "key", "credential": "{}"}
    path = "/accounts/2fa/webauthn/add/"
    ivan.get("the page that adds a key", path).was("none", "the form")
    answer = ivan.post("add key, no real one", path, data, action="WebAuthnRegister")
    answer.was("error", "the form again")
    answer = Person(program).post(
        "login by key, no real one",
        "/accounts/2fa/webauthn/login/",
        {"credential": "{}"},
        action="WebAuthnAuthenticate",
    )
    answer.was("error", "sent to the login page", known_limit=ERROR_302)


def start(program: Any) -> tuple[Person, str]:
    """Return somebody sent to the provider, and the state to come back with."""
    person = Person(program)
    sent = person.quietly("/accounts/oidc/local/login/", {})
    return person, str(re.search(r"[?&]state=([^&]+)", sent.location)[1])  # type: ignore[index]


def provider(program: Any) -> None:
    """Sign in with another provider."""
    path, action = "/accounts/oidc/local/login/", "OAuthAuthenticate"
    Person(program).get("the page before the provider", path).was("none", "it has a button")
    answer = Person(program).post("to the provider", path, action="OAuthStart")
    answer.was("success" if "/authorize?" in answer.location else "error", "sent to the provider")
    answer = Person(program).post(
        "to a provider that there is not", "/accounts/oidc/other/login/", action="OAuthStart"
    )
    answer.was("error", f"{answer.status}")
    oscar = f"?code={OidcProvider.code('oscar')}&state="
    person, state = start(program)
    answer = person.get(
        "back from the provider, no account", CALLBACK + oscar + state, action=action
    )
    answer.was(
        "success" if answer.location.endswith("/3rdparty/signup/") else "error",
        "known to the provider; an account must be made first",
        next_step="signup",
        known_limit={"default": f"success+signup seen as success: {ALIKE}"},
    )
    path, new = "/accounts/3rdparty/signup/", "CreateUser"
    person.get("the page that makes the account", path).was("none", "the form")
    answer = person.post("signup after provider, no address", path, {"email": "no"}, action=new)
    answer.was("error", "the form again")
    answer = person.post("signup after provider", path, {"email": "oscar@example.com"}, action=new)
    answer.was("success" if person.who() else "error", "signed in with a new account")
    answer = Person(program).post("signup after provider, none asked", path, {}, action=new)
    answer.was("error", "sent to the login page", known_limit=ERROR_302)
    person, state = start(program)
    answer = person.get("back from the provider", CALLBACK + oscar + state, action=action)
    answer.was("success" if person.who() else "error", "signed in")


def provider_failures(program: Any) -> None:
    """Come back from another provider with nothing that is of use."""
    action = "OAuthAuthenticate"
    for label, query in (
        ("back, cancelled", "?error=access_denied"),
        ("back, the provider failed", "?error=server_error"),
        ("back, the provider refuses the code", "?code=bad"),
        ("back, no code", "?"),
    ):
        person, state = start(program)
        answer = person.get(label, f"{CALLBACK}{query}&state={state}", action=action)
        # Only default names have the URL, which says it; only stable ones have the Location.
        answer.was(
            "error" if person.who() is None else "success", f"{answer.status}, not signed in"
        )
    person = Person(program)
    answer = person.get("back, unknown state", f"{CALLBACK}?code=for-ada&state=no", action=action)
    answer.was("error" if person.who() is None else "success", f"{answer.status}, not signed in")


def connections(program: Any) -> None:
    """Connect another provider to one's account, and let go of it."""
    sql = "SELECT id FROM socialaccount_socialaccount WHERE uid = ?"
    path, action = "/accounts/3rdparty/", "DeleteUserOAuthUserRegistration"
    julia = signed_in(program, "julia")
    sent = julia.quietly("/accounts/oidc/local/login/?process=connect", {})
    state = str(re.search(r"[?&]state=([^&]+)", sent.location)[1])  # type: ignore[index]
    query = f"?code={OidcProvider.code('julia')}&state={state}"
    answer = julia.get("connect", CALLBACK + query, action="OAuthAttach")
    limit = "OAuthAttach seen as OAuthAuthenticate: one callback for both"
    answer.was(
        "success" if value(program, sql, "julia") else "error",
        "it is connected",
        known_limit={"default": limit, "stable": limit},
    )
    julia.get("the page of one's providers", path).was("none", "a list")
    answer = julia.post("disconnect, not one's own", path, {"account": "77"}, action=action)
    answer.was("error", "the form again")
    account = {"account": str(value(program, sql, "julia"))}
    answer = julia.post("disconnect", path, account, action=action)
    answer.was("error" if value(program, sql, "julia") else "success", "it is no longer connected")
    person, state = start(program)
    person.browser.peek("GET", f"{CALLBACK}?code={OidcProvider.code('oscar')}&state={state}")
    account = {"account": str(value(program, sql, "oscar"))}
    answer = person.post("disconnect, no other way in", path, account, action=action)
    answer.was("error" if value(program, sql, "oscar") else "success", "it is still connected")


def sessions(program: Any) -> None:
    """Sign one's other browsers out."""
    path, action = "/accounts/sessions/", "SessionsRevoke"
    one, two = signed_in(program, "julia"), signed_in(program, "julia")
    one.get("the page of one's sessions", path).was("none", "a list")
    answer = one.post("end other sessions", path, {"action": "sign_out"}, action=action)
    answer.was("success" if two.who() is None else "error", "the other browser is signed out")
