"""Somebody with a browser or an app, and what one can find out behind the site's back."""

from __future__ import annotations

import itertools
import re
import sqlite3
import time
from contextlib import closing
from email import message_from_bytes, policy
from typing import Any

MAIL_S_MAX = 30.0
_address = itertools.count(1)


class Person:
    """One browser with an address of its own, so that nobody spoils another one's rate limits."""

    def __init__(self, program: Any, address: str | None = None) -> None:
        """Start signed out."""
        self.program = program
        self.browser = program.browser()
        number = next(_address)
        self.address = address or f"10.0.{number // 250}.{number % 250 + 1}"
        self.browser.session.headers["X-Client-IP"] = self.address

    def get(self, label: str, path: str, *, action: str | None = None, **options: Any) -> Any:
        """Open a page; recorded."""
        return self.browser.send(label, "GET", path, action=action, **options)

    def post(
        self, label: str, path: str, data: dict[str, Any] | None = None, *, action: str, **more: Any
    ) -> Any:
        """Send a form with its CSRF token; recorded."""
        form = {**(data or {}), "csrfmiddlewaretoken": self.csrf()}
        return self.browser.send(label, "POST", path, action=action, data=form, **more)

    def quietly(self, path: str, data: dict[str, Any]) -> Any:
        """Send a form without leaving a span."""
        form = {**data, "csrfmiddlewaretoken": self.csrf()}
        return self.browser.peek("POST", path, data=form)

    def csrf(self) -> str:
        """Return the token that forms must carry."""
        if "csrftoken" not in self.browser.session.cookies:
            self.browser.peek("GET", "/admin/login/")
        return str(self.browser.session.cookies["csrftoken"])

    def who(self) -> str | None:
        """Return who the site takes this person for."""
        name: str | None = self.browser.peek("GET", "/").json()["user"]
        return name


def value(program: Any, sql: str, *arguments: str) -> Any:
    """Return the first column of the first row that the site's database has."""
    with closing(sqlite3.connect(program.data_dir / "db.sqlite3", timeout=30.0)) as database:
        row = database.execute(sql, arguments).fetchone()
    return row[0] if row else None


def password_of(program: Any, email: str) -> Any:
    """Return the hash of somebody's password, to see whether it changed."""
    return value(program, "SELECT password FROM auth_user WHERE email = ?", email)


def mails(program: Any, to: str) -> list[str]:
    """Return the texts of the mails to somebody, in the order in which they were sent."""
    found = []
    folder = program.data_dir / "mail"
    for path in sorted(folder.glob("*.log"), key=lambda path: path.stat().st_mtime_ns):
        for raw in path.read_bytes().split(b"-" * 79 + b"\n"):
            message = message_from_bytes(raw, policy=policy.default)
            if message["To"] == to:
                found.append(str(message.get_content()))
    return found


def in_mail(program: Any, to: str, pattern: str, *, after: int = 0) -> str:
    """Return what a pattern's group finds in the newest mail to somebody.

    Args:
        program: the site.
        to: whose mail.
        pattern: with one group.
        after: how many mails there were before; a newer one is waited for.

    """
    deadline = time.monotonic() + MAIL_S_MAX
    while len(texts := mails(program, to)) <= after:
        if time.monotonic() > deadline:
            raise TimeoutError(f"no mail for {to}")
        time.sleep(0.1)
    found = re.search(pattern, texts[-1])
    if found is None:
        raise ValueError(f"the mail for {to} has no {pattern}: {texts[-1]}")
    return found[1]
