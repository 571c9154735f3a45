"""People who log in, right and wrong, one after the other, and note which of them were answered."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Self

import httpx

ANSWER_S_MAX = 60.0


class Traffic:
    """Requests to `/login` while in `with`, each with a correlation id of its own.

    Args:
        name: begins the correlation ids.
        url: base URL of the application.
        pause_s: time between two requests.

    """

    def __init__(self, name: str, url: str, pause_s: float = 0.1) -> None:
        self.name = name
        self.answered: dict[str, str] = {}
        """Correlation id → the status that its outcome must have."""
        self.unanswered: list[str] = []
        self._url = url
        self._pause_s = pause_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"traffic-{name}")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Let the last request be answered, and make no more."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        number = 0
        with httpx.Client(base_url=self._url, trust_env=False, timeout=ANSWER_S_MAX) as client:
            while not self._stopping.wait(self._pause_s):
                number += 1
                self._log_in(client, f"{self.name}-{number:05d}", is_right=number % 2 == 0)

    def _log_in(self, client: httpx.Client, correlation_id: str, *, is_right: bool) -> None:
        form = {"user": "ada", "password": "correct horse" if is_right else "hunter2"}
        try:
            answer = client.post("/login", json=form, headers={"X-Request-Id": correlation_id})
        except httpx.HTTPError:
            self.unanswered.append(correlation_id)
            return
        if answer.status_code == (200 if is_right else 401):
            self.answered[correlation_id] = "success" if is_right else "error"
        else:
            self.unanswered.append(correlation_id)


def statuses(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return the statuses of each correlation id, the start first."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if row["correlation_id"] is not None:
            found.setdefault(row["correlation_id"], []).append(row["status"])
    return {
        key: sorted(value, key=lambda status: status != "start") for key, value in found.items()
    }


def expected(*traffics: Traffic) -> dict[str, list[str]]:
    """Return what must be stored: both event logs of every request that was answered, once."""
    return {
        correlation_id: ["start", status]
        for traffic in traffics
        for correlation_id, status in traffic.answered.items()
    }
