"""The collector's own counters as `/api/v1/status` shows them: what came, what was not kept."""

from __future__ import annotations

from typing import Any

from otel_eventlog_collector.event_json import rfc3339
from otel_eventlog_collector.metrics import Metrics
from otel_eventlog_collector.protocols import PurgeReport

STORED = "eventlog_events_stored_total"


def counters_json(metrics: Metrics) -> dict[str, Any]:
    """Return the counters since the start, by reason where there are reasons.

    Dropped is what was accepted and not kept; rejected is what the sender was told of.
    """
    return {
        "events": {
            name: int(metrics.total(f"eventlog_events_{name}_total"))
            for name in ("stored", "replaced", "duplicate", "conflicting", "rejected")
        },
        "received": _counted(metrics, "eventlog_records_received_total"),
        "dropped": _counted(metrics, "eventlog_records_dropped_total"),
        "rejected": _counted(metrics, "eventlog_records_rejected_total"),
        "limits_hit": _counted(metrics, "eventlog_limits_hit_total"),
        "clock_skewed": int(metrics.total("eventlog_events_clock_skewed_total")),
        "access_denied": int(metrics.total("eventlog_access_denied_total")),
        "internal_errors": int(metrics.total("eventlog_internal_errors_total")),
    }


def purge_json(report: PurgeReport | None, ended_unix_nano: int) -> dict[str, Any] | None:
    """Return what the last purge did and when, None before the first one."""
    if report is None:
        return None
    return {
        "time": rfc3339(ended_unix_nano),
        "segments": list(report.segments),
        "events": report.events,
        "bytes_freed": report.bytes_freed,
        "refused": report.refused or None,
    }


def _counted(metrics: Metrics, name: str) -> list[dict[str, Any]]:
    return [{**labels, "count": int(count)} for labels, count in metrics.series(name)]
