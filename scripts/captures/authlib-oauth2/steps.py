"""What is done with an OAuth 2 server made with Authlib."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from oidc_provider import OidcProvider

PROVIDER = OidcProvider()
PACKS = ["oauth2_oidc"]
ENVIRONMENT = {"OIDC_URL": PROVIDER.url}

SHOP = ("shop", "made-up-secret")
BACK = "https://shop.example.com/callback"
PASSWORD = {"grant_type": "password", "username": "ada", "password": "correct horse"}
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
ALIKE = "without Location every 302 is alike"


def word(ok: object) -> str:
    """Return the outcome's name."""
    return "success" if ok else "error"


def both(limit: str) -> dict[str, str]:
    """Return a limit that neither variant can show."""
    return {"default": limit, "stable": limit}


def tokens(program: Any, **form: str) -> dict[str, Any]:
    """Return tokens of ada's; leaves no span."""
    answer = program.browser().peek(
        "POST", "/oauth/token", data={**PASSWORD, "scope": "profile", **form}, auth=SHOP
    )
    given: dict[str, Any] = answer.json()
    return given


def opens(program: Any, token: str) -> bool:
    """Say whether a token opens the door."""
    headers = {"Authorization": f"Bearer {token}"}
    answer = program.browser().peek("GET", "/oauth/userinfo", headers=headers)
    return bool(answer.status in (200, 403))


def signed_in(program: Any) -> Any:
    """Return a browser in which ada is signed in; leaves no span."""
    browser = program.browser()
    browser.peek("POST", "/signin", data={"name": "ada", "password": "correct horse"})
    return browser


def asking(**changes: str) -> str:
    """Return the address that asks ada for her consent."""
    query = {
        "response_type": "code",
        "client_id": "shop",
        "redirect_uri": BACK,
        "scope": "profile",
        "state": "xyz",
    }
    return "/oauth/authorize?" + urlencode({**query, **changes})


def code_of(answer: Any) -> str:
    """Return the code in an answer's Location."""
    return parse_qs(urlsplit(answer.location).query).get("code", [""])[0]


def drive(program: Any) -> None:
    """Do everything."""
    token(program)
    authorize(program)
    consent(program)
    code(program)
    refresh(program)
    device(program)
    introspect(program)
    revoke(program)
    userinfo(program)
    callback(program)
    looks(program)


def token(program: Any) -> None:
    """Ask for tokens with a password, and for the client itself."""
    credentials = {"grant_type": "client_credentials"}
    for label, form, auth in (
        ("password", {**PASSWORD, "scope": "profile"}, SHOP),
        ("password, wrong", {**PASSWORD, "password": "wrong"}, SHOP),
        ("password, unknown user", {**PASSWORD, "username": "nobody"}, SHOP),
        ("password, missing", {"grant_type": "password"}, SHOP),
        ("password, wrong client secret", PASSWORD, ("shop", "wrong")),
        ("password, unknown client", PASSWORD, ("nobody", "made-up-secret")),
        ("password, no client", PASSWORD, None),
        ("password, client may not", PASSWORD, ("narrow", "made-up-secret")),
        ("client credentials", credentials, SHOP),
        ("client credentials, wrong secret", credentials, ("shop", "wrong")),
        ("client credentials, unknown scope", {**credentials, "scope": "moon"}, SHOP),
        ("unknown grant", {"grant_type": "magic"}, SHOP),
        ("no grant", {}, SHOP),
    ):
        answer = program.browser().send(
            f"token: {label}", "POST", "/oauth/token", action="IDPOAuthToken", data=form, auth=auth
        )
        good = opens(program, answer.json().get("access_token", ""))
        answer.was(word(good), "whether a token came that opens the door")


def authorize(program: Any) -> None:
    """Be sent to the page that asks for consent."""
    action, ada = "IDPOAuthAuthorizeStart", signed_in(program)
    answer = program.browser().send("authorize: nobody signed in", "GET", asking(), action=action)
    answer.was(
        word(answer.location.startswith("/signin")),
        "sent to sign in first",
        next_step="login",
        known_limit={"default": f"success+login seen as success: {ALIKE}"},
    )
    answer = ada.send("authorize: consent page", "GET", asking(), action=action)
    answer.was(word("May it?" in answer.text), "asked for consent", next_step="interaction")
    own = asking(client_id="own", redirect_uri="https://own.example.com/callback")
    answer = ada.send("authorize: no consent needed", "GET", own, action=action)
    answer.was(word(code_of(answer)), "sent back with a code")
    for label, path in (
        ("unknown client", asking(client_id="nobody")),
        ("wrong address to go back to", asking(redirect_uri="https://evil.example.com/")),
    ):
        answer = ada.send(f"authorize: {label}", "GET", path, action=action)
        answer.was("error", "refused, and not sent back")
    for label, path in (
        ("unknown scope", asking(scope="moon")),
        ("unknown response type", asking(response_type="magic")),
    ):
        answer = ada.send(f"authorize: {label}", "GET", path, action=action)
        limit = {"default": f"error seen as success: {ALIKE}"} if answer.status == 302 else {}
        answer.was("error", f"{answer.status}, refused", known_limit=limit)


