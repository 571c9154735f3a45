"""The collector's figures count right and stay bounded."""

from __future__ import annotations

import threading

import pytest

from otel_eventlog_collector import limits
from otel_eventlog_collector.metrics import LABEL_SETS_MAX, METRICS, Metric, Metrics, Occasionally
from tests.support.repository import documentation

DECLARED = {
    "a_total": Metric("counter", "A."),
    "b_total": Metric("counter", "B.", ("kind",)),
    "c_seconds": Metric("summary", "C.", ("kind",)),
}


def test_metrics_print_in_the_prometheus_format() -> None:
    """Help, type, labels and values come in the text format, labels escaped."""
    metrics = Metrics(DECLARED)
    metrics.count("b_total", 2, kind='a"b\\c\nd')
    metrics.observe("c_seconds", 0.5, kind="x")
    metrics.observe("c_seconds", 0.25, kind="x")
    metrics.gauge("d_bytes", lambda: 7, "D.")
    assert metrics.text() == (
        "# HELP a_total A.\n# TYPE a_total counter\na_total 0\n"
        '# HELP b_total B.\n# TYPE b_total counter\nb_total{kind="a\\"b\\\\c\\nd"} 2\n'
        "# HELP c_seconds C.\n# TYPE c_seconds summary\n"
        'c_seconds_sum{kind="x"} 0.75\nc_seconds_count{kind="x"} 2\n'
        "# HELP d_bytes D.\n# TYPE d_bytes gauge\nd_bytes 7\n"
    )


def test_label_sets_are_bounded() -> None:
    """A stranger who invents label values fills `other`, not the memory."""
    metrics = Metrics(DECLARED)
    for number in range(10 * LABEL_SETS_MAX):
        metrics.count("b_total", kind=str(number))
    assert metrics.value("b_total", kind="other") == 9 * LABEL_SETS_MAX
    assert metrics.total("b_total") == 10 * LABEL_SETS_MAX
    assert metrics.text().count("b_total{") == LABEL_SETS_MAX + 1


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
    """Counters are called eventlog_<noun>_total, summaries of time eventlog_<noun>_seconds."""
    for name, metric in METRICS.items():
        assert name.startswith("eventlog_")
        assert name.endswith("_total" if metric.kind == "counter" else "_seconds")


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
