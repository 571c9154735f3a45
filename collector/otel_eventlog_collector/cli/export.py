"""`otel-eventlog export`: event logs as a file."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated, Literal

import typer

from otel_eventlog_collector.cli.client import open_client
from otel_eventlog_collector.cli.options import (
    WHICH,
    AccessToken,
    Data,
    Search,
    Since,
    Until,
    Url,
    given,
    with_filters,
)
from otel_eventlog_collector.cli.output import note, write
from otel_eventlog_collector.errors import ConfigError


@with_filters
def export(  # noqa: PLR0913 - one argument for each option
    *,
    url: Url = None,
    data: Data = None,
    token: AccessToken = None,
    since: Since = None,
    until: Until = None,
    q: Search = None,
    order: Annotated[
        Literal["desc", "asc"],
        typer.Option(help="Oldest first or newest first.", rich_help_panel=WHICH),
    ] = "asc",
    form: Annotated[
        Literal["jsonl", "csv"],
        typer.Option("--format", help="JSON Lines, or CSV for spreadsheets."),
    ] = "jsonl",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write here. [default: standard output]"
        ),
    ] = None,
    filters: list[tuple[str, str]],
) -> None:
    """Write all event logs that pass the filters to a file, oldest first.

    For example:

    `otel-eventlog export --since -7d -o week.jsonl`

    `otel-eventlog export --format csv --status error > errors.csv`
    """
    parameters = [*filters, *given(since=since, until=until, q=q, order=order, format=form)]
    with closing(open_client(url, data, token)) as client:
        pieces = client.export(parameters)
        if output is None:
            for piece in pieces:
                write(piece)
            return
        count = 0
        try:
            with output.open("x", encoding="utf-8", newline="") as stream:
                for piece in pieces:
                    stream.write(piece)
                    count += len(piece)
        except FileExistsError:
            raise ConfigError(
                f"--output {output}: the file exists already", hint="name another one"
            ) from None
        except OSError as error:
            raise ConfigError(
                f"--output {output}: cannot be written: {error.strerror}",
                hint="name a file in a directory of yours",
            ) from None
        note(f"{output}: {count:,} characters written")
