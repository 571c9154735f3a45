"""What is done with fastapi-users."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from oidc_provider import OidcProvider

PROVIDER = OidcProvider()
PACKS = ["fastapi_users"]
ENVIRONMENT = {"OIDC_URL": PROVIDER.url}

PASSWORD = "correct horse battery"
NEW = "staple staple staple"
ALIKE = "202 for everybody, so that nobody can probe"
ADA = "ada@example.com"


def word(ok: object) -> str:
    """Return the outcome's name."""
    return "success" if ok else "error"


def both(limit: str) -> dict[str, str]:
    """Return a limit that neither variant can show."""
    return {"default": limit, "stable": limit}


def value(program: Any, sql: str, *arguments: str) -> Any:
    """Return the first column of the first row that the program's database has."""
    with closing(sqlite3.connect(program.data_dir / "db.sqlite3", timeout=30.0)) as database:
        row = database.execute(sql, arguments).fetchone()
    return row[0] if row else None


def of_user(program: Any, column: str, mail: str) -> Any:
    """Return what is stored of a user."""
    return value(program, f"SELECT {column} FROM user WHERE email = ?", mail)  # noqa: S608 - ours


def bearer(program: Any, mail: str, password: str = PASSWORD) -> dict[str, str]:
    """Return the header of somebody who is signed in; leaves no span."""
    form = {"username": mail, "password": password}
    answer = program.browser().peek("POST", "/auth/jwt/login", data=form)
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def works(program: Any, headers: dict[str, str]) -> bool:
    """Say whether a header opens the door."""
    return bool(program.browser().peek("GET", "/users/me", headers=headers).status == 200)


def drive(program: Any) -> None:
    """Do everything."""
    register(program)
    login(program)
    verify(program)
    cookies(program)
    reset_password(program)
    me(program)
    others(program)
    provider(program)
    associate(program)
    looks(program)


def register(program: Any) -> None:
    """Make accounts."""
    path, action, browser = "/auth/register", "CreateUser", program.browser()
    for label, mail, password in (
        ("register, password too short", ADA, "short"),
        ("register, no address", "no", PASSWORD),
        ("register", ADA, PASSWORD),
        ("register another", "brian@example.com", PASSWORD),
        ("register a third", "root@example.com", PASSWORD),
    ):
        body = {"email": mail, "password": password}
        answer = browser.send(label, "POST", path, action=action, json=body)
        answer.was(word(of_user(program, "1", mail)), "whether the user is there")
    before = value(program, "SELECT count(*) FROM user")
    body = {"email": ADA, "password": NEW}
    answer = browser.send("register, address taken", "POST", path, action=action, json=body)
    answer.was(word(value(program, "SELECT count(*) FROM user") != before), "no user was made")
    with closing(sqlite3.connect(program.data_dir / "db.sqlite3", timeout=30.0)) as database:
        database.execute("UPDATE user SET is_superuser = 1 WHERE email = 'root@example.com'")
        database.execute("UPDATE user SET is_active = 0 WHERE email = 'brian@example.com'")
        database.commit()


def login(program: Any) -> None:
    """Sign in with JWTs."""
    path, action, browser = "/auth/jwt/login", "PasswordsAuthenticate", program.browser()
    for label, form in (
        ("login, wrong password", {"username": ADA, "password": "wrong"}),
        ("login, unknown user", {"username": "nobody@example.com", "password": PASSWORD}),
        ("login, account not active", {"username": "brian@example.com", "password": PASSWORD}),
        ("login, password missing", {"username": ADA}),
        ("login", {"username": ADA, "password": PASSWORD}),
    ):
        answer = browser.send(label, "POST", path, action=action, data=form)
        token = answer.json().get("access_token", "")
        good = token and works(program, {"Authorization": f"Bearer {token}"})
        answer.was(word(good), "whether a token came that opens the door")
    path, action = "/auth/jwt/logout", "SessionsRevoke"
    headers = {"Authorization": f"Bearer {token}"}
    answer = browser.send("logout", "POST", path, action=action, headers=headers)
    answer.was("success", "204, although a JWT stays good until it expires")
    answer = browser.send("logout, nobody signed in", "POST", path, action=action)
    answer.was("error", "refused")


