"""What is asked of Kratos, for programs and for browsers, and of its administration."""

from __future__ import annotations

import re
from typing import Any

from program import Answer, Browser, Program

PACKS = ["kratos_api"]
COMMAND = ("sh", "run.sh")
ENVIRONMENT = {"OTEL_HTTP_CLIENT_COMPATIBILITY_MODE": "http/dup"}
KINDS = ("server", "internal")  # a hundred SQL statements a request say nothing
VERSIONS = {"kratos": "1.3.1", "otelhttp": "0.53.0"}

SELF = "/self-service"
PASSWORD = "correct-horse-battery-staple"
EMAIL = "ada@example.com"
SAME_ROUTE = "the first step and the second have the same route"


class Flows:
    """Opens flows, and takes their steps."""

    def __init__(self, program: Program) -> None:
        """Know the program."""
        self.browser = program.browser()

    def opened(self, kind: str, token: str = "") -> str:
        """Open a flow for a program, unrecorded, and return its id."""
        headers = {"X-Session-Token": token} if token else {}
        answer = self.browser.peek("GET", f"{SELF}/{kind}/api", headers=headers)
        return str(answer.json()["id"])

    def step(
        self,
        label: str,
        kind: str,
        action: str,
        body: dict[str, Any],
        *,
        flow: str = "",
        token: str = "",
    ) -> Answer:
        """Take a step of a flow for a program; a new one unless it is named."""
        flow = flow or self.opened(kind, token)
        headers = {"X-Session-Token": token} if token else {}
        return self.browser.send(
            label, "POST", f"{SELF}/{kind}?flow={flow}", action=action, json=body, headers=headers
        )

    def is_good(self, token: str) -> bool:
        """Whether a session token opens the door."""
        headers = {"X-Session-Token": token}
        return self.browser.peek("GET", "/sessions/whoami", headers=headers).status == 200


def register(flows: Flows) -> None:
    """Register, and fail to."""
    flows.browser.send("open a registration", "GET", f"{SELF}/registration/api", action=None).was(
        "none", "a flow is opened, nothing is tried"
    )
    body = {"method": "password", "password": PASSWORD, "traits": {"email": EMAIL}}
    answer = flows.step("register", "registration", "CreateUser", body)
    good = flows.is_good(answer.json()["session_token"])
    answer.was("success" if good else "error", "the session token opens the door")
    answer = flows.step("register, taken", "registration", "CreateUser", body)
    answer.was("error", "400, no session token: the address is taken")
    weak = body | {"password": "x", "traits": {"email": "bob@example.com"}}
    flows.step("register, weak password", "registration", "CreateUser", weak).was(
        "error", "400, no session token: the password is too short"
    )


def log_in(flows: Flows) -> str:
    """Log in, fail to, and return a session token."""
    flows.browser.send("open a log-in", "GET", f"{SELF}/login/api", action=None).was(
        "none", "a flow is opened, nothing is tried"
    )
    body = {"method": "password", "identifier": EMAIL, "password": PASSWORD}
    login = "PasswordsAuthenticate"
    answer = flows.step("log in", "login", login, body)
    token = str(answer.json()["session_token"])
    answer.was("success" if flows.is_good(token) else "error", "the session token opens the door")
    for label, changed in {
        "log in, wrong password": {"password": "wrong-horse"},
        "log in, unknown user": {"identifier": "eve@example.com"},
        "log in, no password": {"password": ""},
    }.items():
        flows.step(label, "login", login, body | changed).was("error", "400, no session token")
    made_up = "5a0c8a3e-5c5f-4b4e-9d9f-0f2f6a1c7b11"
    flows.step("log in, no such flow", "login", login, body, flow=made_up).was(
        "error", "404, no session token"
    )
    return token


def sessions(flows: Flows, token: str) -> None:
    """Check a session, change the password in it, end it."""
    send = flows.browser.send
    check = "SessionsAuthenticate"
    headers = {"X-Session-Token": token}
    answer = send("session", "GET", "/sessions/whoami", action=check, headers=headers)
    answer.was("success", f"the answer is {EMAIL}" if EMAIL in answer.text else "")
    send("session, none", "GET", "/sessions/whoami", action=check).was("error", "401")
    answer = send("sessions", "GET", "/sessions", action="SessionsGet", headers=headers)
    answer.was("success", "the answer is a list")
    changed = {"method": "password", "password": PASSWORD + "-2"}
    limit = "PasswordsSessionReset seen as UpdateUser: the method is in the body"
    answer = flows.step(
        "change of password", "settings", "PasswordsSessionReset", changed, token=token
    )
    answer.was("success", "200", known_limit={"default": limit, "stable": limit})
    answer = flows.step(
        "change of password, weak",
        "settings",
        "PasswordsSessionReset",
        changed | {"password": "x"},
        token=token,
    )
    answer.was("error", "400", known_limit={"default": limit, "stable": limit})
    out = f"{SELF}/logout/api"
    answer = send("log out", "DELETE", out, action="SessionsRevoke", json={"session_token": token})
    answer.was("error" if flows.is_good(token) else "success", "the token opens nothing any more")
    again = {"session_token": "made-up"}
    send("log out, no such session", "DELETE", out, action="SessionsRevoke", json=again).was(
        "error", "the token is refused"
    )
    answer = send("session, ended", "GET", "/sessions/whoami", action=check, headers=headers)
    answer.was("error", "401")


