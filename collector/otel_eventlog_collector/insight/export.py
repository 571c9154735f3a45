"""Event logs as files: JSON Lines and CSV, page by page in constant memory.

Each page is a query of its own, so that a slow reader holds no read transaction open.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from otel_eventlog.model import EventLog, Status
from otel_eventlog_collector.event_json import event_json
from otel_eventlog_collector.protocols import EventReader
from otel_eventlog_collector.query import LIMIT_MAX, EventQuery

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
_COLUMNS = tuple(event_json(EventLog(Status.START, "", 0, 0, 0)))


@dataclass(frozen=True, slots=True)
class Format:
    """One file format: what stands first, and what a page of event logs becomes."""

    media_type: str
    extension: str
    head: str
    page: Callable[[Sequence[EventLog]], str]


def json_line(event: EventLog) -> str:
    """Return one event log as one line of ASCII JSON, without control characters."""
    # json leaves DEL alone, which some terminals act on.
    return json.dumps(event_json(event), allow_nan=False).replace("\x7f", "\\u007f")


def _json_lines(events: Sequence[EventLog]) -> str:
    return "".join(json_line(event) + "\n" for event in events)


def _csv(rows: Sequence[Sequence[object]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\r\n").writerows(rows)
    return stream.getvalue()


def _csv_page(events: Sequence[EventLog]) -> str:
    return _csv([[_cell(value) for value in event_json(event).values()] for event in events])


def _cell(value: object) -> object:
    """Return a cell that no spreadsheet takes for a formula (OWASP, "CSV Injection")."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return json.dumps(value)
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return "'" + value
    return value


FORMATS: Mapping[str, Format] = {
    "jsonl": Format("application/x-ndjson", "jsonl", "", _json_lines),
    "csv": Format("text/csv; charset=utf-8", "csv", _csv([_COLUMNS]), _csv_page),
}
"""Every format by the name that `format=` and `--format` take."""


def export(reader: EventReader, query: EventQuery, form: Format) -> Iterator[str]:
    """Yield a file's text, one page of event logs at a time."""
    yield form.head
    page = reader.find(replace(query, limit=LIMIT_MAX))
    while True:
        if page.events:
            yield form.page(page.events)
        if page.next_cursor is None:
            return
        page = reader.find(replace(query, limit=LIMIT_MAX, cursor=page.next_cursor))
