"""Somebody with an app, or a page made of scripts, that talks to django-allauth's headless API."""

from __future__ import annotations

from typing import Any

from allauth_people import Person


class App(Person):
    """An app that keeps a session token instead of cookies."""

    base = "/_allauth/app/v1/"

    def __init__(self, program: Any) -> None:
        """Start signed out."""
        super().__init__(program)
        self.tokens: dict[str, Any] = {}

    def headers(self) -> dict[str, str]:
        """Return what authenticates the app's requests."""
        token = self.tokens.get("session_token")
        return {"X-Session-Token": token} if token else {}

    def call(
        self,
        label: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        action: str | None,
        **more: Any,
    ) -> Any:
        """Make a request; recorded."""
        headers = self.headers() | more.pop("headers", {})
        answer = self.browser.send(
            label, method, self.base + path, action=action, json=body, headers=headers, **more
        )
        self._remember(answer)
        return answer

    def quiet(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Make a request that leaves no span."""
        answer = self.browser.peek(
            method, self.base + path, json=body, headers=self.headers() | headers
        )
        self._remember(answer)
        return answer

    def signed_in(self) -> bool:
        """Say whether the API takes this app for somebody."""
        answer = self.browser.peek("GET", self.base + "auth/session", headers=self.headers())
        return bool(answer.status == 200)

    def _remember(self, answer: Any) -> None:
        if not answer.text or "json" not in answer.response.headers.get("Content-Type", ""):
            return
        meta = answer.json().get("meta") or {}
        for name in ("session_token", "access_token", "refresh_token"):
            if meta.get(name):
                self.tokens[name] = meta[name]


class Script(App):
    """A page made of scripts: cookies, and the CSRF token in a header."""

    base = "/_allauth/browser/v1/"

    def headers(self) -> dict[str, str]:
        """Return what unsafe requests must carry."""
        return {"X-CSRFToken": self.csrf()}
