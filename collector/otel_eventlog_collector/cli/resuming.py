"""Where a file of an export that was cut short ends, so that it can go on. Reads in portions."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import BinaryIO

from otel_eventlog_collector.errors import ConfigError
from otel_eventlog_collector.insight.export import Format

PORTION_BYTES = 1024 * 1024
RECORD_BYTES_MAX = 8 * PORTION_BYTES
"""No record of ours is as long; a file with a longer one is not ours."""


def end_of_export(file: Path, form: Format) -> tuple[int, str | None]:
    """Return the size of a file's whole records, and the event id of the last one.

    The id is None if there is no whole record yet.

    Raises:
        ConfigError: the file cannot be read, or is no export of this format.

    """
    try:
        with file.open("rb") as stream:
            return _end(stream, form)
    except OSError as error:
        raise ConfigError(
            f"--output {file}: cannot be read: {error.strerror}",
            hint="name the file that was cut short, or leave out --resume",
        ) from None
    except (ValueError, KeyError, TypeError, IndexError, csv.Error):
        raise ConfigError(
            f"--output {file}: is no export in this format",
            hint="give the --format it was begun with, or name another file",
        ) from None


def _end(stream: BinaryIO, form: Format) -> tuple[int, str | None]:
    size, record = _last_record(stream, has_quotes=not form.id_path)
    if size == 0 or (not form.id_path and size == len(form.head.encode())):
        return 0, None
    if not form.id_path:
        (row,) = csv.reader(io.StringIO(record.decode("utf-8"), newline=""))
        return size, row[0]
    found = json.loads(record)
    for name in form.id_path:
        found = found[name]
    return size, str(found)


def _last_record(stream: BinaryIO, *, has_quotes: bool) -> tuple[int, bytes]:
    """Return where the last whole record ends, and the record."""
    position = end = 0
    start_of_last = 0
    is_quoted = False
    while portion := stream.read(PORTION_BYTES):
        for line in portion.splitlines(keepends=True) if has_quotes else [portion]:
            if has_quotes:
                is_quoted ^= line.count(b'"') % 2 == 1
                if line.endswith(b"\n") and not is_quoted:
                    start_of_last, end = end, position + len(line)
                position += len(line)
            else:
                start_of_last, end = _line_end(line, position, start_of_last, end)
                position += len(line)
    if end - start_of_last > RECORD_BYTES_MAX:
        raise ValueError("a record is too long to be one of ours")
    stream.seek(start_of_last)
    return end, stream.read(end - start_of_last)


def _line_end(portion: bytes, position: int, start_of_last: int, end: int) -> tuple[int, int]:
    last = portion.rfind(b"\n")
    if last < 0:
        return start_of_last, end
    before = portion.rfind(b"\n", 0, last)
    return (position + before + 1 if before >= 0 else end), position + last + 1
