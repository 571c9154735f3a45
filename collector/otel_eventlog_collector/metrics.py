"""The collector's own figures, and their text for Prometheus.

Every metric is declared in `METRICS` with its labels; counting an undeclared one is a mistake of
the programmer and raises KeyError. No label ever carries a user, an address or free text, and the
values of a label are bounded: what comes after the first hundred counts as `other`.

What belongs together is counted on the event loop without an `await` in between, and the text is
made there too: so the sums that docs/operations.md promises hold at every scrape.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate

from otel_eventlog.actions import catalogue

LABEL_VALUES_MAX = 100
"""Most values of one label that strangers can bring up; further ones count under `other`."""

LABEL_CHARS_MAX = 100
"""Longest value of a label; the rest is cut."""

OTHER = "other"

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the buckets of every histogram of time."""

KNOWN_VALUES: Mapping[str, frozenset[str]] = {"action": frozenset(catalogue())}
"""Values that always keep their own name, however many others somebody invents."""


@dataclass(frozen=True, slots=True)
class Metric:
    """What a metric counts. `kind` is a Prometheus type: counter, gauge or histogram."""

    kind: str
    help: str
    labels: tuple[str, ...] = ()


METRICS: Mapping[str, Metric] = {
    "eventlog_requests_total": Metric(
        "counter",
        "OTLP requests answered, by transport, signal and HTTP status (gRPC: its equivalent).",
        ("transport", "signal", "code"),
    ),
    "eventlog_request_seconds": Metric(
        "histogram", "Time from a request's headers to its answer.", ("transport", "signal")
    ),
    "eventlog_received_bytes_total": Metric(
        "counter", "Bytes of OTLP bodies, decompressed.", ("transport",)
    ),
    "eventlog_records_received_total": Metric(
        "counter", "Spans and log records in decodable requests.", ("signal",)
    ),
    "eventlog_records_dropped_total": Metric(
        "counter",
        "Records accepted and not kept: unwanted spans, log records that are no event logs.",
        ("signal", "reason"),
    ),
    "eventlog_records_rejected_total": Metric(
        "counter", "Records refused, by reason; the sender was told.", ("signal", "reason")
    ),
    "eventlog_records_taken_total": Metric(
        "counter",
        "Records of which event logs were made; eventlog_events_… says what became of those.",
        ("signal",),
    ),
    "eventlog_records_refused_total": Metric(
        "counter", "Records that could not be stored; the sender was told to retry.", ("signal",)
    ),
    "eventlog_records_in_process": Metric(
        "gauge", "Records received of which it is not decided yet what becomes of them."
    ),
    "eventlog_requests_in_flight": Metric(
        "gauge", "Requests that are being read, decoded or stored."
    ),
    "eventlog_bytes_in_flight": Metric("gauge", "Bytes of the bodies of those requests."),
    "eventlog_limits_hit_total": Metric(
        "counter", "Requests refused because of a limit.", ("limit",)
    ),
    "eventlog_access_denied_total": Metric(
        "counter", "Requests without a token that is good for them.", ("transport",)
    ),
    "eventlog_internal_errors_total": Metric(
        "counter", "Mistakes of ours, each one in the log with its traceback.", ("where",)
    ),
    "eventlog_events_mapped_total": Metric("counter", "Event logs derived from spans."),
    "eventlog_events_stored_total": Metric("counter", "Event logs committed that were new."),
    "eventlog_events_replaced_total": Metric(
        "counter", "Event logs that replaced one of lower rank."
    ),
    "eventlog_events_duplicate_total": Metric(
        "counter", "Event logs that were there already: redeliveries."
    ),
    "eventlog_events_conflicting_total": Metric(
        "counter", "Redeliveries of equal rank with another status; the first one stays."
    ),
    "eventlog_events_rejected_total": Metric("counter", "Event logs outside the accepted times."),
    "eventlog_events_refused_total": Metric(
        "counter", "Event logs that the store could not take; the sender was told to retry."
    ),
    "eventlog_events_waiting": Metric(
        "gauge", "Event logs given to the store and not committed yet."
    ),
    "eventlog_events_clock_skewed_total": Metric(
        "counter", "Event logs whose time lies in the collector's future."
    ),
    "eventlog_events_total": Metric(
        "counter", "Event logs given to the store.", ("action", "status")
    ),
    "eventlog_errors_total": Metric(
        "counter", "Outcomes with status error given to the store.", ("error_type",)
    ),
    "eventlog_forwarded_total": Metric(
        "counter", "Trace requests passed on, by what became of them.", ("result",)
    ),
    "eventlog_write_seconds": Metric("histogram", "Time from queueing a write to its commit."),
    "eventlog_freshness_seconds": Metric(
        "histogram", "Time from the latest outcome of a write to when it can be read."
    ),
    "eventlog_ready": Metric("gauge", "1 while event logs are taken, as /readyz says."),
    "eventlog_watchers": Metric("gauge", "Live views that are open."),
    "eventlog_store_readable": Metric("gauge", "1 if the figures that follow could be read."),
    "eventlog_stored_events": Metric("gauge", "Event logs in the store."),
    "eventlog_database_bytes": Metric("gauge", "Bytes of the store on disk."),
    "eventlog_segments": Metric("gauge", "Days in the store."),
    "eventlog_retention_seconds": Metric("gauge", "How long event logs are kept."),
    "eventlog_oldest_event_age_seconds": Metric(
        "gauge", "Age of the oldest event log; above the retention a purge is overdue."
    ),
    "eventlog_newest_event_age_seconds": Metric("gauge", "Age of the newest event log."),
    "eventlog_purge_last_run_timestamp_seconds": Metric(
        "gauge", "When the last purge ended, seconds since the epoch; 0 before the first."
    ),
    "eventlog_purge_refused": Metric(
        "gauge", "1 if the last purge refused, because the clock cannot be trusted."
    ),
    "eventlog_purged_segments_total": Metric("counter", "Days removed by purges."),
    "eventlog_purged_events_total": Metric("counter", "Event logs removed by purges."),
    "eventlog_purged_bytes_total": Metric("counter", "Bytes given back by purges."),
    "eventlog_build_info": Metric(
        "gauge", "1, with the versions of this collector.", ("version", "python", "sqlite")
    ),
    "eventlog_start_time_seconds": Metric(
        "gauge", "When the collector started, seconds since the epoch."
    ),
}
"""Every metric of the collector, in the order in which /metrics prints them."""


