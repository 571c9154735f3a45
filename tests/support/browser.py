"""A real browser: finding one, and watching what its pages complain of and ask for."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Error, Page, Request

BROWSER = "OTEL_EVENTLOG_BROWSER"
"""Names a Chromium that is not on the path."""
REQUIRED = "OTEL_EVENTLOG_BROWSER_REQUIRED"
"""Set to 1 (as CI does), a missing browser is a failure and not a reason to skip."""
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
MISSING = f"no browser: `apt-get install chromium`, or name one in {BROWSER}"

_TELL_VIOLATIONS = """
    addEventListener("securitypolicyviolation", (event) =>
        console.error(`policy violated: ${event.violatedDirective} ${event.blockedURI}`));
"""


def find_browser(environment: Mapping[str, str] = os.environ) -> str | None:
    """Return the program of a Chromium of this machine, or None."""
    for name in (environment.get(BROWSER), *NAMES):
        if name and (found := shutil.which(name)):
            return found
    return None


def is_required(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether a missing browser is a failure."""
    return environment.get(REQUIRED) == "1"


@dataclass
class Watch:
    """What went wrong in a page, and where it asked.

    Attributes:
        home: the one address that the page may ask.
        complaints: what the console told of errors and warnings, scripts that failed, and what the
            content security policy refused.
        urls: every address that the page asked for.
        forgiven: patterns of complaints that a test provokes.

    """

    home: str
    complaints: list[str] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    forgiven: list[str] = field(default_factory=list)

    def over(self, page: Page) -> None:
        """Watch a page, from before it loads anything."""
        page.add_init_script(_TELL_VIOLATIONS)
        page.on("console", self._on_console)
        page.on("pageerror", self._on_error)
        page.on("request", self._on_request)

    def forgive(self, *patterns: str) -> None:
        """Expect complaints: a test that takes the collector away makes the console say so."""
        self.forgiven += patterns

    def unforgiven(self) -> list[str]:
        """Return the complaints that no test provoked."""
        return [
            told
            for told in self.complaints
            if not any(re.search(pattern, told) for pattern in self.forgiven)
        ]

    def foreign(self) -> list[str]:
        """Return the addresses that are not the collector's."""
        home = urlsplit(self.home).netloc
        return [
            url
            for url in self.urls
            if urlsplit(url).netloc != home and not url.startswith(("data:", "blob:"))
        ]

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            where = message.location.get("url", "")
            self.complaints.append(f"{message.type}: {message.text} ({where})")

    def _on_error(self, error: Error) -> None:
        self.complaints.append(f"script failed: {error.stack or error.message}")

    def _on_request(self, request: Request) -> None:
        self.urls.append(request.url)
