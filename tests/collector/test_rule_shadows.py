"""Rules that are never reached are told; a rule that is reached by any span never is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from otel_eventlog.rules import RuleGroup
from otel_eventlog.ruleset import RuleSet
from otel_eventlog_collector.rule_tools.shadows import shadows
from tests.support.command import command
from tests.support.rule_strategies import rules_and_spans


@pytest.mark.parametrize(
    ("earlier", "later", "hidden"),
    [
        ('route = "/login"', 'route = "/login"', True),
        ('route = "/login"', 'method = "POST"\nroute = "/login/"', True),
        ('route = "/{a}/login"', 'route = "/<b>/login"', True),
        ('route = "/{a}"', 'route = "/login"', True),
        ('route = "/auth/*"', 'route = "/auth/login/{x}"', True),
        ('kind = "any"\nroute = "/login"', 'route = "/login"\nquery = "x"', True),
        ('host = "a.example"', 'host = "a.example"\nroute = "/login"', True),
        ('route = "/login"', 'route = "/{a}"', False),
        ('route = "/{a}"', 'route = "/{rest:path}"', False),
        ('method = "POST"\nroute = "/login"', 'route = "/login"', False),
        ('route = "/login"', 'method = "HEAD"\nroute = "/login"', False),
        ('route = "/login"\nquery = "x"', 'route = "/login"', False),
        ('route = "/login"', 'kind = "client"\nroute = "/login"', False),
        ('route = "/login"', 'route = ["/login", "/signin"]', False),
        ('route = "/login"\nattributes = { a = "x" }', 'route = "/login"', False),
    ],
)
def test_a_rule_is_hidden_if_an_earlier_one_asks_for_no_more(
    tmp_path: Path, earlier: str, later: str, *, hidden: bool
) -> None:
    """`rules check` tells it beside the result; it is no mistake, so the exit code is 0."""
    file = tmp_path / "auth.toml"
    head = '[[rule]]\nname = "{0}"\naction = "Found"\n{1}\n'
    file.write_text(head.format("first", earlier) + head.format("second", later))
    done = command("rules", "check", file)
    assert done.code == 0, done
    assert ("rule 'second' is never reached: rule 'first' of" in done.stderr) is hidden
    assert "rule 'first' is never reached" not in done.stderr


@settings(max_examples=100)
@given(rules_and_spans())
def test_what_is_reached_is_never_called_hidden(drawn: Any) -> None:
    """For random rules and spans: no span ever gets a rule that was told to be out of reach."""
    groups, spans = drawn
    (group, *_) = groups
    rules = [replace(rule, name=str(number)) for number, rule in enumerate(group.rules)]
    hidden = {shadow.rule.name for shadow in shadows(rules)}
    rule_set = RuleSet([RuleGroup("x", rules)])
    for kind, attributes, scope in spans:
        match = rule_set.match(kind, attributes, scope)
        assert match is None or match.rule is None or match.rule.name not in hidden
