"""Waiting for what another program does in its own time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

POLL_S = 0.05


def eventually(probe: Callable[[], T], *, within_s: float = 20.0, what: str) -> T:
    """Ask again and again until the answer is true; that answer.

    Raises:
        AssertionError: no true answer came in time.
    """
    deadline = time.monotonic() + within_s
    while not (answer := probe()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {within_s:g} s for {what}; at last: {answer!r}")
        time.sleep(POLL_S)  # between two looks at a program that offers nothing to wait on
    return answer
