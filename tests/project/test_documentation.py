"""Whatever a user can name is documented."""

from __future__ import annotations

import importlib
import re
import runpy
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from otel_eventlog import environment_variables
from otel_eventlog_collector import config
from otel_eventlog_collector.event_json import event_json
from tests.support.builders import event_log
from tests.support.repository import ROOT, documentation


@pytest.fixture(scope="module")
def text() -> str:
    """All documentation, as one text."""
    return documentation()


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """Every command that can be run, by the words a user types for it."""
    app = importlib.import_module("otel_eventlog_collector.cli.main").app
    return dict(commands(typer.main.get_command(app), "otel-eventlog"))


def commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Walk down from a group to the commands in it.

    Not by isinstance: typer brings a click of its own, whose classes are not those of `click`.
    """
    children = getattr(command, "commands", None)
    if children is not None:
        for name, child in children.items():
            if not child.hidden:
                yield from commands(child, f"{path} {name}")
    else:
        yield path, command


def test_every_command_and_option_is_documented(text: str, found: dict[str, Any]) -> None:
    """The words of every command and the long form of each of its options stand in the docs."""
    assert {"otel-eventlog serve", "otel-eventlog rules check"} <= set(found)
    wanted = set(found) | {
        option
        for command in found.values()
        for parameter in command.params
        if parameter.param_type_name == "option" and not parameter.hidden
        for option in parameter.opts
        if option.startswith("--")
    }
    missing = {name for name in wanted if not re.search(rf"{re.escape(name)}(?![\w-])", text)}
    assert missing == set()


def test_every_command_explains_itself(found: dict[str, Any]) -> None:
    """Every command and every option has help for `--help` to show."""
    assert [path for path, command in found.items() if not command.help] == []
    unexplained = [
        f"{path} {parameter.name}"
        for path, command in found.items()
        for parameter in command.params
        if parameter.param_type_name == "option" and not parameter.help
    ]
    assert unexplained == []


def test_every_configuration_key_is_documented(text: str) -> None:
    """Every key of the collector's configuration file stands in the docs, in backquotes."""
    keys = set(config.Settings.model_fields)
    assert keys
    assert {key for key in keys if f"`{key}`" not in text} == set()


def test_every_environment_variable_is_documented(text: str) -> None:
    """Every variable the application part or a reading command looks at stands in the docs."""
    names = {name for name in vars(environment_variables) if name.startswith("OTEL_EVENTLOG_")}
    names |= config.CLIENT_VARIABLES
    assert names
    assert {name for name in names if not re.search(rf"\b{name}\b", text)} == set()


def test_every_field_of_an_event_log_is_documented() -> None:
    """Every field of an event log stands in the page about events, in backquotes."""
    page = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
    fields = set(event_json(event_log()))
    assert fields
    assert {name for name in fields if f"`{name}`" not in page} == set()


def test_the_reference_of_commands_is_what_the_commands_say() -> None:
    """The written reference equals what `scripts/write-cli-docs` makes of the commands."""
    script = runpy.run_path(str(ROOT / "scripts" / "write-cli-docs"))
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert page == script["page"](), "run scripts/write-cli-docs"


def test_the_page_about_packs_is_what_packs_and_captures_say() -> None:
    """Its tables and quotations equal what `scripts/write-pack-docs` makes of them."""
    script = runpy.run_path(str(ROOT / "scripts" / "write-pack-docs"))
    page = (ROOT / "docs" / "packs.md").read_text(encoding="utf-8")
    assert page == script["page"](), "run scripts/write-pack-docs"


LINK = re.compile(r"\]\(([^)\s#:]+)(?:#[^)]*)?\)")
"""A relative link of Markdown; addresses have a colon."""


def test_every_link_to_another_page_leads_somewhere() -> None:
    """What README, docs, examples and the pages at the root link to is in the repository."""
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")]
    assert len(pages) > 10
    dead = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in LINK.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert dead == []
