"""The collector's own figures, and their text for Prometheus.

Every metric is declared in `METRICS` with its labels; counting an undeclared one is a mistake of
the programmer and raises KeyError. No label ever carries a user, an address or free text, and the
values of a label are bounded: what comes after the first hundred counts as `other`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

LABEL_SETS_MAX = 100
"""Most different label sets of one metric; further ones count under `other`."""

OTHER = "other"


@dataclass(frozen=True, slots=True)
class Metric:
    """What a metric counts. `kind` is a Prometheus type: counter, gauge or summary."""

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
        "summary", "Time from a request's headers to its answer.", ("transport", "signal")
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
    "eventlog_events_clock_skewed_total": Metric(
        "counter", "Event logs whose time lies in the collector's future."
    ),
    "eventlog_events_total": Metric(
        "counter", "Event logs given to the store.", ("action", "status")
    ),
    "eventlog_forwarded_total": Metric(
        "counter", "Trace requests passed on, by what became of them.", ("result",)
    ),
    "eventlog_write_seconds": Metric("summary", "Time from queueing a write to its commit."),
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
    """Counters, gauges and summaries by name and labels. Thread-safe."""

    def __init__(self, declared: Mapping[str, Metric] = METRICS) -> None:
        """Start every figure at zero."""
        self._declared = dict(declared)
        self._lock = threading.Lock()
        self._values: dict[str, dict[tuple[str, ...], float]] = {name: {} for name in declared}
        self._counts: dict[str, dict[tuple[str, ...], int]] = {name: {} for name in declared}
        self._gauges: dict[str, Callable[[], float]] = {}

    def count(self, name: str, amount: float = 1, /, **labels: object) -> None:
        """Add to a counter. Nothing is added, and no label set made, for an amount of zero.

        Raises:
            KeyError: the metric or one of its labels is not declared.

        """
        if amount:
            self._add(name, amount, self._key(name, labels))

    def observe(self, name: str, seconds: float, /, **labels: object) -> None:
        """Add one observation to a summary (its sum and its count)."""
        self._add(name, seconds, self._key(name, labels))

    def counter(self, name: str, /, **labels: object) -> Callable[[float], None]:
        """Return what adds to one label set: a third of the cost of naming it each time.

        Raises:
            KeyError: as `count`.

        """
        key = self._key(name, labels)
        return lambda amount: self._add(name, amount, key)

    def gauge(self, name: str, read: Callable[[], float], help_text: str) -> None:
        """Declare a gauge whose value is read whenever the metrics are printed."""
        self._declared[name] = Metric("gauge", help_text)
        self._gauges[name] = read

    def value(self, name: str, /, **labels: object) -> float:
        """Return a counter's value or a summary's sum, 0 if nothing was counted yet."""
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
            values, counts = self._values[name], self._counts[name]
            if key not in values and len(values) >= LABEL_SETS_MAX:
                key = (OTHER,) * len(key)
            values[key] = values.get(key, 0) + amount
            counts[key] = counts.get(key, 0) + 1

    def _lines(self) -> Iterator[str]:
        for name, metric in self._declared.items():
            yield f"# HELP {name} {_escape(metric.help)}"
            yield f"# TYPE {name} {metric.kind}"
            if name in self._gauges:
                yield f"{name} {_number(self._gauges[name]())}"
                continue
            with self._lock:
                values, counts = dict(self._values[name]), dict(self._counts[name])
            if not metric.labels and not values:
                values, counts = {(): 0}, {(): 0}
            suffix = "_sum" if metric.kind == "summary" else ""
            for key, value in values.items():
                labels = _labels(metric.labels, key)
                yield f"{name}{suffix}{labels} {_number(value)}"
                if metric.kind == "summary":
                    yield f"{name}_count{labels} {counts[key]}"


def _labels(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    if not names:
        return ""
    pairs = (f'{n}="{_escape(v)}"' for n, v in zip(names, values, strict=True))
    return "{" + ",".join(pairs) + "}"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))
