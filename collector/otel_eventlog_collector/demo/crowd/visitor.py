"""One simulated person and the HTTP client in their hands."""

from __future__ import annotations

import itertools
import random
import secrets
import threading
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Self

import httpx

from otel_eventlog_collector.demo.crowd.ledger import Entry, Intent, Ledger

ANSWER_TIMEOUT_S = 30.0
PAUSE_S = (0.02, 0.2)
NAMES = ("ada", "ben", "chloe", "deniz", "emre", "fatou", "grace", "hugo", "ines", "jun", "kofi")
USER_AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64) DemoBrowser/1.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) DemoBrowser/1.0",
    "DemoApp/3.2 (iPhone; iOS 18.1)",
    "DemoApp/3.1 (Android 15)",
)

_numbers = itertools.count(1)
_turns = itertools.count()


class Unexpected(Exception):  # noqa: N818 - no error of ours: the app answered otherwise
    """The rest of a visit makes no sense, because an answer was not the intended one."""


class Visitor:
    """A person who is new to an app: an e-mail address, a password, a browser."""

    def __init__(self, service: str, base_url: str, ledger: Ledger, stop: threading.Event) -> None:
        """Make up somebody; `stop` cuts their pauses short."""
        self._service = service
        self._ledger = ledger
        self._stop = stop
        self._client = httpx.Client(
            base_url=base_url,
            timeout=ANSWER_TIMEOUT_S,
            trust_env=False,  # a proxy in the environment is not for requests to this machine
            headers={
                "User-Agent": random.choice(USER_AGENTS),  # noqa: S311 - variety
                # Addresses for documentation (RFC 5737). Uvicorn believes them from loopback.
                "X-Forwarded-For": f"203.0.113.{random.randrange(1, 255)}",  # noqa: S311
            },
        )
        name = random.choice(NAMES)  # noqa: S311
        self.email = f"{name}.{next(_numbers)}.{secrets.token_hex(2)}@example.com"
        self.password = secrets.token_urlsafe(9)
        self.user_id: str | None = None

    def __enter__(self) -> Self:
        """Return the visitor itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self._client.close()

    def pause(self) -> None:
        """Do nothing for a moment, as people do."""
        self._stop.wait(random.uniform(*PAUSE_S))  # noqa: S311

    def look(self, path: str, *, answer: int = 200, location: str | None = None) -> httpx.Response:
        """Look at a page, which is no auth call.

        Raises:
            Unexpected: the answer was another one.

        """
        return self.attempt(Intent(None, None, answer, location), "GET", path)

    def newest_mail(self, mailbox: str) -> str:
        """Return the text of the newest mail in the mailbox at a path."""
        return str(self.look(f"{mailbox}/{self.email}").json()[0]["text"])

    def attempt(self, intent: Intent, method: str, path: str, **content: Any) -> httpx.Response:
        """Send a request and write it down; `content` as for `send`.

        Raises:
            Unexpected: the answer was not the intended one (which is written down as well).

        """
        response = self.send(intent, method, path, **content)
        if response is None or response.status_code != intent.answer:
            raise Unexpected(f"{method} {path} was not answered with {intent.answer}")
        return response

    def send(
        self,
        intent: Intent,
        method: str,
        path: str,
        *,
        form: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
        token: str | None = None,
    ) -> httpx.Response | None:
        """Send a request and write it down; return the answer, or None if none came.

        Args:
            intent: what is wanted.
            method: HTTP method.
            path: path and query string.
            form: fields of an HTML form.
            json: JSON body.
            token: bearer token.

        """
        correlation_id = str(uuid.uuid4())
        headers = {"X-Request-Id": correlation_id}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        trace_id, sampled = _trace_context(headers)
        response: httpx.Response | None = None
        before = time.time_ns()
        with suppress(httpx.TransportError):
            response = self._client.request(method, path, data=form, json=json, headers=headers)
        after = time.time_ns()
        status_code = None if response is None else response.status_code
        location = None if response is None else response.headers.get("location")
        right_place = (location or "").startswith(intent.location or "")
        self._ledger.add(
            Entry(
                service=self._service,
                method=method,
                path=path.partition("?")[0],
                action=intent.action,
                expected=intent.expected,
                error_type=intent.error_type,
                next_step=intent.next_step,
                user_id=None if intent.anonymous or not intent.action else self.user_id,
                correlation_id=correlation_id,
                trace_id=trace_id,
                trace_sampled=sampled,
                status_code=status_code,
                location=location,
                as_intended=status_code == intent.answer and right_place,
                before_unix_nano=before,
                after_unix_nano=after,
            )
        )
        return response


def _trace_context(headers: dict[str, str]) -> tuple[str | None, bool | None]:
    """Send a trace context of one's own with every other request, one in sixteen not sampled."""
    turn = next(_turns) % 16
    if turn % 2:
        return None, None
    trace_id, sampled = secrets.token_hex(16), turn > 0
    headers["traceparent"] = f"00-{trace_id}-{secrets.token_hex(8)}-{'01' if sampled else '00'}"
    return trace_id, sampled
