"""The console script `otel-eventlog`: the commands, and what errors look like.

Exit codes: 0 done; 1 it could not be done (no collector answers, nothing has that id); 2 something
was written wrongly (an option, a query, the configuration, a rule file, a data directory).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any

import typer

from otel_eventlog.errors import EventLogError, RuleError
from otel_eventlog_collector.cli.output import safe
from otel_eventlog_collector.errors import CollectorError, ConfigError, QueryError

EXIT_FAILED = 1
EXIT_WRONG = 2

_HELP = (
    "Event logs of authentication calls, made from OpenTelemetry spans: "
    "collect, follow and search them."
)
_EPILOG = (
    "New here? `otel-eventlog demo` shows everything at once. `otel-eventlog serve` starts the "
    "collector; point an application at it with "
    "`OTEL_EVENTLOG_ENDPOINT=http://localhost:4328 opentelemetry-instrument python app.py`, "
    "and watch with `otel-eventlog tail`."
)


@dataclass(frozen=True, slots=True)
class _Entry:
    """Where a command is, and under which heading the help lists it."""

    module: str
    attribute: str
    heading: str


_RUN, _READ, _KEEP = "Run", "Read", "Maintain"
_COMMANDS = {
    "demo": _Entry("demo", "demo", _RUN),
    "serve": _Entry("serve", "serve", _RUN),
    "tail": _Entry("tail", "tail", _READ),
    "query": _Entry("query", "query", _READ),
    "show": _Entry("show", "show", _READ),
    "stats": _Entry("stats", "stats", _READ),
    "actions": _Entry("actions", "actions", _READ),
    "export": _Entry("export", "export", _READ),
    "import": _Entry("importing", "import_file", _KEEP),
    "prune": _Entry("prune", "prune", _KEEP),
    "erase": _Entry("erase", "erase", _KEEP),
    "hash": _Entry("hashing", "hash_value", _KEEP),
    "doctor": _Entry("doctor", "doctor", _KEEP),
    "rules": _Entry("rules", "rules_app", _KEEP),
    "token": _Entry("token", "token_app", _KEEP),
}


def build_app(wanted: str | None = None) -> typer.Typer:
    """Return the command line; with the name of a command, only with that one.

    Importing all commands takes three times as long as importing one.
    """
    app = typer.Typer(
        name="otel-eventlog",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
        context_settings={"help_option_names": ["-h", "--help"]},
        help=_HELP,
        epilog=_EPILOG,
    )
    app.callback()(_main)
    for name, entry in _COMMANDS.items():
        if wanted not in _COMMANDS or wanted == name:
            module = import_module(f"otel_eventlog_collector.cli.{entry.module}")
            found: Any = getattr(module, entry.attribute)
            if isinstance(found, typer.Typer):
                app.add_typer(found, name=name, rich_help_panel=entry.heading)
            else:
                app.command(name, rich_help_panel=entry.heading)(found)
    return app


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - how typer calls it
    if wanted:
        from importlib.metadata import version

        typer.echo(f"otel-eventlog {version('otel-eventlog-collector')}")
        raise typer.Exit


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
    first = next((word for word in sys.argv[1:] if not word.startswith("-")), None)
    try:
        build_app(first)()
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


def __getattr__(name: str) -> Any:
    """Build the whole command line for those who look at it, as `main.app`."""
    if name == "app":
        return build_app()
    raise AttributeError(name)