def recover(flows: Flows, admin: Browser) -> None:
    """Forget a password: the code is in the mail, which waits to be sent."""
    start = "PasswordsEmailResetStart"
    flow = flows.opened("recovery")
    body = {"method": "code", "email": EMAIL}
    answer = flows.step("forgotten password", "recovery", start, body, flow=flow)
    mails = admin.peek("GET", "/admin/courier/messages").json()
    mail = next(one for one in mails if one["template_type"] == "recovery_code_valid")
    answer.was("success", "the mail lies there")
    code = re.search(r"\b(\d{6})\b", mail["body"])
    limit = f"PasswordsEmailReset seen as {start} success: {SAME_ROUTE}, and both answer 200"
    answer = flows.step(
        "forgotten password, wrong code",
        "recovery",
        "PasswordsEmailReset",
        {"method": "code", "code": "000000"},
        flow=flow,
    )
    wrong = dict.fromkeys(("default", "stable"), limit)
    answer.was("error", "the code was made up", known_limit=wrong)
    answer = flows.step(
        "forgotten password, right code",
        "recovery",
        "PasswordsEmailReset",
        {"method": "code", "code": code[1] if code else ""},
        flow=flow,
    )
    moved = f"PasswordsEmailReset seen as {start}: {SAME_ROUTE}"
    right = dict.fromkeys(("default", "stable"), moved)
    answer.was("success", "the answer leads to the settings", known_limit=right)


def browsers(program: Program) -> None:
    """Log in with a browser: every answer is a redirect, and no span shows where to."""
    ada = program.browser()
    page = ada.send("open the log-in page", "GET", f"{SELF}/login/browser", action=None)
    page.was("none", "a flow is opened, nothing is tried")
    for label, password, outcome in (
        ("browser, wrong password", "wrong-horse", "error"),
        ("browser, right password", PASSWORD + "-2", "success"),
    ):
        opened = ada.peek("GET", f"{SELF}/login/browser").location
        flow = opened.partition("flow=")[2]
        nodes = ada.peek("GET", f"{SELF}/login/flows?id={flow}").json()["ui"]["nodes"]
        csrf = next(
            node["attributes"]["value"]
            for node in nodes
            if node["attributes"].get("name") == "csrf_token"
        )
        form = {"method": "password", "identifier": EMAIL, "password": password, "csrf_token": csrf}
        answer = ada.send(
            label,
            "POST",
            f"{SELF}/login?flow={flow}",
            action="PasswordsAuthenticate",
            data=form,
            headers={"Accept": "text/html"},
        )
        told = ada.peek("GET", "/sessions/whoami").status
        if (told == 200) != (outcome == "success"):
            raise ValueError(f"{label}: {answer.status} {answer.location} {told}")
        limit = "error seen as success: 303 both ways, and the redirect's aim is not on the span"
        limits = {} if outcome == "success" else {"default": limit, "stable": limit}
        aim = "a flow again" if "flow=" in answer.location else "no flow"
        why = f"the session is answered with {told}; the redirect leads to {aim}"
        answer.was(outcome, why, known_limit=limits)


def administer(admin: Browser) -> None:
    """Make, read, change and remove a user."""
    body = {"schema_id": "default", "traits": {"email": "carl@example.com"}}
    path = "/admin/identities"
    answer = admin.send("create user", "POST", path, action="CreateUser", json=body)
    user = f"{path}/{answer.json()['id']}"
    answer.was("success", "201")
    admin.send("create user, taken", "POST", path, action="CreateUser", json=body).was(
        "error", "409: the address is taken"
    )
    rows: list[tuple[str, str, str, str, dict[str, Any] | None]] = [
        ("list users", "GET", path, "SearchUsersExternal", None),
        ("get user", "GET", user, "GetUser", None),
        ("update user", "PUT", user, "UpdateUser", body | {"state": "inactive"}),
        ("delete user", "DELETE", user, "DeleteUser", None),
    ]
    route = f"{path}/{{id}}"
    for label, method, where, action, sent in rows:
        shown = route if where == user else where
        answer = admin.send(label, method, where, action=action, route=shown, json=sent)
        answer.was("success", str(answer.status))
    admin.send("get user, gone", "GET", user, action="GetUser", route=route).was("error", "404")


def drive(program: Program) -> None:
    """Make every request."""
    port = (program.data_dir / "admin-port").read_text().strip()
    administration = Program(f"http://127.0.0.1:{port}", program.data_dir)
    administration.asked = program.asked
    flows = Flows(program)
    register(flows)
    token = log_in(flows)
    sessions(flows, token)
    recover(flows, administration.browser())
    browsers(program)
    administer(administration.browser())
    flows.browser.send("schema", "GET", "/schemas", action=None).was("none", "no auth call")