def consent(program: Any) -> None:
    """Say yes or no."""
    action, ada = "IDPOAuthAuthorize", signed_in(program)
    answer = ada.send("consent: yes", "POST", asking(), action=action, data={"answer": "yes"})
    answer.was(word(code_of(answer)), "sent back with a code")
    limit = {"default": f"error seen as success: {ALIKE}"}
    answer = ada.send("consent: no", "POST", asking(), action=action, data={"answer": "no"})
    answer.was(word(code_of(answer)), "sent back with an error", known_limit=limit)
    answer = program.browser().send(
        "consent: nobody signed in", "POST", asking(), action=action, data={"answer": "yes"}
    )
    answer.was(word(code_of(answer)), "sent to sign in", known_limit=limit)


def code(program: Any) -> None:
    """Ask for tokens with a code."""
    got = code_of(signed_in(program).peek("POST", asking(), data={"answer": "yes"}))
    for label, form in (
        ("unknown", {"code": "no", "redirect_uri": BACK}),
        ("another address", {"code": got, "redirect_uri": "https://evil.example.com/"}),
        ("good", {"code": got, "redirect_uri": BACK}),
        ("used", {"code": got, "redirect_uri": BACK}),
    ):
        answer = program.browser().send(
            f"token: code, {label}",
            "POST",
            "/oauth/token",
            action="IDPOAuthToken",
            data={"grant_type": "authorization_code", **form},
            auth=SHOP,
        )
        good = opens(program, answer.json().get("access_token", ""))
        answer.was(word(good), "whether a token came that opens the door")


def refresh(program: Any) -> None:
    """Ask for tokens with a refresh token."""
    given = tokens(program)
    for label, text in (
        ("unknown", "no"),
        ("good", given["refresh_token"]),
        ("used", given["refresh_token"]),
    ):
        answer = program.browser().send(
            f"token: refresh, {label}",
            "POST",
            "/oauth/token",
            action="IDPOAuthToken",
            data={"grant_type": "refresh_token", "refresh_token": text},
            auth=SHOP,
        )
        good = opens(program, answer.json().get("access_token", ""))
        answer.was(word(good), "whether a token came that opens the door")


def device(program: Any) -> None:
    """Sign a device in."""
    path, action = "/oauth/device_authorization", "IDPOAuthDeviceAuthorize"
    got: list[dict[str, Any]] = []
    for label, auth in (("a code to show", SHOP), ("wrong client secret", ("shop", "wrong"))):
        answer = program.browser().send(
            f"device: {label}", "POST", path, action=action, data={"scope": "profile"}, auth=auth
        )
        answer.was(word("device_code" in answer.json()), "whether a code came")
        got.append(answer.json())
    got[1] = program.browser().peek("POST", path, data={"scope": "profile"}, auth=SHOP).json()
    ada = signed_in(program)
    for label, shown, said in (
        ("nobody said anything yet", got[0], None),
        ("allowed", got[0], "yes"),
        ("refused", got[1], "no"),
    ):
        if said:
            ada.peek("POST", "/device", data={"user_code": shown["user_code"], "answer": said})
        answer = program.browser().send(
            f"token: device, {label}",
            "POST",
            "/oauth/token",
            action="IDPOAuthToken" if said else None,
            data={"grant_type": DEVICE, "device_code": shown["device_code"]},
            auth=SHOP,
        )
        if said:
            good = opens(program, answer.json().get("access_token", ""))
            answer.was(word(good), "whether a token came that opens the door")
        else:
            limit = both("none seen as IDPOAuthToken error: 400 while the user is asked")
            answer.was("none", f"{answer.json()['error']}: it asks again", known_limit=limit)


def introspect(program: Any) -> None:
    """Ask about tokens."""
    good = tokens(program)["access_token"]
    for label, form, auth in (
        ("good token", {"token": good}, SHOP),
        ("unknown token", {"token": "no"}, SHOP),
        ("no token", {}, SHOP),
        ("wrong client secret", {"token": good}, ("shop", "wrong")),
    ):
        answer = program.browser().send(
            f"introspect: {label}",
            "POST",
            "/oauth/introspect",
            action="IDPOAuthIntrospect",
            data=form,
            auth=auth,
        )
        hidden = answer.status == 200 and not answer.json()["active"]
        limit = both("error seen as success: 200, only the body says that it is not active")
        answer.was(
            word(answer.json().get("active")),
            f"{answer.status}, whether it is active",
            known_limit=limit if hidden else {},
        )