def verify(program: Any) -> None:
    """Prove that the address is one's own."""
    path, action, browser = "/auth/request-verify-token", "MagicLinksEmailSend", program.browser()
    for label, mail in (
        ("ask for verification", ADA),
        ("ask for verification, unknown user", "nobody@example.com"),
    ):
        answer = browser.send(label, "POST", path, action=action, json={"email": mail})
        sent = (program.data_dir / f"verify-{mail}").exists()
        limit = {} if sent else both(f"error seen as success: {ALIKE}")
        answer.was(word(sent), "whether a mail was sent", known_limit=limit)
    answer = browser.send("ask for verification, no address", "POST", path, action=action, json={})
    answer.was("error", "refused")
    token = (program.data_dir / f"verify-{ADA}").read_text()
    path, action = "/auth/verify", "MagicLinksAuthenticate"
    for label, sent in (("verify, bad token", "bad"), ("verify", token)):
        answer = browser.send(label, "POST", path, action=action, json={"token": sent})
        answer.was(word(of_user(program, "is_verified", ADA)), "whether the user is verified")
    answer = browser.send(
        "verify, verified already", "POST", path, action=action, json={"token": token}
    )
    answer.was("error", "refused: there is nothing to verify")


def cookies(program: Any) -> None:
    """Sign in with cookies, for which the address must be verified."""
    path, action = "/auth/cookie/login", "PasswordsAuthenticate"
    for label, mail, password in (
        ("cookie login, wrong password", ADA, "wrong"),
        ("cookie login, not verified", "root@example.com", PASSWORD),
        ("cookie login", ADA, PASSWORD),
    ):
        browser = program.browser()
        form = {"username": mail, "password": password}
        answer = browser.send(label, "POST", path, action=action, data=form)
        answer.was(word(browser.peek("GET", "/users/me").status == 200), "whether the cookie works")
    answer = browser.send("cookie session", "GET", "/users/me", action="GetUser")
    answer.was(word(answer.json()["email"] == ADA), "told who it is")
    kept = browser.session.cookies.copy()
    path, action = "/auth/cookie/logout", "SessionsRevoke"
    answer = browser.send("cookie logout", "POST", path, action=action)
    browser.session.cookies = kept
    answer.was(word(browser.peek("GET", "/users/me").status == 401), "the cookie works no longer")
    answer = browser.send("cookie logout, ended session", "POST", path, action=action)
    answer.was("error", "refused")


def reset_password(program: Any) -> None:
    """Forget a password."""
    path, action, browser = "/auth/forgot-password", "PasswordsEmailResetStart", program.browser()
    for label, mail in (
        ("forgot password", ADA),
        ("forgot password, unknown user", "nobody@example.com"),
        ("forgot password, account not active", "brian@example.com"),
    ):
        answer = browser.send(label, "POST", path, action=action, json={"email": mail})
        sent = (program.data_dir / f"reset-{mail}").exists()
        limit = {} if sent else both(f"error seen as success: {ALIKE}")
        answer.was(word(sent), "whether a mail was sent", known_limit=limit)
    answer = browser.send("forgot password, no address", "POST", path, action=action, json={})
    answer.was("error", "refused")
    token = (program.data_dir / f"reset-{ADA}").read_text()
    path, action = "/auth/reset-password", "PasswordsEmailReset"
    before = of_user(program, "hashed_password", ADA)
    for label, sent, password in (
        ("reset password, bad token", "bad", NEW),
        ("reset password, too short", token, "short"),
        ("reset password", token, NEW),
        ("reset password, used token", token, PASSWORD),
    ):
        body = {"token": sent, "password": password}
        answer = browser.send(label, "POST", path, action=action, json=body)
        after = of_user(program, "hashed_password", ADA)
        answer.was(word(after != before), "whether the stored password changed")
        before = after


def me(program: Any) -> None:
    """Look at and change oneself."""
    browser, headers = program.browser(), bearer(program, ADA, NEW)
    for label, sent in (
        ("me", headers),
        ("me, nobody signed in", {}),
        ("me, bad token", {"Authorization": "Bearer bad"}),
    ):
        answer = browser.send(label, "GET", "/users/me", action="GetUser", headers=sent)
        answer.was(word("email" in answer.json()), "whether it tells who")
    for label, sent, mail in (
        ("change me", headers, "ada.lovelace@example.com"),
        ("change me, nobody signed in", {}, "x@example.com"),
        ("change me, address taken", headers, "root@example.com"),
    ):
        before = value(program, "SELECT group_concat(email) FROM user")
        answer = browser.send(
            label, "PATCH", "/users/me", action="UpdateUser", headers=sent, json={"email": mail}
        )
        after = value(program, "SELECT group_concat(email) FROM user")
        answer.was(word(after != before), "whether anything changed")


