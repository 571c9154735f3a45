"""Users of flask-security/app.py, as a page's forms or a script would act for them."""

from __future__ import annotations

import json
import re
import sqlite3
from typing import Any

from program import Answer, Program

JSON = {"Accept": "application/json"}
HTML_SHOWN = {"default": "error seen as success: 200, and no content type to see that it is a form"}
"""Known limit of a form that is shown again."""


def always(limit: str) -> dict[str, str]:
    """Return a known limit of both variants."""
    return {"default": limit, "stable": limit}


SAME_PAGE = always("error seen as success: a page with 200 either way")


def redirect_shown(what: str) -> dict[str, str]:
    """Return the known limit of an error that only the Location header tells."""
    return {"default": f"error seen as success: 302, and no Location to see that {what}"}


class Person:
    """One browser of one user."""

    def __init__(self, program: Program, name: str) -> None:
        """Be nobody yet to the program."""
        self.name = name
        self.email = f"{name}@example.com"
        self.password = f"{name} has a password"
        self.browser = program.browser()
        self.program = program

    def form(
        self,
        label: str,
        path: str,
        action: str | None,
        data: dict[str, Any],
        *,
        route: str | None = None,
        csrf: bool = True,
        **options: Any,
    ) -> Answer:
        """Submit a form as its page would."""
        if csrf:
            data = {**data, "csrf_token": self.csrf_token()}
        return self.browser.send(
            label, "POST", path, action=action, route=route, data=data, **options
        )

    def json(
        self,
        label: str,
        path: str,
        action: str | None,
        data: dict[str, Any],
        *,
        route: str | None = None,
    ) -> Answer:
        """Send JSON as a page's script would."""
        data = {**data, "csrf_token": self.csrf_token()}
        return self.browser.send(
            label, "POST", path, action=action, route=route, json=data, headers=JSON
        )

    def get(self, label: str, path: str, action: str | None = None, **options: Any) -> Answer:
        """Open a page."""
        return self.browser.send(label, "GET", path, action=action, **options)

    def csrf_token(self) -> str:
        """Return what forms carry."""
        return self.browser.peek("GET", "/csrf").text

    def is_signed_in(self) -> bool:
        """Return whether the program knows this browser as this user."""
        answer = self.browser.peek("GET", "/me", headers=JSON)
        assert answer.status in (200, 401), answer.text
        return answer.status == 200 and bool(answer.json()["email"] == self.email)

    def sign_in(self) -> None:
        """Sign in outside of the capture."""
        data = {"email": self.email, "password": self.password, "remember": "y"}
        data["csrf_token"] = self.csrf_token()
        answer = self.browser.peek("POST", "/login", data=data)
        assert answer.status == 302, answer.text

    def restart(self) -> None:
        """Close and open the browser: the session is gone, the cookie to be remembered is not."""
        self.browser.session.cookies.set("session", None)
        assert self.is_signed_in()

    def knows_password(self, password: str) -> bool:
        """Return whether somebody could sign in with a password."""
        other = Person(self.program, self.name)
        data = {"email": self.email, "password": password, "csrf_token": other.csrf_token()}
        answer = other.browser.peek("POST", "/login", json=data, headers=JSON)
        assert answer.status in (200, 400), answer.text
        return answer.status == 200


def again(answer: Answer, why: str) -> None:
    """Say that a form failed: it was shown again."""
    assert answer.status == 200, answer.text
    assert answer.response.headers["Content-Type"].startswith("text/html")
    answer.was("error", why, known_limit=HTML_SHOWN)


def refused(answer: Answer, status: int, why: str) -> None:
    """Say that a request failed with a status of its own."""
    assert answer.status == status, answer.text
    answer.was("error", why)


def sent_to(answer: Answer, place: str, why: str) -> None:
    """Say that a request failed: the browser was sent to a place that tells so."""
    assert answer.status == 302, answer.text
    assert answer.location.partition("?")[0] == place, answer.location
    answer.was("error", why, known_limit=redirect_shown(f"it goes to {place}"))


def done(answer: Answer, status: int, why: str) -> None:
    """Say that a request did what it was for."""
    assert answer.status == status, answer.text
    answer.was("success", why)


def page(answer: Answer, status: int, why: str = "a page was looked at") -> None:
    """Say that nothing was attempted."""
    assert answer.status == status, answer.text
    answer.was("none", why)


def mails(program: Program, to: str) -> list[str]:
    """Return the texts of all mails to an address."""
    path = program.data_dir / "mail.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [mail["body"] for line in lines if (mail := json.loads(line))["to"] == to]


def link(program: Program, to: str) -> str:
    """Return path and query of the link in the last mail to an address."""
    found = re.search(r"https?://[^/]+(/\S+)", mails(program, to)[-1])
    assert found, mails(program, to)
    return found[1].replace("&amp;", "&").rstrip(".")


def mailed_code(program: Program, to: str) -> str:
    """Return the code in the last mail to an address."""
    found = re.search(r"\b(\d{6})\b", mails(program, to)[-1])
    assert found, mails(program, to)
    return found[1]


def row(program: Program, email: str) -> dict[str, Any] | None:
    """Return a user's row, looked up in the program's database."""
    with sqlite3.connect(program.data_dir / "users.sqlite") as connection:
        connection.row_factory = sqlite3.Row
        found = connection.execute("select * from user where email = ?", (email,)).fetchone()
    return None if found is None else dict(found)
