"""Waiting for something to become true, with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable

STEP_S = 0.01


def eventually(is_true: Callable[[], bool], *, within_s: float = 10.0) -> bool:
    """Return True as soon as a condition holds, False if it does not within the time."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if is_true():
            return True
        time.sleep(STEP_S)
    return is_true()
