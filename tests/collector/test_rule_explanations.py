"""Explanations never disagree with the engine, and take any JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_eventlog.mapping import Mapper
from otel_eventlog.model import Rank
from otel_eventlog.privacy import Privacy
from otel_eventlog.rulefile import load_rule_set
from otel_eventlog.ruleset import RuleSet
from otel_eventlog_collector.rule_tools.conditions import conditions
from otel_eventlog_collector.rule_tools.judgement import RuleBook
from otel_eventlog_collector.rule_tools.spans import spans_from_json
from otel_eventlog_collector.rule_tools.wording import explanation
from tests.support.builders import span_data
from tests.support.captures import PROGRAMS, otlp_json
from tests.support.command import command
from tests.support.rule_strategies import rules_and_spans

JSON_KEYS = """
attributes context data event_id events kind logs name processes resource resourceSpans result
scope scopeSpans spanId spans status tags key value action http_method traceId
"""
KEYS = st.sampled_from(JSON_KEYS.split())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)


@settings(max_examples=300)
@given(st.lists(JSON, max_size=3))
def test_any_json_is_spans_or_a_mistake_that_is_told(documents: list[Any]) -> None:
    """Whatever JSON is given, what is wrong with it is a sentence and never another error."""
    text = "\n".join(map(json.dumps, documents))
    book = RuleBook(RuleSet())
    try:
        for span in spans_from_json(text):
            list(explanation(book.judge(span), with_outcome=True))
    except ValueError as error:
        told = str(error)
        assert "is " in told or "holds " in told


@pytest.mark.parametrize("program", PROGRAMS)
def test_real_spans_are_explained_as_they_are_mapped(tmp_path: Path, program: str) -> None:
    """Of every span of a real program the explained action is the one that the mapper gives."""
    file = tmp_path / "spans.json"
    file.write_bytes(otlp_json(program, "default"))
    done = command("rules", "explain", "--span", file, "--json")
    assert done.code == 0, done
    explained = [json.loads(line) for line in done.stdout.splitlines()]
    actions = [each["outcome"] and each["outcome"]["action"] for each in explained]
    mapper = Mapper(load_rule_set(), Privacy(), Rank.DERIVED)
    pairs = [mapper.map_span(span) for span in spans_from_json(file.read_text())]
    assert actions == [pair[-1].action if pair else None for pair in pairs]
    assert any(actions)


@settings(max_examples=150)
@given(rules_and_spans())
def test_an_explanation_never_disagrees_with_the_engine(drawn: Any) -> None:
    """The rule told is the one that matches; a rule fits exactly if all its conditions hold."""
    groups, spans = drawn
    rules = RuleSet(groups)
    book = RuleBook(rules)
    for kind, attributes, scope in spans:
        span = span_data(attributes={}, kind=kind, scope_name=scope)
        span.attributes = attributes
        judgement = book.judge(span)
        match = rules.match(kind, attributes, scope)
        assert (judgement.rule if judgement.action else None) is (match.rule if match else None)
        assert all(condition.holds for condition in judgement.conditions)
        for rule in rules.rules:
            alone = RuleBook(RuleSet([type(groups[0])("x", (rule,))]))
            assert alone.covers(span) is all(c.holds for c in conditions(rule, span))
