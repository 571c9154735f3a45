"""Whether event logs can be committed at this moment, told by the last commits themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

NOT_READY_S = 5.0
"""How long one failed commit speaks for the store. After it the next request tries again: whoever
sends only to collectors that are ready must be let in, or nobody would ever find it mended."""


class Readiness:
    """Ready, unless the last commit failed a moment ago. Used on the event loop only.

    Nothing is written to find out: requests do it, and a redelivery that succeeds is the proof.

    Args:
        on_change: called with the new answer whenever it changes.

    """

    def __init__(self, on_change: Callable[[bool], None] = lambda _is_ready: None) -> None:
        """Be ready."""
        self._on_change = on_change
        self._again: asyncio.TimerHandle | None = None

    @property
    def is_ready(self) -> bool:
        """Whether a commit is likely to succeed."""
        return self._again is None

    def committed(self) -> None:
        """Take note of a commit."""
        if self._again is not None:
            self._again.cancel()
            self._ready_again()

    def failed(self) -> None:
        """Take note of a commit that failed, or did not end in time."""
        was_ready = self._again is None
        if self._again is not None:
            self._again.cancel()
        loop = asyncio.get_running_loop()
        self._again = loop.call_later(NOT_READY_S, self._ready_again)
        if was_ready:
            self._on_change(False)

    def close(self) -> None:
        """Say nothing more."""
        if self._again is not None:
            self._again.cancel()

    def _ready_again(self) -> None:
        self._again = None
        self._on_change(True)
