"""Retention: asks the store, at the start and every hour, to remove what is past its age.

In the same breath days that are over are sealed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from otel_eventlog_collector.protocols import PurgeReport, Store

PURGE_INTERVAL_S = 3600.0
"""How often the store is asked; what expires in between is hidden from readers already."""

_log = logging.getLogger(__name__)


async def keep_retention(
    store: Store,
    *,
    on_report: Callable[[PurgeReport], None] | None = None,
    interval_s: float = PURGE_INTERVAL_S,
) -> None:
    """Purge and seal now and then every `interval_s` seconds, until cancelled.

    What fails is logged and tried again; it never ends the task.

    Args:
        store: the store; its `purge` and `seal` run in a thread.
        on_report: told what each purge removed, for status and metrics.
        interval_s: seconds between two purges.

    """
    while True:
        try:
            report = await asyncio.to_thread(store.purge)
        except Exception:  # noqa: BLE001 - the next one may succeed
            _log.exception("the purge failed; it is tried again in %g s", interval_s)
        else:
            _tell(report)
            if on_report is not None:
                on_report(report)
        try:
            sealed = await asyncio.to_thread(store.seal)
        except Exception:  # noqa: BLE001 - as above
            _log.exception("sealing failed; it is tried again in %g s", interval_s)
        else:
            if sealed:
                _log.info("sealed %s: quick to search by every field", ", ".join(sealed))
        await asyncio.sleep(interval_s)


def _tell(report: PurgeReport) -> None:
    if report.segments:
        _log.info(
            "purged %s: %d event logs, %d bytes",
            ", ".join(report.segments),
            report.events,
            report.bytes_freed,
        )
    if report.refused:
        _log.warning("purge refused: %s", report.refused)
