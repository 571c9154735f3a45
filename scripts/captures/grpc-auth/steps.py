"""What is asked of the auth service over gRPC, and what its client got."""

from __future__ import annotations

from typing import Any

from program import Browser, Program
from vendor_steps import ENVIRONMENT

__all__ = ["ENVIRONMENT", "PACKS", "drive"]

PACKS: list[str] = []
AUTH, KEYS, HEALTH = "acme.auth.v1.Auth", "acme.keys.v1.Keys", "grpc.health.v1.Health"
ADA = {"email": "ada@example.com", "password": "correct-horse"}


class Client:
    """Calls the service, and says what came of it."""

    def __init__(self, program: Program) -> None:
        """Know the program."""
        self._program = program
        self._browser: Browser = program.browser()

    def call(
        self,
        label: str,
        method: str,
        action: str | None,
        message: dict[str, Any],
        *,
        service: str = AUTH,
        kind: str = "server",
        nobody: bool = False,
    ) -> Any:
        """Make one call; the client's code is what really happened."""
        answer = self._browser.send(
            label,
            "POST",
            "/call",
            action=action,
            route=f"{service}/{method}",
            kind=kind,
            json={"service": service, "method": method, "message": message, "nobody": nobody},
        )
        asked = self._program.asked[-1]
        asked.method, asked.http_status = "RPC", None
        said = answer.json()
        if action is None:
            answer.was("none", "no call of the auth service")
        elif "raised" in said:
            answer.was("error", f"the client got {said['raised']}")
        else:
            answer.was("success", "the client got the message that it asked for")
        return said.get("returned")


def drive(program: Program) -> None:
    """Make every call."""
    client = Client(program)
    call = client.call
    token = call("login", "LogIn", "PasswordsAuthenticate", ADA)["token"]
    wrong = ADA | {"password": "wrong"}
    call("login, wrong password", "LogIn", "PasswordsAuthenticate", wrong)
    unknown = ADA | {"email": "eve@example.com"}
    call("login, unknown user", "LogIn", "PasswordsAuthenticate", unknown)
    call("login, too many attempts", "LogIn", "PasswordsAuthenticate", ADA | {"attempts": 9})
    call("login, the handler raises", "LogIn", "PasswordsAuthenticate", {"email": "x"})
    call("session", "CheckSession", "SessionsAuthenticate", {"token": token})
    call("session, unknown", "CheckSession", "SessionsAuthenticate", {"token": "made-up"})
    call("session, the handler raises", "CheckSession", "SessionsAuthenticate", {})
    bob = {"email": "bob@example.com", "password": "battery-staple"}
    call("register", "Register", "CreateUser", bob)
    call("register, taken", "Register", "CreateUser", bob)
    call("register, the handler raises", "Register", "CreateUser", {"email": "carl@example.com"})
    call("watch sessions", "WatchSessions", "SessionsGet", {"allowed": True})
    call("watch sessions, broken off", "WatchSessions", "SessionsGet", {})
    call("log out", "LogOut", "SessionsRevoke", {"token": token})
    call("session, after the log-out", "CheckSession", "SessionsAuthenticate", {"token": token})
    call("health", "Check", None, {}, service=HEALTH)
    keys = {"service": KEYS, "kind": "client"}
    call("keys", "GetKeys", "SessionsJwks", {}, **keys)
    call("keys, refused", "GetKeys", "SessionsJwks", {"fail": True}, **keys)
    call("keys, nobody answers", "GetKeys", "SessionsJwks", {}, nobody=True, **keys)
