"""`otel-eventlog import`: event logs from a JSON Lines file."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from otel_eventlog.model import EventLog
from otel_eventlog_collector.cli.imported import event_from_json
from otel_eventlog_collector.cli.output import note
from otel_eventlog_collector.config import load_settings
from otel_eventlog_collector.errors import ConfigError
from otel_eventlog_collector.event_json import event_json
from otel_eventlog_collector.protocols import Store, WriteResult
from otel_eventlog_collector.query_parse.times import parse_time

EVENTS_PER_WRITE = 1000
MISTAKES_MAX = 20
"""A file with more wrong lines is probably no export at all."""


def import_file(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="JSON Lines, as `otel-eventlog export` writes.")
    ],
    *,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The data directory; no collector may run on it."),
    ] = None,
    retention: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="What is older is left out. [default: 30d]"),
    ] = None,
) -> None:
    """Store the event logs of an export. What is there already stays as it is.

    The whole file is checked before anything is stored.

    For example: `otel-eventlog import week.jsonl --data DIR`
    """
    given = {"data": data, "retention": retention}
    settings, _ = load_settings({key: value for key, value in given.items() if value is not None})
    count = _check(file)
    from otel_eventlog_collector.service import open_for_writing

    store = open_for_writing(settings)
    totals = WriteResult()
    try:
        with Progress(disable=not sys.stderr.isatty(), transient=True) as progress:
            task = progress.add_task("Importing", total=count)
            for events in _batches(file):
                totals = _sum(totals, _write(store, events))
                progress.advance(task, len(events))
    finally:
        store.close()
    note(
        f"{totals.stored:,} event logs stored, {totals.replaced:,} replaced, "
        f"{totals.duplicates:,} were there already, {totals.rejected:,} are past the retention."
    )


def _write(store: Store, events: Sequence[EventLog]) -> WriteResult:
    return store.write(events).result()


def _sum(one: WriteResult, other: WriteResult) -> WriteResult:
    names = ("stored", "replaced", "duplicates", "conflicts", "rejected")
    return WriteResult(**{name: getattr(one, name) + getattr(other, name) for name in names})


def _check(file: Path) -> int:
    """Read the whole file once; return how many event logs it holds."""
    count = 0
    mistakes: list[str] = []
    for number, found in _lines(file):
        count += 1
        if isinstance(found, str):
            mistakes.append(f"{file}:{number}: {found}; write lines as `export` does")
            if len(mistakes) == MISTAKES_MAX:
                break
    if mistakes:
        raise ConfigError.of([*mistakes, f"{file}: nothing was imported"])
    return count


def _batches(file: Path) -> Iterator[list[EventLog]]:
    batch: list[EventLog] = []
    for _, found in _lines(file):
        if isinstance(found, EventLog):
            batch.append(found)
        if len(batch) == EVENTS_PER_WRITE:
            yield batch
            batch = []
    if batch:
        yield batch


def _lines(file: Path) -> Iterator[tuple[int, EventLog | str]]:
    """Yield the number of each line with its event log, or with what is wrong with it."""
    try:
        with file.open(encoding="utf-8") as stream:
            for number, line in enumerate(stream, 1):
                if line.strip():
                    yield number, _event(line)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{file}: cannot be read: {error}", hint="name a JSON Lines file"
        ) from None


def _event(line: str) -> EventLog | str:
    try:
        found = json.loads(line)
        event = event_from_json(found)
        if found.get("observed_time"):
            event.observed_unix_nano = parse_time(str(found["observed_time"]), 0)
        # What cannot be written as JSON again could not be read again either.
        json.dumps(event_json(event), allow_nan=False)
    except (ValueError, RecursionError) as error:
        return str(error)
    return event
