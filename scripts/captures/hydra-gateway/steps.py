"""What is asked of Hydra: by machines, by browsers, and by the program that logs people in."""

from __future__ import annotations

import secrets
from typing import Any

from program import Answer, Browser, Program

PACKS = ["hydra"]
COMMAND = ("sh", "run.sh", "{bin}")
VERSIONS = {"hydra": "2.2.0"}

CLIENTS = "/admin/clients"
REQUESTS = "/admin/oauth2/auth/requests"
CALLBACK = "http://127.0.0.1:4455/callback"
SECRET = "made-up-made-up"


def both(text: str) -> dict[str, str]:
    """Return a limit of both variants."""
    return dict.fromkeys(("default", "stable"), text)


def clients(admin: Browser) -> tuple[str, str]:
    """Make a client for a machine and one for a web application, and return their ids."""
    machine = {"client_secret": SECRET, "grant_types": ["client_credentials"]}
    create = "ConnectedAppsClientsCreate"
    answer = admin.send("create client", "POST", CLIENTS, action=create, json=machine)
    answer.was("success", "201, with an id")
    first = str(answer.json()["client_id"])
    web = {
        "client_secret": SECRET,
        "grant_types": ["authorization_code"],
        "redirect_uris": [CALLBACK],
        "scope": "openid",
    }
    second = str(admin.peek("POST", CLIENTS, json=web).json()["client_id"])
    bad = machine | {"redirect_uris": ["no address"]}
    admin.send("create client, no address", "POST", CLIENTS, action=create, json=bad).was(
        "error", "the client is refused"
    )
    listed = admin.send("list clients", "GET", CLIENTS, action="ConnectedAppsClientsSearch")
    listed.was("success" if first in listed.text else "error", "the list names the client")
    one, route = f"{CLIENTS}/{first}", f"{CLIENTS}/{{id}}"
    admin.send("get client", "GET", one, action="ConnectedAppsClientsGet", route=route).was(
        "success", "200"
    )
    changed = machine | {"client_name": "machine"}
    answer = admin.send(
        "update client", "PUT", one, action="ConnectedAppsClientsUpdate", route=route, json=changed
    )
    answer.was("success", "200")
    return first, second


def machine_tokens(public: Browser, admin: Browser, client: str) -> None:
    """Give a machine its token, ask about it, and take it back."""
    ask: dict[str, Any] = {"data": {"grant_type": "client_credentials"}, "auth": (client, SECRET)}
    limit = both("M2MToken seen as IDPOAuthToken: the grant stands in the body")
    answer = public.send("machine", "POST", "/oauth2/token", action="M2MToken", **ask)
    token = answer.json()["access_token"]
    answer.was("success", "there is an access token", known_limit=limit)
    wrong = ask | {"auth": (client, "wrong")}
    answer = public.send(
        "machine, wrong secret", "POST", "/oauth2/token", action="M2MToken", **wrong
    )
    answer.was("error", "401, no token", known_limit=limit)
    introspect = {"action": "IDPOAuthIntrospect"}
    path = "/admin/oauth2/introspect"
    answer = admin.send("introspect", "POST", path, data={"token": token}, **introspect)
    answer.was("success" if answer.json()["active"] else "error", "the token is active")
    answer = admin.send(
        "introspect, no token", "POST", path, data={"token": "made-up"}, **introspect
    )
    seen = both("error seen as success: the answer is 200, its body says active = false")
    answer.was("success" if answer.json()["active"] else "error", "not active", known_limit=seen)
    revoke: dict[str, Any] = {"action": "IDPOAuthRevoke", "data": {"token": token}}
    answer = public.send(
        "revoke, wrong secret", "POST", "/oauth2/revoke", **revoke, auth=wrong["auth"]
    )
    still = admin.peek("POST", path, data={"token": token}).json()["active"]
    answer.was("error" if still else "success", "the token is still active")
    answer = public.send("revoke", "POST", "/oauth2/revoke", **revoke, auth=ask["auth"])
    still = admin.peek("POST", path, data={"token": token}).json()["active"]
    answer.was("error" if still else "success", "the token is not active any more")


