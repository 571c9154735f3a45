"""The collector's figures count right and stay bounded."""

from __future__ import annotations

import threading

import pytest

from otel_eventlog.actions import catalogue
from otel_eventlog_collector import limits
from otel_eventlog_collector.metrics import (
    LABEL_CHARS_MAX,
    LABEL_VALUES_MAX,
    METRICS,
    Metric,
    Metrics,
    Occasionally,
)
from tests.support.repository import documentation
from tests.support.scrape import parse

DECLARED = {
    "a_total": Metric("counter", "A."),
    "b_total": Metric("counter", "B.", ("kind",)),
    "c_seconds": Metric("histogram", "C.", ("kind",)),
    "d_bytes": Metric("gauge", "D."),
}


def test_metrics_print_in_the_prometheus_format() -> None:
    """Help, type, labels and values come in the text format, labels escaped."""
    metrics = Metrics(DECLARED)
    metrics.count("b_total", 2, kind='a"b\\c\nd')
    metrics.gauge("d_bytes", lambda: 7)
    assert metrics.text() == (
        "# HELP a_total A.\n# TYPE a_total counter\na_total 0\n"
        '# HELP b_total B.\n# TYPE b_total counter\nb_total{kind="a\\"b\\\\c\\nd"} 2\n'
        "# HELP c_seconds C.\n# TYPE c_seconds histogram\n"
        "# HELP d_bytes D.\n# TYPE d_bytes gauge\nd_bytes 7\n"
    )


def test_prometheus_own_parser_reads_them() -> None:
    """Every metric comes with its help and type, histograms with buckets that add up."""
    metrics = Metrics(DECLARED)
    for seconds in (0.001, 0.3, 0.3, 100):
        metrics.observe("c_seconds", seconds, kind='x"\\\n')
    figures = parse(metrics.text())
    assert figures.kinds == {
        "a": "counter",
        "b": "counter",
        "c_seconds": "histogram",
        "d_bytes": "gauge",
    }
    buckets = {labels["le"]: value for labels, value in figures.samples["c_seconds_bucket"]}
    assert (buckets["0.005"], buckets["0.25"], buckets["0.5"], buckets["+Inf"]) == (1, 1, 3, 4)
    assert figures.total("c_seconds_count", kind='x"\\\n') == 4
    assert figures.total("c_seconds_sum") == pytest.approx(100.601)


def test_every_declared_metric_can_be_read_by_prometheus() -> None:
    """The whole table, with a value in each, has the types and helps that it declares."""
    metrics = Metrics()
    for name, metric in METRICS.items():
        labels = dict.fromkeys(metric.labels, "x")
        if metric.kind == "histogram":
            metrics.observe(name, 1, **labels)
        elif metric.kind == "counter":
            metrics.count(name, **labels)
        else:
            metrics.set(name, 1, **labels)
    figures = parse(metrics.text())
    kinds = {name.removesuffix("_total"): metric.kind for name, metric in METRICS.items()}
    assert figures.kinds == kinds
    assert figures.helps == {name.removesuffix("_total"): m.help for name, m in METRICS.items()}


def test_label_values_are_bounded() -> None:
    """A stranger who invents label values fills `other`, not the memory, nor pushes others out."""
    metrics = Metrics(DECLARED, {"kind": frozenset({"known"})})
    for number in range(10 * LABEL_VALUES_MAX):
        metrics.count("b_total", kind=str(number))
    metrics.count("b_total", kind="known")
    metrics.count("b_total", kind="x" * 10_000)
    assert metrics.value("b_total", kind="other") == 9 * LABEL_VALUES_MAX + 1
    assert metrics.value("b_total", kind="known") == 1
    assert metrics.total("b_total") == 10 * LABEL_VALUES_MAX + 2
    assert metrics.text().count("b_total{") == LABEL_VALUES_MAX + 2


def test_a_full_label_leaves_the_others_alone() -> None:
    """Invented actions go to `other`; their statuses, and the actions of the catalogue, stay."""
    metrics = Metrics()
    for number in range(2 * LABEL_VALUES_MAX):
        metrics.count("eventlog_events_total", action=f"Made{number}", status="error")
    for action in catalogue():
        metrics.count("eventlog_events_total", action=action, status="success")
    value = metrics.value
    assert value("eventlog_events_total", action="other", status="error") == LABEL_VALUES_MAX
    assert value("eventlog_events_total", action="PasswordsAuthenticate", status="success") == 1
    assert "other" not in {
        labels["action"]
        for labels, _ in parse(metrics.text()).samples["eventlog_events_total"]
        if labels["status"] == "success"
    }


def test_a_long_label_is_cut() -> None:
    """Nobody makes a scrape large with one value."""
    metrics = Metrics(DECLARED)
    metrics.count("b_total", kind="x" * 10_000)
    assert metrics.value("b_total", kind="x" * LABEL_CHARS_MAX) == 1


def test_an_undeclared_metric_or_label_is_a_mistake() -> None:
    """Every metric and label has its line in the table, or counting raises KeyError."""
    with pytest.raises(KeyError):
        Metrics(DECLARED).count("nobody_total")
    with pytest.raises(KeyError):
        Metrics(DECLARED).count("b_total")


def test_counting_is_thread_safe() -> None:
    """No count is lost between threads."""
    metrics = Metrics(DECLARED)

    def work() -> None:
        for _ in range(2_000):
            metrics.count("a_total")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert metrics.value("a_total") == 16_000


def test_names_follow_the_house() -> None:
    """Counters are called eventlog_<noun>_total, histograms of time eventlog_<noun>_seconds."""
    for name, metric in METRICS.items():
        assert name.startswith("eventlog_")
        assert name.endswith("_total") == (metric.kind == "counter")
        assert name.endswith("_seconds") or metric.kind != "histogram"


def test_occasionally_is_due_once_a_period() -> None:
    """What hostile input may log is bounded by time, not by how often it comes."""
    now_s = 100.0
    warning = Occasionally(10, lambda: now_s)
    assert [warning.is_due(), warning.is_due()] == [True, False]
    now_s = 110.0
    assert [warning.is_due(), warning.is_due()] == [True, False]


def test_every_metric_and_every_limit_is_documented() -> None:
    """Each name stands in the documentation."""
    text = documentation()
    names = {*METRICS, *(name for name in vars(limits) if name.isupper() and name[0] != "_")}
    assert {name for name in names if f"`{name}`" not in text} == set()
