"""The security API: tokens, and users by JSON."""

from __future__ import annotations

from typing import Any

from people import Person, done, page, refused, user
from program import Answer, Program

LOGIN = "PasswordsAuthenticate"
REFRESH = "SessionsAuthenticate"
BASE = "/api/v1/security"


def security_api(program: Program) -> None:
    """Make the requests of this module."""
    tokens = login(program)
    refresh(program, tokens)
    users(program, tokens["access_token"])


def login(program: Program) -> dict[str, Any]:
    """Get tokens; return them."""
    ada, where = Person(program, "ada"), f"{BASE}/login"
    right = {**ada.right(), "provider": "db", "refresh": True}
    for label, data, status in (
        ("wrong password", {**right, "password": "wrong"}, 401),
        ("unknown user", {**right, "username": "nobody"}, 401),
        ("disabled account", {**right, **Person(program, "barbara").right()}, 401),
        ("no provider", ada.right(), 500),
        ("another provider", {**right, "provider": "ldap"}, 400),
        ("empty", {}, 400),
    ):
        answer = ada.browser.send(f"login API, {label}", "POST", where, action=LOGIN, json=data)
        assert "access_token" not in answer.text
        refused(answer, status, f"{status}; no token in the answer")
    answer = ada.browser.send("login API, by form", "POST", where, action=LOGIN, data=right)
    refused(answer, 400, "400: only JSON is taken")
    answer = ada.browser.send(
        "login API, malformed",
        "POST",
        where,
        action=LOGIN,
        data="{",
        headers={"Content-Type": "application/json"},
    )
    assert answer.status in (400, 500), answer.status
    refused(answer, answer.status, "the body could not be read")
    answer = ada.browser.send("login API", "POST", where, action=LOGIN, json=right)
    tokens: dict[str, Any] = answer.json()
    assert users_seen(ada, tokens["access_token"]) == 200
    done(answer, 200, "the access token opens the list of users")
    page(ada.browser.send("login API by GET", "GET", where, action=None), 405, "only POST")
    return tokens


def bearer(token: str) -> dict[str, str]:
    """Return the header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


def users_seen(person: Person, token: str) -> int:
    """Return what the list of users answers to a token."""
    return person.browser.peek("GET", f"{BASE}/users/", headers=bearer(token)).status


def refresh(program: Program, tokens: dict[str, Any]) -> None:
    """Renew an access token."""
    ada, where = Person(program, "ada"), f"{BASE}/refresh"
    for label, headers in (
        ("no token", {}),
        ("access token instead", bearer(tokens["access_token"])),
        ("not a token", bearer("nonsense")),
        ("bad signature", bearer(tokens["refresh_token"][:-4] + "AAAA")),
    ):
        answer = ada.browser.send(
            f"refresh API, {label}", "POST", where, action=REFRESH, headers=headers
        )
        assert "access_token" not in answer.text
        assert answer.status in (401, 422), answer.status
        refused(answer, answer.status, f"{answer.status}; no token in the answer")
    headers = bearer(tokens["refresh_token"])
    answer = ada.browser.send("refresh API", "POST", where, action=REFRESH, headers=headers)
    assert users_seen(ada, answer.json()["access_token"]) == 200
    done(answer, 200, "the new token opens the list of users")


def users(program: Program, token: str) -> None:
    """Administer users by JSON."""
    ada, where = Person(program, "ada"), f"{BASE}/users/"

    def send(label: str, method: str, path: str, action: str, **options: Any) -> Answer:
        route = f"{BASE}/users/<pk>" if path != where else None
        return ada.browser.send(label, method, path, action=action, route=route, **options)

    new = {
        "username": "jean",
        "first_name": "Jean",
        "last_name": "Example",
        "email": "jean@example.com",
        "password": "jean has a password",
        "active": True,
        "roles": [1],
    }
    answer = send("add user API, no token", "POST", where, "CreateUser", json=new)
    refused(answer, 401, "401: no token")
    alan = ada.browser.peek(
        "POST", f"{BASE}/login", json={**Person(program, "alan").right(), "provider": "db"}
    ).json()["access_token"]
    answer = send(
        "add user API, not allowed", "POST", where, "CreateUser", json=new, headers=bearer(alan)
    )
    refused(answer, 403, "403: the user may not")
    headers = bearer(token)
    answer = send("add user API, empty", "POST", where, "CreateUser", json={}, headers=headers)
    assert not user(program, "jean")
    refused(answer, 400, "400; the user is not there")
    answer = send("add user API", "POST", where, "CreateUser", json=new, headers=headers)
    assert user(program, "jean")
    done(answer, 201, "the user is there")
    answer = send("add user API, taken", "POST", where, "CreateUser", json=new, headers=headers)
    refused(answer, 422, "422: taken")
    one = f"{where}{user(program, 'jean')['id']}"
    answer = send("get user API", "GET", one, "GetUser", headers=headers)
    assert answer.json()["result"]["username"] == "jean"
    done(answer, 200, "the answer holds the user")
    answer = send("get user API, unknown", "GET", f"{where}9999", "GetUser", headers=headers)
    refused(answer, 404, "404: no such user")
    changed = {"first_name": "Jeannie"}
    answer = send("change user API", "PUT", one, "UpdateUser", json=changed, headers=headers)
    assert user(program, "jean")["first_name"] == "Jeannie"
    done(answer, 200, "the user is changed")
    answer = send("change user API, no token", "PUT", one, "UpdateUser", json=changed)
    refused(answer, 401, "401: no token")
    answer = send("list users API", "GET", where, "SearchUsersExternal", headers=headers)
    done(answer, 200, "the answer holds the users")
    answer = send("list users API, no token", "GET", where, "SearchUsersExternal")
    refused(answer, 401, "401: no token")
    answer = send("delete user API", "DELETE", one, "DeleteUser", headers=headers)
    assert not user(program, "jean")
    done(answer, 200, "the user is gone")
    answer = send("delete user API, unknown", "DELETE", one, "DeleteUser", headers=headers)
    refused(answer, 404, "404: no such user")
    answer = ada.browser.send(
        "list roles API", "GET", f"{BASE}/roles/", action=None, headers=headers
    )
    page(answer, 200, "roles are no users")
