"""A collector that breaks its promise: it acknowledges at once and stores a moment later.

    python -m tests.support.hasty_collector serve …

Tests that find nothing wrong with it prove nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from otel_eventlog.model import EventLog
from otel_eventlog.pairs import Pair
from otel_eventlog_collector import service
from otel_eventlog_collector.cli.main import run
from otel_eventlog_collector.protocols import Store, WriteResult

LATE_S = 0.3


class HastyStore:
    """Passes everything on to a store, but writes only when it has answered already."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def write(self, events: Sequence[EventLog], pairs: Sequence[Pair] = ()) -> Future[WriteResult]:
        """Say that all is stored."""
        threading.Timer(LATE_S, self._store.write, [list(events), list(pairs)]).start()
        hasty: Future[WriteResult] = Future()
        hasty.set_result(WriteResult(stored=len(events) + 2 * len(pairs)))
        return hasty


def main() -> None:
    """Run the command line with a hasty store."""
    opened = service.open_store
    service.open_store = lambda *args, **options: HastyStore(opened(*args, **options))  # type: ignore[assignment,return-value]
    run()


if __name__ == "__main__":
    main()