def others(program: Any) -> None:
    """Look at, change and delete others."""
    root, browser = bearer(program, "root@example.com"), program.browser()
    ada = bearer(program, "ada.lovelace@example.com", NEW)
    brian = str(UUID(str(of_user(program, "id", "brian@example.com"))))
    route, path = "/users/{id}", f"/users/{brian}"
    for label, headers in (
        ("another user", root),
        ("another user, not a superuser", ada),
        ("another user, nobody signed in", {}),
    ):
        answer = browser.send(label, "GET", path, action="GetUser", route=route, headers=headers)
        answer.was(word("email" in answer.json()), "whether it tells who")
    for label, headers in (("change another, not a superuser", ada), ("change another", root)):
        body = {"is_verified": True}
        answer = browser.send(
            label, "PATCH", path, action="UpdateUser", route=route, headers=headers, json=body
        )
        changed = of_user(program, "is_verified", "brian@example.com")
        answer.was(word(changed), "whether it changed")
    for label, headers in (
        ("delete another, nobody signed in", {}),
        ("delete another", root),
        ("delete another, gone", root),
    ):
        there = of_user(program, "1", "brian@example.com")
        answer = browser.send(
            label, "DELETE", path, action="DeleteUser", route=route, headers=headers
        )
        gone = there and not of_user(program, "1", "brian@example.com")
        answer.was(word(gone), "whether it is gone by this")


def sent_to_provider(program: Any, prefix: str, headers: dict[str, str]) -> tuple[Any, str]:
    """Return a browser that was sent to the provider, and its state; leaves no span."""
    browser = program.browser()
    answer = browser.peek("GET", f"{prefix}/authorize", headers=headers)
    query = parse_qs(urlsplit(answer.json()["authorization_url"]).query)
    return browser, query["state"][0]


def provider(program: Any) -> None:
    """Sign in with another provider."""
    answer = program.browser().send(
        "to the provider", "GET", "/auth/local/authorize", action="OAuthStart"
    )
    answer.was(word("authorization_url" in answer.json()), "told where to go")
    for label, query in (
        ("back from the provider", f"code={OidcProvider.code('carol')}"),
        ("back, the address belongs to somebody", f"code={OidcProvider.code('root')}"),
        ("back, the provider refuses the code", "code=bad"),
        ("back, cancelled", "error=access_denied"),
        ("back, nothing said", "x=y"),
    ):
        browser, state = sent_to_provider(program, "/auth/local", {})
        path = f"/auth/local/callback?{query}&state={state}"
        answer = browser.send(label, "GET", path, action="OAuthAuthenticate")
        good = answer.status == 200 and "access_token" in answer.json()
        answer.was(word(good), f"{answer.status}, whether a token came")
    path = f"/auth/local/callback?code={OidcProvider.code('carol')}&state=bad"
    answer = program.browser().send("back, bad state", "GET", path, action="OAuthAuthenticate")
    answer.was("error", "refused")


def associate(program: Any) -> None:
    """Connect one's account with another provider."""
    prefix, headers = "/auth/associate/local", bearer(program, "root@example.com")
    browser = program.browser()
    for label, sent in (("connect", headers), ("connect, nobody signed in", {})):
        answer = browser.send(
            label, "GET", f"{prefix}/authorize", action="OAuthStart", headers=sent
        )
        answer.was(word("authorization_url" in answer.json()), "told where to go")
    sql = "SELECT count(*) FROM oauth_account WHERE account_email = 'dora@example.com'"
    for label, query, sent in (
        ("connected, nobody signed in", f"code={OidcProvider.code('dora')}", {}),
        ("connected, cancelled", "error=access_denied", headers),
        ("connected", f"code={OidcProvider.code('dora')}", headers),
    ):
        browser, state = sent_to_provider(program, prefix, headers)
        path = f"{prefix}/callback?{query}&state={state}"
        answer = browser.send(label, "GET", path, action="OAuthAttach", headers=sent)
        answer.was(word(value(program, sql)), f"{answer.status}, whether it is connected")


def looks(program: Any) -> None:
    """Make requests that attempt nothing."""
    browser = program.browser()
    for label, method, path in (
        ("something else", "GET", "/about"),
        ("an address that there is not", "POST", "/auth/nothing"),
        ("GET of login", "GET", "/auth/jwt/login"),
        ("HEAD of login", "HEAD", "/auth/jwt/login"),
        ("OPTIONS of login", "OPTIONS", "/auth/jwt/login"),
        ("the documentation", "GET", "/docs"),
    ):
        answer = browser.send(label, method, path, action=None)
        answer.was("none", f"{answer.status}, nothing was attempted")
