"""The wall clock of a process, set wrong."""

from __future__ import annotations

from pathlib import Path

from tests.support.preloading import preloaded

_SOURCE = Path(__file__).with_name("clock_shim.c")


def clock_ahead(seconds: int) -> dict[str, str]:
    """Return the environment of a process whose wall clock is ahead (or, negative, behind)."""
    return {"LD_PRELOAD": str(preloaded(_SOURCE)), "CLOCK_SHIM_OFFSET_S": str(seconds)}
