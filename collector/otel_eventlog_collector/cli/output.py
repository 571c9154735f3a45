"""How the command prints: lines for people, JSON lines for programs.

Stored strings come from strangers. None of them reaches a terminal with a control character in
it: those would move the cursor, change the window's title or the clipboard, or hide a line.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.text import Text

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # C0, DEL, C1
    "\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"  # invisible, line ends, writing direction
    "\ud800-\udfff\U000e0000-\U000e007f]"  # lone surrogates, tags
)
_STYLES = {
    "start": "blue",
    "success": "green",
    "error": "red",
    "in_progress": "blue",
    "no_outcome": "yellow",
}
_NS_PER_MS = 1_000_000
_MS_PER_S = 1000
_ACTION_CHARS = 30
_USER_CHARS = 24


def safe(value: object) -> str:
    """Return a stored value as text in which every control character is spelled out."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found.group()):04x}", str(value))


def console() -> Console:
    """Return where tables go: colours on a terminal only, plain text anywhere else."""
    return Console(highlight=False, markup=False, emoji=False, soft_wrap=not sys.stdout.isatty())


def write(text: str) -> None:
    """Write to standard output at once; end quietly if nobody reads it any more.

    That is how `otel-eventlog query | head` ends, and no error.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # What is still buffered would fail again when Python closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def note(text: str) -> None:
    """Tell people something beside the result, on standard error; one line."""
    sys.stderr.write(safe(text) + "\n")
    sys.stderr.flush()


@contextmanager
def progress(label: str, total: int | None, unit: str = "bytes") -> Iterator[Callable[[int], None]]:
    """Show a bar on standard error while something long is done, if that is a terminal.

    Yields what is told how much was done since the last time. Without a total only the time and
    the amount are shown.
    """
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    amount = [DownloadColumn()] if unit == "bytes" else [MofNCompleteColumn(), TextColumn(unit)]
    columns = [TextColumn("{task.description}"), *amount, TimeElapsedColumn()]
    if total is not None:
        columns[1:1] = [BarColumn()]
        columns.append(TimeRemainingColumn())
    bar = Progress(
        *columns,
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    with bar:
        task = bar.add_task(label, total=total)
        yield lambda amount: bar.advance(task, amount)


def status_text(status: str, width: int = 0) -> Text:
    """Return a status in its colour."""
    return Text(safe(status).ljust(width), style=_STYLES.get(status, ""))


def duration_text(duration_ns: int | None) -> str:
    """Return a duration in milliseconds or seconds, `` for none."""
    if duration_ns is None:
        return ""
    milliseconds = duration_ns / _NS_PER_MS
    if milliseconds < _MS_PER_S:
        return f"{milliseconds:.1f} ms"
    return f"{milliseconds / _MS_PER_S:.2f} s"


def time_text(time: str) -> str:
    """Return an RFC 3339 time to the millisecond: `2026-11-23 10:42:00.123Z`."""
    return safe(f"{time[:10]} {time[11:23]}Z")


def detail_text(event: Mapping[str, Any]) -> str:
    """Return what a line says beside who, what and when."""
    parts = [
        event["error_type"],
        f"next: {event['next_step']}" if event["next_step"] else None,
        event["message_status"],
        f"HTTP {event['http_status_code']}" if event["http_status_code"] else None,
        event["error_message"],
        event["client_address"],
    ]
    return "  ".join(safe(part) for part in parts if part)


HEADING = (
    f"{'TIME':24}  {'STATUS':7}  {'ACTION':{_ACTION_CHARS}}  {'REQUEST ID':36}  "
    f"{'DURATION':>9}  {'USER':{_USER_CHARS}}  DETAIL"
)


def event_line(event: Mapping[str, Any]) -> Text:
    """Return one event log as one line, in the columns of HEADING."""
    user = event["user_id"] or event["organization_id"] or ""
    return Text.assemble(
        time_text(event["time"]),
        "  ",
        status_text(event["status"], 7),
        "  ",
        safe(event["action"]).ljust(_ACTION_CHARS),
        "  ",
        Text(safe(event["request_id"]), style="dim"),
        "  ",
        duration_text(event["duration_ns"]).rjust(9),
        "  ",
        safe(user).ljust(_USER_CHARS),
        "  ",
        detail_text(event),
    )


class Lines:
    """Prints event logs one by one, as a table for people; the heading comes with the first."""

    def __init__(self) -> None:
        self._console = console()
        self._begun = False

    def print(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Print event logs."""
        for event in events:
            if not self._begun:
                self.text(Text(HEADING, style="bold"))
                self._begun = True
            self.text(event_line(event))

    def text(self, line: Text) -> None:
        """Print one line: cut at a terminal's edge, whole anywhere else."""
        line.rstrip()
        if self._console.is_terminal:
            self._console.print(line, no_wrap=True, overflow="ellipsis", crop=True)
        else:
            write(line.plain + "\n")


def json_text(content: object) -> str:
    """Return JSON in ASCII on one line, without any control character."""
    return json.dumps(content, allow_nan=False).replace("\x7f", "\\u007f")


def print_json(events: Iterable[object]) -> None:
    """Print one JSON object a line."""
    for event in events:
        write(json_text(event) + "\n")
