"""`otel-eventlog export`: event logs as a file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated, Literal

import typer

from otel_eventlog_collector.cli.client import Client, open_client
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
from otel_eventlog_collector.cli.output import note, progress, write
from otel_eventlog_collector.cli.resuming import end_of_export
from otel_eventlog_collector.errors import ConfigError
from otel_eventlog_collector.insight.export import FORMATS

_EVER = "-3660d"
"""Further back than any retention."""


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
        Literal["jsonl", "csv", "ocsf", "ecs"],
        typer.Option(
            "--format",
            help="JSON Lines, CSV for spreadsheets, OCSF Authentication or ECS for security tools.",
        ),
    ] = "jsonl",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write here. [default: standard output]"
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with a FILE that was cut short, in the same format."),
    ] = False,
    filters: list[tuple[str, str]],
) -> None:
    """Write all event logs that pass the filters to a file, oldest first.

    An export that was cut short goes on with --resume, and the same filters, where it stopped.

    For example:

    `otel-eventlog export --since -7d -o week.jsonl`

    `otel-eventlog export --format csv --status error > errors.csv`
    """
    parameters = [*filters, *given(since=since, until=until, q=q, order=order, format=form)]
    if resume and output is None:
        raise ConfigError(
            "--resume needs the file to go on with", hint="give it with --output FILE"
        )
    with closing(open_client(url, data, token)) as client:
        if output is None:
            for piece in client.export(parameters):
                write(piece)
            return
        size, last_id = end_of_export(output, FORMATS[form]) if resume else (0, None)
        pieces = client.export([*parameters, *given(after=last_id)])
        total = _total(client, parameters) if sys.stderr.isatty() and not size else None
        with progress("Exporting", total, unit="event logs") as advance:
            count = _save(output, pieces, advance, size if resume else None)
    note(f"{output}: {count:,} bytes written{f' after {size:,}' if size else ''}")


def _total(client: Client, parameters: list[tuple[str, str]]) -> int:
    """Count what will be exported, for the bar."""
    which = [pair for pair in parameters if pair[0] not in ("format", "order")]
    if not any(name == "since" for name, _ in which):
        which.append(("since", _EVER))
    buckets = client.ask("histogram", which)["buckets"]
    return sum(sum(bucket["counts"].values()) for bucket in buckets)


def _save(
    output: Path, pieces: Iterator[str], advance: Callable[[int], None], size: int | None
) -> int:
    """Write pieces to a new file, or to one after its first `size` bytes; return how many bytes."""
    count = 0
    try:
        with output.open("xb" if size is None else "r+b") as stream:
            if size is not None:
                stream.truncate(size)
                stream.seek(size)
            for piece in pieces:
                raw = piece.encode()
                stream.write(raw)
                stream.flush()
                count += len(raw)
                advance(piece.count("\n"))
    except FileExistsError:
        raise ConfigError(
            f"--output {output}: the file exists already",
            hint="name another one, or go on with it: --resume",
        ) from None
    except OSError as error:
        raise ConfigError(
            f"--output {output}: cannot be written: {error.strerror}",
            hint="name a file in a directory of yours",
        ) from None
    return count
