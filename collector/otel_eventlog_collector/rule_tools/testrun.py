"""Running rule tests with the engine of the application and the collector. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from otel_eventlog_collector.event_json import event_json
from otel_eventlog_collector.rule_tools.judgement import Judgement, RuleBook
from otel_eventlog_collector.rule_tools.testfile import RuleTest


@dataclass(frozen=True, slots=True)
class Difference:
    """One key of which something else was expected."""

    key: str
    expected: Any
    actual: Any


@dataclass(frozen=True, slots=True)
class RuleTestResult:
    """What came of one test; it passed if there is no difference."""

    test: RuleTest
    judgement: Judgement
    differences: tuple[Difference, ...]

    @property
    def passed(self) -> bool:
        """Whether everything expected came out."""
        return not self.differences


def run_test(test: RuleTest, book: RuleBook) -> RuleTestResult:
    """Judge the span of a test and compare."""
    judgement = book.judge(test.span, test.notes)
    actual = actual_of(judgement)
    expected = dict(test.expect)
    if expected.get("event") is not False:
        # Whoever names a field expects an event log; without one its fields would tell nothing.
        expected = {"event": True, **expected}
    compared = expected if actual["event"] else {k: expected[k] for k in expected if k in actual}
    differences = [
        Difference(key, _plain(value), actual[key])
        for key, value in compared.items()
        if _plain(value) != actual[key]
    ]
    return RuleTestResult(test, judgement, tuple(differences))


def actual_of(judgement: Judgement) -> dict[str, Any]:
    """Return what came out, by the keys of `expect`."""
    rule = judgement.rule
    actual: dict[str, Any] = {
        "event": judgement.event is not None,
        "rule": rule.name if rule is not None else None,
        "holds_start": judgement.holds_start,
    }
    if judgement.event is not None:
        actual |= event_json(judgement.event)
        actual["attributes"] = {k: _plain(v) for k, v in judgement.event.attributes.items()}
    return actual


def _plain(value: Any) -> Any:
    """Return a value as it compares: an empty text stands for an absent one."""
    if isinstance(value, tuple):
        return list(value)
    return None if value == "" else value
