"""What browsers do at a Kratos that is behind a gateway: every answer is a redirect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from program import Answer, Browser, Program

PACKS = ["kratos_api"]
COMMAND = ("sh", "run.sh", "{bin}")
ENVIRONMENT = {"KRATOS_FILES": str(Path(__file__).parent.parent / "kratos")}
VERSIONS = {"kratos": "1.3.1"}

SELF = "/self-service"
PASSWORD = "correct-horse-battery-staple"
EMAIL = "ada@example.com"


def step(
    browser: Browser, label: str, kind: str, action: str, fields: dict[str, str], limit: str = ""
) -> Answer:
    """Take a step of a new flow as a form does, and say what came of it."""
    flow = browser.peek("GET", f"{SELF}/{kind}/browser").location.partition("flow=")[2]
    page = browser.peek("GET", f"{SELF}/{kind}/flows?id={flow}").json()
    csrf = next(
        node["attributes"]["value"]
        for node in page["ui"]["nodes"]
        if node["attributes"].get("name") == "csrf_token"
    )
    before = signed_in(browser)
    answer = browser.send(
        label,
        "POST",
        f"{SELF}/{kind}?flow={flow}",
        action=action,
        data={"method": "password", "csrf_token": csrf, **fields},
        headers={"Accept": "text/html"},
    )
    succeeded = signed_in(browser) and not before
    aim = "a flow again" if "flow=" in answer.location else "no flow"
    why = f"signed in afterwards: {succeeded}; the redirect leads to {aim}"
    limits = {"default": f"error seen as success: {limit}"} if limit else {}
    answer.was("success" if succeeded else "error", why, known_limit=limits)
    return answer


def signed_in(browser: Browser) -> bool:
    """Whether the browser has a session."""
    return browser.peek("GET", "/sessions/whoami").status == 200


def drive(program: Program) -> None:
    """Make every request."""
    unseen = "303 both ways, and the redirect's aim is not captured"
    ada, eve = program.browser(), program.browser()
    ada.send("open a page", "GET", f"{SELF}/registration/browser", action=None).was(
        "none", "a flow is opened, nothing is tried"
    )
    user: dict[str, Any] = {"traits.email": EMAIL, "password": PASSWORD}
    step(ada, "register", "registration", "CreateUser", user)
    step(eve, "register, taken", "registration", "CreateUser", user, unseen)
    login = "PasswordsAuthenticate"
    right = {"identifier": EMAIL, "password": PASSWORD}
    step(eve, "log in, wrong password", "login", login, right | {"password": "wrong"}, unseen)
    step(eve, "log in, unknown user", "login", login, right | {"identifier": "x@y.z"}, unseen)
    step(eve, "log in", "login", login, right)
    answer = eve.send("session", "GET", "/sessions/whoami", action="SessionsAuthenticate")
    answer.was("success" if EMAIL in answer.text else "error", "the answer names the user")
    link = eve.peek("GET", f"{SELF}/logout/browser").json()["logout_token"]
    answer = eve.send("log out", "GET", f"{SELF}/logout?token={link}", action="SessionsRevoke")
    answer.was("error" if signed_in(eve) else "success", "the session is gone")
    answer = eve.send("session, none", "GET", "/sessions/whoami", action="SessionsAuthenticate")
    answer.was("error", "401")
    eve.send("a page of the error", "GET", f"{SELF}/errors?id=stub:500", action=None).was(
        "none", "no auth call"
    )
