"""The console script `otel-eventlog`: the commands, and what errors look like.

Exit codes: 0 done; 1 it could not be done (no collector answers, nothing has that id); 2 something
was written wrongly (an option, a query, the configuration, a rule file, a data directory).
"""

from __future__ import annotations

import os
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from otel_eventlog.errors import EventLogError, RuleError
from otel_eventlog_collector.cli.actions import actions
from otel_eventlog_collector.cli.demo import demo
from otel_eventlog_collector.cli.doctor import doctor
from otel_eventlog_collector.cli.export import export
from otel_eventlog_collector.cli.importing import import_file
from otel_eventlog_collector.cli.output import safe
from otel_eventlog_collector.cli.prune import prune
from otel_eventlog_collector.cli.query import query
from otel_eventlog_collector.cli.rules import rules_app
from otel_eventlog_collector.cli.serve import serve
from otel_eventlog_collector.cli.show import show
from otel_eventlog_collector.cli.stats import stats
from otel_eventlog_collector.cli.tail import tail
from otel_eventlog_collector.cli.token import token_app
from otel_eventlog_collector.errors import CollectorError, ConfigError, QueryError

EXIT_FAILED = 1
EXIT_WRONG = 2

app = typer.Typer(
    name="otel-eventlog",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "Event logs of authentication calls, made from OpenTelemetry spans: "
        "collect, follow and search them."
    ),
    epilog=(
        "New here? `otel-eventlog demo` shows everything at once. "
        "`otel-eventlog serve` starts the collector; point an application at it with "
        "`OTEL_EVENTLOG_ENDPOINT=http://localhost:4328 opentelemetry-instrument python app.py`, "
        "and watch with `otel-eventlog tail`."
    ),
)

_RUN, _READ, _KEEP = "Run", "Read", "Maintain"
app.command(rich_help_panel=_RUN)(demo)
app.command(rich_help_panel=_RUN)(serve)
app.command(rich_help_panel=_READ)(tail)
app.command(rich_help_panel=_READ)(query)
app.command(rich_help_panel=_READ)(show)
app.command(rich_help_panel=_READ)(stats)
app.command(rich_help_panel=_READ)(actions)
app.command(rich_help_panel=_READ)(export)
app.command("import", rich_help_panel=_KEEP)(import_file)
app.command(rich_help_panel=_KEEP)(prune)
app.command(rich_help_panel=_KEEP)(doctor)
app.add_typer(rules_app, name="rules", rich_help_panel=_KEEP)
app.add_typer(token_app, name="token", rich_help_panel=_KEEP)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - how typer calls it
    if wanted:
        typer.echo(f"otel-eventlog {version('otel-eventlog-collector')}")
        raise typer.Exit


@app.callback()
def _main(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and end."
        ),
    ] = False,
) -> None:
    """Take the options that stand before any command."""


def run() -> None:
    """Run the command line and end the process with its exit code."""
    try:
        app()
    except BrokenPipeError:
        # The reader of our output left, as in `otel-eventlog query | head`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except EventLogError as error:
        sys.exit(_tell(error))


def _tell(error: EventLogError) -> int:
    """Print an error that was raised on purpose, every mistake on a line; return the exit code."""
    if isinstance(error, RuleError | ConfigError):
        mistakes = list(error.mistakes)
    elif isinstance(error, QueryError):
        mistakes = [one.message for one in error.mistakes]
    elif isinstance(error, CollectorError) and error.hint:
        mistakes = [f"{error.message}; {error.hint}"]
    else:
        mistakes = [str(error)]
    for mistake in mistakes:
        for line in mistake.splitlines():
            sys.stderr.write(f"error: {safe(line)}\n")
    return EXIT_WRONG if isinstance(error, RuleError | ConfigError | QueryError) else EXIT_FAILED