def revoke(program: Any) -> None:
    """Take tokens back."""
    good = tokens(program)["access_token"]
    for label, form, auth in (
        ("no token", {}, SHOP),
        ("wrong client secret", {"token": good}, ("shop", "wrong")),
        ("another client's", {"token": good}, ("own", "made-up-secret")),
        ("good token", {"token": good}, SHOP),
    ):
        answer = program.browser().send(
            f"revoke: {label}",
            "POST",
            "/oauth/revoke",
            action="IDPOAuthRevoke",
            data=form,
            auth=auth,
        )
        answer.was(word(not opens(program, good)), "whether the token still opens the door")
    answer = program.browser().send(
        "revoke: unknown token",
        "POST",
        "/oauth/revoke",
        action="IDPOAuthRevoke",
        data={"token": "no"},
        auth=SHOP,
    )
    answer.was("success", "what was asked for holds: it opens no door")


def userinfo(program: Any) -> None:
    """Ask whom a token stands for."""
    path, action = "/oauth/userinfo", "IDPOAuthUserInfo"
    good, old = tokens(program)["access_token"], tokens(program)["access_token"]
    program.browser().peek("POST", "/oauth/revoke", data={"token": old}, auth=SHOP)
    narrow = tokens(program, scope="openid")["access_token"]
    for label, method, text in (
        ("good token", "GET", good),
        ("good token, POST", "POST", good),
        ("unknown token", "GET", "no"),
        ("revoked token", "GET", old),
        ("token of another scope", "GET", narrow),
        ("no token", "GET", None),
    ):
        headers = {"Authorization": f"Bearer {text}"} if text else {}
        answer = program.browser().send(
            f"userinfo: {label}", method, path, action=action, headers=headers
        )
        answer.was(word(answer.json().get("sub")), f"{answer.status}, whether it tells who")
    answer = program.browser().send("keys", "GET", "/.well-known/jwks.json", action="SessionsJwks")
    answer.was(word(answer.json().get("keys")), "the public keys")


def callback(program: Any) -> None:
    """Come back from another provider."""
    for label, query in (
        ("good code", f"code={OidcProvider.code('carol')}"),
        ("the provider refuses the code", "code=bad"),
        ("cancelled", "error=access_denied"),
    ):
        browser = program.browser()
        sent = browser.peek("GET", "/to-provider")
        state = parse_qs(urlsplit(sent.location).query)["state"][0]
        answer = browser.send(
            f"callback: {label}",
            "GET",
            f"/callback?{query}&state={state}",
            action="OAuthAuthenticate",
        )
        who = browser.peek("GET", "/").json()["user"]
        limit = {"default": f"error seen as success: {ALIKE}"} if "refuses" in label else {}
        answer.was(word(who), f"{answer.status}, whether somebody is signed in", known_limit=limit)
    browser = program.browser()
    path = f"/callback?code={OidcProvider.code('carol')}&state=forged"
    answer = browser.send("callback: forged state", "GET", path, action="OAuthAuthenticate")
    limit = {"default": f"error seen as success: {ALIKE}"}
    answer.was(word(browser.peek("GET", "/").json()["user"]), "not signed in", known_limit=limit)
    ada = signed_in(program)
    answer = ada.send("logout", "GET", "/oauth/logout", action="SessionsRevoke")
    answer.was(word(ada.peek("GET", "/").json()["user"] is None), "nobody is signed in afterwards")


def looks(program: Any) -> None:
    """Make requests that attempt nothing."""
    browser = program.browser()
    for label, method, path in (
        ("something else", "GET", "/about"),
        ("the start page", "GET", "/"),
        ("the sign-in page", "GET", "/signin"),
        ("callback without anything", "GET", "/callback"),
        ("the configuration", "GET", "/.well-known/openid-configuration"),
        ("an address that there is not", "POST", "/oauth/nothing"),
        ("GET of the token endpoint", "GET", "/oauth/token"),
        ("OPTIONS of the token endpoint", "OPTIONS", "/oauth/token"),
        ("HEAD of the keys", "HEAD", "/.well-known/jwks.json"),
        ("to the other provider", "GET", "/to-provider"),
    ):
        answer = browser.send(label, method, path, action=None)
        answer.was("none", f"{answer.status}, nothing was attempted")
