"""`otel-eventlog rules suggest`: routes that look like authentication and have no rule."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from otel_eventlog.rulefile import load_rule_set
from otel_eventlog_collector.cli.app_routes import routes_of_app
from otel_eventlog_collector.cli.options import AsJson
from otel_eventlog_collector.cli.output import note, print_json, safe, write
from otel_eventlog_collector.cli.rule_options import (
    NoDefaultPacks,
    Packs,
    Rules,
    read_spans,
    read_text,
)
from otel_eventlog_collector.errors import ConfigError
from otel_eventlog_collector.rule_tools.endpoints import endpoints_of_openapi, endpoints_of_spans
from otel_eventlog_collector.rule_tools.judgement import RuleBook
from otel_eventlog_collector.rule_tools.suggestions import (
    Endpoint,
    Suggestions,
    suggest_rules,
    suggestion_json,
    toml,
)

FROM = "Where routes come from (one or more of these)"


def suggest(
    *,
    app: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:OBJECT",
            help="An application: Flask, Starlette, FastAPI, or django:SETTINGS_MODULE. It is "
            "imported in a process of its own, from the current directory.",
            rich_help_panel=FROM,
        ),
    ] = None,
    openapi: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="An OpenAPI document in JSON.", rich_help_panel=FROM),
    ] = None,
    spans: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Spans seen, as JSON, as for `rules explain`; - reads standard input.",
            rich_help_panel=FROM,
        ),
    ] = None,
    python: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="The application's interpreter, for --app. [default: this one]",
            show_default=False,
        ),
    ] = Path(sys.executable),
    rules: Rules = None,
    pack: Packs = None,
    no_default_packs: NoDefaultPacks = False,
    as_json: AsJson = False,
) -> None:
    """Find routes that look like authentication and have no rule; print rules for them, in TOML.

    The actions are guessed from the words of each route: read them before you use them. Calls to
    other hosts are found in spans. Exit code 0, also when nothing is missing.

    For example:

    `otel-eventlog rules suggest --app shop.main:app --rules auth.toml`

    `otel-eventlog rules suggest --spans spans.jsonl > more.toml`
    """
    if app is None and openapi is None and spans is None:
        raise ConfigError(
            "nothing to look at", hint="give --app MODULE:OBJECT, --openapi FILE or --spans FILE"
        )
    book = RuleBook(load_rule_set(rules or (), pack or (), default_packs=not no_default_packs))
    endpoints: list[Endpoint] = []
    if openapi is not None:
        text = read_text(openapi, "--openapi")
        try:
            endpoints += endpoints_of_openapi(text)
        except ValueError as error:
            raise ConfigError(f"--openapi {openapi} {error}") from None
    if spans is not None:
        endpoints += endpoints_of_spans(read_spans(spans, "--spans"))
    if app is not None:
        with Console(stderr=True).status(f"Importing {safe(app)}"):  # on a terminal only
            endpoints += routes_of_app(app, python)
    found = suggest_rules(endpoints, book)
    if as_json:
        print_json(suggestion_json(each) for each in found.missing)
    else:
        write(toml(found.missing))
    _tell(found)


def _tell(found: Suggestions) -> None:
    for route in found.unwritable:
        note(f"{safe(route)} looks like authentication too, but no rule's route can say it.")
    note(
        f"{found.looked_at:,} endpoints looked at: {found.covered:,} that look like authentication "
        f"have a rule, {len(found.missing):,} rules are suggested."
    )
