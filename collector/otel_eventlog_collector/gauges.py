"""What `/metrics` reads at the moment it is asked: in flight, waiting, stored, purged."""

from __future__ import annotations

import logging
import platform
import sqlite3
import time
from collections.abc import Callable
from importlib.metadata import version

from otel_eventlog.errors import EventLogError
from otel_eventlog_collector.metrics import Metrics
from otel_eventlog_collector.pipeline import Pipeline
from otel_eventlog_collector.protocols import Clock, PurgeReport, Store
from otel_eventlog_collector.receiver.intake import Intake
from otel_eventlog_collector.tail import Tail

_NS_PER_S = 1_000_000_000
_log = logging.getLogger(__name__)


def connect_gauges(
    metrics: Metrics,
    intake: Intake,
    pipeline: Pipeline,
    tail: Tail,
    is_ready: Callable[[], bool],
) -> None:
    """Have everything read that can be read at once, without asking the store."""
    metrics.gauge("eventlog_requests_in_flight", lambda: intake.admission.requests)
    metrics.gauge("eventlog_bytes_in_flight", lambda: intake.admission.bytes)
    metrics.gauge("eventlog_records_in_process", lambda: intake.records_in_process)
    metrics.gauge("eventlog_events_waiting", lambda: pipeline.events_waiting)
    metrics.gauge("eventlog_watchers", lambda: tail.watchers)
    metrics.gauge("eventlog_ready", lambda: float(is_ready()))
    metrics.set("eventlog_start_time_seconds", round(time.time(), 3))
    metrics.set(
        "eventlog_build_info",
        1,
        version=version("otel-eventlog-collector"),
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
    )


def read_store(metrics: Metrics, store: Store, clock: Clock) -> None:
    """Note what the store says of itself; blocks. A store that cannot be read says only that."""
    try:
        status = store.status()
    except (EventLogError, OSError, sqlite3.Error) as error:
        _log.warning("the store's figures cannot be read: %s", error)
        metrics.set("eventlog_store_readable", 0)
        return
    now = clock()
    metrics.set("eventlog_store_readable", 1)
    metrics.set("eventlog_stored_events", status.events)
    metrics.set("eventlog_database_bytes", status.bytes_on_disk)
    metrics.set("eventlog_segments", status.segments)
    metrics.set("eventlog_retention_seconds", status.retention_ns / _NS_PER_S)
    for name, moment in (("oldest", status.oldest_unix_nano), ("newest", status.newest_unix_nano)):
        age_ns = 0 if moment is None else now - moment
        metrics.set(f"eventlog_{name}_event_age_seconds", round(age_ns / _NS_PER_S, 3))


def note_purge(metrics: Metrics, report: PurgeReport, clock: Clock) -> None:
    """Note what a purge did, or that it refused."""
    metrics.set("eventlog_purge_last_run_timestamp_seconds", round(clock() / _NS_PER_S, 3))
    metrics.set("eventlog_purge_refused", float(bool(report.refused)))
    metrics.count("eventlog_purged_segments_total", len(report.segments))
    metrics.count("eventlog_purged_events_total", report.events)
    metrics.count("eventlog_purged_bytes_total", report.bytes_freed)
