"""`otel-eventlog prune`: remove what is past the retention, now."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from otel_eventlog_collector.cli.options import AsJson
from otel_eventlog_collector.cli.output import note, print_json
from otel_eventlog_collector.config import load_settings
from otel_eventlog_collector.errors import CollectorError


def prune(
    *,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The data directory; no collector may run on it."),
    ] = None,
    retention: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="Remove what is older. [default: 30d]"),
    ] = None,
    max_size: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="Then remove the oldest days until it is this small."),
    ] = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="This machine's clock is right, though it jumped; remove after all."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Remove event logs past the retention from a data directory.

    A running collector does this by itself; the command is for a directory that none serves.

    For example: `otel-eventlog prune --data DIR --retention 7d`
    """
    options = {"data": data, "retention": retention, "max_size": max_size}
    settings, _ = load_settings({key: value for key, value in options.items() if value is not None})
    from otel_eventlog_collector.service import open_for_writing

    store = open_for_writing(settings)
    try:
        report = store.purge(force=force)
    finally:
        store.close()
    if as_json:
        print_json(
            [
                {
                    "segments": list(report.segments),
                    "events": report.events,
                    "bytes_freed": report.bytes_freed,
                    "refused": report.refused or None,
                }
            ]
        )
    else:
        note(f"{report.events:,} event logs removed, {report.bytes_freed:,} bytes freed.")
    if report.refused:
        raise CollectorError(
            f"nothing was removed: {report.refused}",
            hint="check this machine's clock, then say --force",
        )
