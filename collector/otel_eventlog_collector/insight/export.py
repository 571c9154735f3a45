"""Event logs as files: JSON Lines, CSV, OCSF and ECS, page by page in constant memory.

Each page is a query of its own, so that a slow reader holds no read transaction open. Each format
carries the event id, so that a file that was cut short says where to go on.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from otel_eventlog.model import EventLog, Status
from otel_eventlog_collector.event_json import event_json
from otel_eventlog_collector.insight.ecs import ecs_document
from otel_eventlog_collector.insight.ocsf import ocsf_event
from otel_eventlog_collector.protocols import EventReader
from otel_eventlog_collector.query import LIMIT_MAX, EventQuery

_FORMULA_STARTS = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    "\0",
    "\uff1d",
    "\uff0b",
    "\uff0d",
    "\uff20",
)
"""What makes a spreadsheet take a cell for a formula, full-width signs included (OWASP)."""
_COLUMNS = tuple(event_json(EventLog(Status.START, "", 0, 0, 0)))

Fields: TypeAlias = Mapping[str, Any]
"""An event log as `event_json` gives it."""


@dataclass(frozen=True, slots=True)
class Format:
    """One file format: what stands first, what each event log becomes, where its id is.

    Attributes:
        media_type: as HTTP names it.
        extension: of a file's name.
        head: text before the first event log.
        text: the text of one event log, with its line end.
        id_path: where a parsed line has the event id; () for CSV, which is no JSON.

    """

    media_type: str
    extension: str
    head: str
    text: Callable[[Fields], str]
    id_path: tuple[str, ...]


def json_text(content: Fields) -> str:
    """Return an object as one line of ASCII JSON, without control characters."""
    # json leaves DEL alone, which some terminals act on.
    return json.dumps(content, allow_nan=False).replace("\x7f", "\\u007f") + "\n"


def _csv(row: Iterable[object]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\r\n").writerow(row)
    return stream.getvalue()


def _csv_row(fields: Fields) -> str:
    return _csv([_cell(value) for value in fields.values()])


def _cell(value: object) -> object:
    """Return a cell that no spreadsheet takes for a formula (OWASP, "CSV Injection")."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return json.dumps(value, allow_nan=False)
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return "'" + value
    return value


FORMATS: Mapping[str, Format] = {
    "jsonl": Format("application/x-ndjson", "jsonl", "", json_text, ("event_id",)),
    "csv": Format("text/csv; charset=utf-8", "csv", _csv(_COLUMNS), _csv_row, ()),
    "ocsf": Format(
        "application/x-ndjson",
        "ocsf.jsonl",
        "",
        lambda fields: json_text(ocsf_event(fields)),
        ("metadata", "uid"),
    ),
    "ecs": Format(
        "application/x-ndjson",
        "ecs.jsonl",
        "",
        lambda fields: json_text(ecs_document(fields)),
        ("event", "id"),
    ),
}
"""Every format by the name that `format=` and `--format` take."""


def export(reader: EventReader, query: EventQuery, form: Format) -> Iterator[str]:
    """Yield a file's text, one page of event logs at a time; no head where it goes on."""
    yield "" if query.cursor else form.head
    while True:
        page = reader.find(replace(query, limit=LIMIT_MAX))
        text = "".join(form.text(event_json(event)) for event in page.events)
        if text:
            yield text
        if page.next_cursor is None:
            return
        query = replace(query, cursor=page.next_cursor)
        # Not held while a slow reader takes its time.
        del page, text
