"""`otel-eventlog rules test`: a span in, the expected event log out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from otel_eventlog.errors import RuleError
from otel_eventlog.rulefile import load_rule_set, read_rule_text
from otel_eventlog.ruleset import RuleSet
from otel_eventlog_collector.cli.options import AsJson
from otel_eventlog_collector.cli.output import console, note, print_json, safe
from otel_eventlog_collector.cli.rule_options import NoDefaultPacks, Packs, Rules
from otel_eventlog_collector.rule_tools.judgement import RuleBook
from otel_eventlog_collector.rule_tools.testfile import RuleTestFile, parse_tests
from otel_eventlog_collector.rule_tools.testrun import RuleTestResult, run_test
from otel_eventlog_collector.rule_tools.wording import failure, result_json, summary

EXIT_FAILED = 1
_SUFFIX = ".test.toml"


def run_tests(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Files of rule tests, or rule files with tests."),
    ],
    *,
    rules: Rules = None,
    pack: Packs = None,
    no_default_packs: NoDefaultPacks = False,
    as_json: AsJson = False,
) -> None:
    """Run rule tests: is the span of each test the event log that it expects?

    Spans are judged by the code that the application and the collector use. `login.test.toml`
    tests the rules of `login.toml` beside it, unless its `rules` or --rules say otherwise; [[test]]
    in a rule file tests that file. Each failure tells what was expected, what came, and why. Exit
    code 0: all passed; 1: a test failed; 2: a file is written wrongly.

    For example: `otel-eventlog rules test login.test.toml`
    """
    prepared = _prepare(files, rules or (), pack or (), default_packs=not no_default_packs)
    results: list[RuleTestResult] = []
    for found, tested in prepared:
        book = RuleBook(tested)
        of_file = [run_test(each, book) for each in found.tests]
        results += of_file
        if as_json:
            print_json(result_json(result) for result in of_file)
        else:
            _print(found.source, of_file)
    failed = sum(not result.passed for result in results)
    if failed:
        note(f"{failed} of {len(results)} tests failed.")
        raise typer.Exit(EXIT_FAILED)


def _prepare(
    files: Sequence[Path], rules: Sequence[Path], packs: Sequence[str], *, default_packs: bool
) -> list[tuple[RuleTestFile, RuleSet]]:
    """Read all files and their rules before anything is run; tell all mistakes at once."""
    prepared: list[tuple[RuleTestFile, RuleSet]] = []
    mistakes: list[str] = []
    for path in files:
        try:
            found = tests_of(read_rule_text(path), path)
            tested = load_rule_set(
                rules or _rules(path, found),
                (*packs, *found.packs),
                default_packs=default_packs and found.default_packs,
            )
            prepared.append((found, tested))
        except RuleError as error:
            mistakes.extend(error.mistakes)
    if mistakes:
        raise RuleError(list(dict.fromkeys(mistakes)))
    return prepared


def tests_of(text: str, path: Path) -> RuleTestFile:
    """Return the tests in the text of one file; spans are read beside it.

    Raises:
        RuleError: with every mistake in it.

    """

    def read_file(name: str) -> str:
        try:
            return read_rule_text(path.parent / name)
        except RuleError as error:
            raise ValueError(f"names {error}") from None

    return parse_tests(text, str(path), read_file)


def _rules(path: Path, found: RuleTestFile) -> list[Path]:
    """Return the rule files that a test file is about."""
    if found.has_rules:
        return [path]
    if found.rules is not None:
        return [path.parent / name for name in found.rules]
    beside = path.with_name(path.name.removesuffix(_SUFFIX) + ".toml")
    return [beside] if path.name.endswith(_SUFFIX) and beside.exists() else []


def _print(source: str, results: Sequence[RuleTestResult]) -> None:
    out = console()
    for result in results:
        for number, line in enumerate(failure(result) if not result.passed else ()):
            out.print(safe(line), style="red" if number == 0 else _style(line), soft_wrap=True)
    failed = any(not result.passed for result in results)
    out.print(
        safe(summary(source, results)), style="bold red" if failed else "green", soft_wrap=True
    )


def _style(line: str) -> str:
    kind = line.split(maxsplit=1)[0] if line.strip() else ""
    return {"expected": "green", "actual": "red"}.get(kind, "")