class LogIn:
    """Somebody who logs in at the web application, with the program that checks who it is."""

    def __init__(self, program: Program, admin: Browser, client: str) -> None:
        """Come with a browser of one's own."""
        self.browser = program.browser()
        self.admin = admin
        self.url = program.url
        self.client = client

    def begin(self, label: str, client: str) -> Answer:
        """Ask for access."""
        query = f"response_type=code&client_id={client}&redirect_uri={CALLBACK}&scope=openid"
        path = f"/oauth2/auth?{query}&state={secrets.token_hex(8)}"
        return self.browser.send(label, "GET", path, action="IDPOAuthAuthorizeStart")

    def decide(self, label: str, kind: str, said: str, challenge: str, body: Any) -> Answer:
        """Say what came of a log-in or of a consent."""
        action = "PasswordsAuthenticate" if kind == "login" else "IDPOAuthAuthorize"
        path = f"{REQUESTS}/{kind}/{said}?{kind}_challenge={challenge}"
        return self.admin.send(label, "PUT", path, action=action, json=body)

    def follow(self, label: str, answer: Answer) -> str:
        """Go where the browser is sent, back to Hydra, and return where that leads."""
        path = str(answer.json()["redirect_to"]).removeprefix(self.url)
        after = self.browser.send(label, "GET", path, action="IDPOAuthAuthorizeStart")
        after.was("success", "the browser is sent on without an error")
        if "error=" in after.location:
            raise ValueError(after.location)
        return after.location


def challenge_in(location: str, kind: str) -> str:
    """Return the challenge that a redirect carries."""
    return location.partition(f"{kind}_challenge=")[2].partition("&")[0]


def log_in(someone: LogIn) -> str:
    """Log in by code, and return the code."""
    answer = someone.begin("authorize, no such client", "made-up")
    seen = {"default": "error seen as success: the redirect's aim carries the error, uncaptured"}
    answer.was("error" if "error=" in answer.location else "success", "error=", known_limit=seen)
    answer = someone.begin("authorize, to be refused", someone.client)
    answer.was("success", "the browser is sent to the log-in page")
    challenge = challenge_in(answer.location, "login")
    refused = {"error": "access_denied", "error_description": "made up"}
    someone.decide("log-in refused", "login", "reject", challenge, refused).was(
        "error", "the log-in page says that nobody logged in"
    )
    answer = someone.begin("authorize", someone.client)
    answer.was("success", "the browser is sent to the log-in page")
    challenge = challenge_in(answer.location, "login")
    who = {"subject": "ada", "remember": True, "remember_for": 3600}
    someone.decide("log-in, no such challenge", "login", "accept", "made-up", who).was(
        "error", "the challenge is not known"
    )
    answer = someone.decide("log-in accepted", "login", "accept", challenge, who)
    answer.was("success", "the browser may go on")
    location = someone.follow("authorize, logged in", answer)
    granted = {"grant_scope": ["openid"]}
    challenge = challenge_in(location, "consent")
    answer = someone.decide("consent given", "consent", "accept", challenge, granted)
    answer.was("success", "the browser may go on")
    location = someone.follow("authorize, consent given", answer)
    return location.partition("code=")[2].partition("&")[0]


def tokens(public: Browser, admin: Browser, client: str, code: str) -> None:
    """Exchange a code, use the token, end the session."""
    ask: dict[str, Any] = {
        "action": "IDPOAuthToken",
        "data": {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK},
        "auth": (client, SECRET),
    }
    answer = public.send("code", "POST", "/oauth2/token", **ask)
    token = answer.json()["access_token"]
    answer.was("success", "there is an access token")
    headers = {"Authorization": f"Bearer {token}"}
    answer = public.send("userinfo", "GET", "/userinfo", action="IDPOAuthUserInfo", headers=headers)
    answer.was("success" if answer.json()["sub"] == "ada" else "error", "it says who")
    answer = public.send("userinfo, no token", "GET", "/userinfo", action="IDPOAuthUserInfo")
    answer.was("error", "401")
    public.send("code, used", "POST", "/oauth2/token", **ask).was("error", "no token")
    path = "/admin/oauth2/auth/sessions/login?subject=ada"
    admin.send("end sessions", "DELETE", path, action="SessionsRevoke").was("success", "204")


def drive(program: Program) -> None:
    """Make every request."""
    public, admin = program.browser(), program.browser()
    machine, web = clients(admin)
    machine_tokens(public, admin, machine)
    code = log_in(LogIn(program, admin, web))
    tokens(public, admin, web, code)
    public.send("keys", "GET", "/.well-known/jwks.json", action="SessionsJwks").was(
        "success", "the keys"
    )
    found = public.send("discovery", "GET", "/.well-known/openid-configuration", action=None)
    found.was("none", "no auth call")
    one, route = f"{CLIENTS}/{machine}", f"{CLIENTS}/{{id}}"
    delete = {"action": "ConnectedAppsClientsDelete", "route": route}
    admin.send("delete client", "DELETE", one, **delete).was("success", "204")
    admin.send("delete client, gone", "DELETE", one, **delete).was("error", "no such client")
