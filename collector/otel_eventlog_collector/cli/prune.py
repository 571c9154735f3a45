"""`otel-eventlog prune`: remove what is past the retention, now."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

from otel_eventlog_collector.cli.admin_client import open_admin
from otel_eventlog_collector.cli.options import AdminToken, AsJson, Served, ServedData
from otel_eventlog_collector.cli.output import note, print_json
from otel_eventlog_collector.errors import CollectorError


def prune(
    *,
    url: Served = None,
    data: ServedData = None,
    token: AdminToken = None,
    retention: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION",
            help="Remove what is older; only where no collector serves it. [default: 30d]",
        ),
    ] = None,
    max_size: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Then remove the oldest days until it is this small; as --retention.",
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="This machine's clock is right, though it jumped; remove after all."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Remove event logs past the retention now, and give their bytes back.

    A running collector does this by itself every hour. If one serves the directory it is asked to
    do it now, by its own retention; else it is done here.

    For example: `otel-eventlog prune --data DIR --retention 7d`
    """
    own = {"retention": retention, "max_size": max_size}
    with closing(open_admin(url, data, token, own)) as client:
        purged = client.prune(force=force)["purged"]
    if as_json:
        print_json([purged])
    else:
        note(f"{purged['events']:,} event logs removed, {purged['bytes_freed']:,} bytes freed.")
    if purged["refused"]:
        raise CollectorError(
            f"nothing was removed: {purged['refused']}",
            hint="check this machine's clock, then say --force",
        )
