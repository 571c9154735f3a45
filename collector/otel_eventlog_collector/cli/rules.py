"""`otel-eventlog rules`: check and test rule files, ask why, and find what is missing."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

import typer

from otel_eventlog.errors import RuleError
from otel_eventlog.rulefile import parse_rules, read_rule_text
from otel_eventlog_collector.cli.output import note, safe
from otel_eventlog_collector.cli.rules_explain import explain
from otel_eventlog_collector.cli.rules_suggest import suggest
from otel_eventlog_collector.cli.rules_test import run_tests, tests_of
from otel_eventlog_collector.rule_tools.misspelt import misspelt
from otel_eventlog_collector.rule_tools.shadows import shadows
from otel_eventlog_collector.rule_tools.wording import misspelt_text, shadow_text

rules_app = typer.Typer(
    no_args_is_help=True,
    help="Check and test rule files, ask which rule takes a request and why, find missing rules.",
)


@rules_app.command()
def check(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Files of rules or of rule tests.")
    ],
) -> None:
    """Check files of rules and rule tests, and list every mistake with its line and a hint.

    Exit code 2 if there is one. Rules that no span can reach, because an earlier one takes all that
    they would take, are told as well, and actions that look like a known one misspelt.

    For example: `otel-eventlog rules check auth.toml`
    """
    mistakes: list[str] = []
    for path in files:
        try:
            typer.echo(f"{path}: {_count(path)}, all right")
        except RuleError as error:
            mistakes.extend(error.mistakes)
    if mistakes:
        raise RuleError(mistakes)


def _count(path: Path) -> str:
    """Return how many rules and tests a file has, if all of them are right."""
    text = read_rule_text(path)
    try:
        keys = tomllib.loads(text).keys()
    except tomllib.TOMLDecodeError as error:
        raise RuleError([f"{path}: not valid TOML: {error}"]) from None
    counts: list[str] = []
    mistakes: list[str] = []
    try:
        if "rule" in keys or "test" not in keys:
            group = parse_rules(text, str(path))
            counts.append(f"{len(group.rules)} rules")
            for shadow in shadows(group.rules):
                note(safe(f"{path}:{shadow.rule.line}: {shadow_text(shadow)}"))
            for found in misspelt(group):
                line = f":{found.line}" if found.line else ""
                note(safe(f"{path}{line}: {misspelt_text(found)}"))
    except RuleError as error:
        mistakes += error.mistakes
    try:
        if "test" in keys:
            counts.append(f"{len(tests_of(text, path).tests)} tests")
    except RuleError as error:
        mistakes += error.mistakes
    if mistakes:
        raise RuleError(list(dict.fromkeys(mistakes)))
    return ", ".join(counts)


rules_app.command("test")(run_tests)
rules_app.command("explain")(explain)
rules_app.command("suggest")(suggest)