class Occasionally:
    """Says at most once a period that something is due: bounds what hostile input may log."""

    def __init__(self, period_s: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Be due at once, then every `period_s` seconds."""
        self._period_s = period_s
        self._monotonic = monotonic
        self._due_s = float("-inf")

    def is_due(self) -> bool:
        """Whether a period has passed since this was last true."""
        now_s = self._monotonic()
        if now_s < self._due_s:
            return False
        self._due_s = now_s + self._period_s
        return True


class Metrics:
    """Counters, gauges and histograms by name and labels. Thread-safe."""

    def __init__(
        self,
        declared: Mapping[str, Metric] = METRICS,
        known_values: Mapping[str, frozenset[str]] = KNOWN_VALUES,
    ) -> None:
        """Start every figure at zero."""
        self._declared = dict(declared)
        self._known_values = known_values
        self._lock = threading.Lock()
        self._values: dict[str, dict[tuple[str, ...], float]] = {name: {} for name in declared}
        self._buckets: dict[str, dict[tuple[str, ...], list[int]]] = {
            name: {} for name, metric in declared.items() if metric.kind == "histogram"
        }
        self._strangers: dict[tuple[str, str], set[str]] = {}
        self._gauges: dict[str, Callable[[], float]] = {}

    def count(self, name: str, amount: float = 1, /, **labels: object) -> None:
        """Add to a counter. Nothing is added, and no label set made, for an amount of zero.

        Raises:
            KeyError: the metric or one of its labels is not declared.

        """
        if amount:
            self._add(name, amount, self._key(name, labels))

    def observe(self, name: str, seconds: float, /, **labels: object) -> None:
        """Add one observation to a histogram."""
        self._add(name, seconds, self._key(name, labels))

    def counter(self, name: str, /, **labels: object) -> Callable[[float], None]:
        """Return what adds to one label set: a third of the cost of naming it each time.

        Raises:
            KeyError: as `count`.

        """
        key = self._key(name, labels)
        return lambda amount: self._add(name, amount, key)

    def set(self, name: str, value: float, /, **labels: object) -> None:
        """Give a gauge a value that stays until the next one."""
        with self._lock:
            self._values[name][self._key(name, labels)] = value

    def gauge(self, name: str, read: Callable[[], float]) -> None:
        """Have a gauge read whenever the metrics are printed; it must not block."""
        self._gauges[name] = read

    def value(self, name: str, /, **labels: object) -> float:
        """Return a counter's value or a histogram's sum, 0 if nothing was counted yet."""
        return self._values[name].get(self._key(name, labels), 0)

    def total(self, name: str) -> float:
        """Return the sum over all label sets of a counter."""
        with self._lock:
            return sum(self._values[name].values())

    def series(self, name: str) -> list[tuple[dict[str, str], float]]:
        """Return each label set of a counter with its value, the largest first."""
        names = self._declared[name].labels
        with self._lock:
            values = dict(self._values[name])
        found = [(dict(zip(names, key, strict=True)), value) for key, value in values.items()]
        return sorted(found, key=lambda item: (-item[1], *item[0].values()))

    def text(self) -> str:
        """Return everything in the Prometheus text format, version 0.0.4."""
        return "".join(line + "\n" for line in self._lines())

    def _key(self, name: str, labels: Mapping[str, object]) -> tuple[str, ...]:
        return tuple([str(labels[label]) for label in self._declared[name].labels])

    def _add(self, name: str, amount: float, key: tuple[str, ...]) -> None:
        with self._lock:
            values = self._values[name]
            if key not in values:
                key = self._bounded(name, key)
            values[key] = values.get(key, 0) + amount
            if name in self._buckets:
                counts = self._buckets[name].setdefault(key, [0] * (len(SECONDS) + 1))
                counts[bisect_left(SECONDS, amount)] += 1

    def _bounded(self, name: str, key: tuple[str, ...]) -> tuple[str, ...]:
        """Return a new label set without values that would be too many, or too long."""
        labels = self._declared[name].labels
        return tuple(
            self._bounded_value(name, label, value[:LABEL_CHARS_MAX])
            for label, value in zip(labels, key, strict=True)
        )

    def _bounded_value(self, name: str, label: str, value: str) -> str:
        if value in self._known_values.get(label, ()):
            return value
        strangers = self._strangers.setdefault((name, label), set())
        if value not in strangers and len(strangers) >= LABEL_VALUES_MAX:
            return OTHER
        strangers.add(value)
        return value

    def _lines(self) -> Iterator[str]:
        for name, metric in self._declared.items():
            yield f"# HELP {name} {_escape_help(metric.help)}"
            yield f"# TYPE {name} {metric.kind}"
            if name in self._gauges:
                yield f"{name} {_number(self._gauges[name]())}"
                continue
            with self._lock:
                values = dict(self._values[name])
                buckets = {key: list(found) for key, found in self._buckets.get(name, {}).items()}
            if not metric.labels and not values:
                values, buckets = {(): 0}, {(): [0] * (len(SECONDS) + 1)}
            for key, value in values.items():
                if metric.kind == "histogram":
                    yield from _histogram(name, metric.labels, key, value, buckets[key])
                else:
                    yield f"{name}{_labels(metric.labels, key)} {_number(value)}"


def _histogram(
    name: str, labels: tuple[str, ...], key: tuple[str, ...], total: float, counts: list[int]
) -> Iterator[str]:
    bounds = [*map(_number, SECONDS), "+Inf"]
    for bound, count in zip(bounds, accumulate(counts), strict=True):
        yield f"{name}_bucket{_labels((*labels, 'le'), (*key, bound))} {count}"
    yield f"{name}_sum{_labels(labels, key)} {_number(total)}"
    yield f"{name}_count{_labels(labels, key)} {sum(counts)}"


def _labels(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    if not names:
        return ""
    pairs = (f'{n}="{_escape(v)}"' for n, v in zip(names, values, strict=True))
    return "{" + ",".join(pairs) + "}"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _escape_help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))
