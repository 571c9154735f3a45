"""Users of flask-appbuilder/app.py, as a browser or a script acts for them."""

from __future__ import annotations

import sqlite3
from typing import Any

from program import Answer, Program


class Person:
    """One browser of one user."""

    def __init__(self, program: Program, name: str) -> None:
        """Be nobody yet to the program."""
        self.name = name
        self.password = f"{name} has a password"
        self.browser = program.browser()
        self.program = program

    def right(self) -> dict[str, Any]:
        """Return what lets in."""
        return {"username": self.name, "password": self.password}

    def csrf_token(self) -> str:
        """Return what forms carry."""
        return self.browser.peek("GET", "/csrf").text

    def form(
        self,
        label: str,
        path: str,
        action: str | None,
        data: dict[str, Any],
        *,
        route: str | None = None,
        csrf: bool = True,
    ) -> Answer:
        """Submit a form as its page would."""
        if csrf:
            data = {**data, "csrf_token": self.csrf_token()}
        return self.browser.send(label, "POST", path, action=action, route=route, data=data)

    def get(
        self, label: str, path: str, action: str | None = None, *, route: str | None = None
    ) -> Answer:
        """Open a page."""
        return self.browser.send(label, "GET", path, action=action, route=route)

    def is_signed_in(self) -> bool:
        """Return whether the user's own page opens."""
        answer = self.browser.peek("GET", "/users/userinfo/")
        assert answer.status in (200, 302), answer.text
        return answer.status == 200

    def sign_in(self) -> None:
        """Sign in outside of the capture."""
        data = {**self.right(), "csrf_token": self.csrf_token()}
        answer = self.browser.peek("POST", "/login/", data=data)
        assert answer.location == "/", answer.text

    def knows_password(self, password: str) -> bool:
        """Return whether somebody could sign in with a password."""
        data = {"username": self.name, "password": password, "provider": "db"}
        other = self.program.browser()
        answer = other.peek("POST", "/api/v1/security/login", json=data)
        assert answer.status in (200, 401), answer.text
        return answer.status == 200


def again(answer: Answer, why: str) -> None:
    """Say that a form failed: it was shown again."""
    assert answer.status == 200, answer.text
    assert answer.response.headers["Content-Type"].startswith("text/html")
    limit = {"default": "error seen as success: 200, and no content type to see that it is a form"}
    answer.was("error", why, known_limit=limit)


def refused(answer: Answer, status: int, why: str) -> None:
    """Say that a request failed with a status of its own."""
    assert answer.status == status, answer.text
    answer.was("error", why)


def sent_to_login(answer: Answer, why: str) -> None:
    """Say that a request failed: the browser was sent to the login page."""
    assert answer.status == 302, answer.text
    assert answer.location.partition("?")[0] == "/login/", answer.location
    limit = {
        "default": "error seen as success: 302, and no Location to see that it goes to /login/"
    }
    answer.was("error", why, known_limit=limit)


def done(answer: Answer, status: int, why: str) -> None:
    """Say that a request did what it was for."""
    assert answer.status == status, answer.text
    answer.was("success", why)


def page(answer: Answer, status: int, why: str = "a page was looked at") -> None:
    """Say that nothing was attempted."""
    assert answer.status == status, answer.text
    answer.was("none", why)


def user(program: Program, name: str) -> dict[str, Any]:
    """Return a user's row, empty if there is none."""
    with sqlite3.connect(program.data_dir / "users.sqlite") as connection:
        connection.row_factory = sqlite3.Row
        found = connection.execute("select * from ab_user where username = ?", (name,)).fetchone()
    return {} if found is None else dict(found)


def mailed_link(program: Program, address: str) -> str:
    """Return the path of the link in the last mail to an address."""
    lines = (program.data_dir / "mail.txt").read_text().splitlines()
    return [line.split()[1] for line in lines if line.startswith(address)][-1]
