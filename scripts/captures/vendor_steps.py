"""The driver's side of a vendor's capture: the calls of the SDK, and what came of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from program import Program

_HERE = Path(__file__).parent
ENVIRONMENT = {"PYTHONPATH": f"{_HERE}:{_HERE.parents[1]}"}
"""Lets a program's app.py import `vendor`, and `tests.support.plausible`."""
PLAUSIBLE = "(plausible)"


@dataclass(frozen=True)
class Call:
    """One call of the SDK.

    Attributes:
        label: what was tried.
        call: its name in the program's app.py.
        action: the action, or None if it is no auth call.
        method: the HTTP method that it makes, or RPC.
        url: the URL that it calls, or service and method.
        answer: status, body and perhaps headers of the stand-in, or None if nobody answers. The
            body PLAUSIBLE is made by app.py after what the method returns.
        arguments: what app.py's function gets.
        next_step: what is still due after a success.
        meant: outcome and why, where it is not that the SDK raised or returned.
        known_limit: for both variants: what is seen instead, and why.

    """

    label: str
    call: str
    action: str | None
    method: str
    url: str
    answer: tuple[int, Any] | tuple[int, Any, dict[str, str]] | None = (200, {})
    arguments: Mapping[str, Any] = field(default_factory=dict)
    next_step: str | None = None
    meant: tuple[str, str] | None = None
    known_limit: str = ""


def drive_calls(program: Program, calls: Iterable[Call]) -> None:
    """Make the calls; whether the SDK raised is what really happened."""
    application = program.browser()
    for one in calls:
        sent = {"answer": one.answer, "with": dict(one.arguments)}
        answer = application.send(
            one.label,
            "POST",
            "/" + one.call,
            action=one.action,
            route=one.url,
            kind="client",
            json=sent,
        )
        asked = program.asked[-1]
        asked.method = one.method
        if one.answer is None:
            asked.http_status = None
        said = {} if answer.status == 204 else answer.json()
        raised = said.get("raised")
        expects_trouble = one.answer is None or one.answer[0] >= 400
        if (raised is not None) is not expects_trouble:
            raise ValueError(f"{one.label}: the SDK {said}")
        limit = {variant: one.known_limit for variant in ("default", "stable") if one.known_limit}
        if one.action is None:
            answer.was("none", "no call of the auth API", known_limit=limit)
        elif one.meant is not None:
            answer.was(*one.meant, next_step=one.next_step, known_limit=limit)
        elif raised is not None:
            answer.was("error", f"the SDK raised {raised.partition(':')[0]}", known_limit=limit)
        else:
            why = "the SDK returned what was asked for"
            answer.was("success", why, next_step=one.next_step, known_limit=limit)
