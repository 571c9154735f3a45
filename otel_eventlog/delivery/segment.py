r"""One file of the spool: lines of text, each with its checksum.

    cd2a7f0e {"otel_eventlog_spool": 1, "fields": ["status", "action", …]}\n
    1b0c55a2 ["start", "PasswordsAuthenticate", …]\n

A line is the CRC-32 of the JSON that follows it, in eight hexadecimal digits, a blank, and the
JSON, which is ASCII and holds no line feed: after a broken record the reader finds the next one
without trusting a length. The first line names the fields, so that another version of this package
reads what it knows.

Pure apart from `read_piece`.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any

from otel_eventlog.model import EventLog, OutcomeSource, Rank, Status

PIECE_BYTES_MAX = 256 * 1024
"""Longest line, and the most that is read at once: some 500 event logs."""

_FIELDS = tuple(item.name for item in fields(EventLog))
_values = attrgetter(*_FIELDS)
_FORMAT = "otel_eventlog_spool"
_CRC_DIGITS = 8
_REQUIRED = frozenset({"status", "action", "span_id", "start_unix_nano", "time_unix_nano"})


def header_line() -> bytes:
    """Return the first line of a segment."""
    return _line({_FORMAT: 1, "fields": _FIELDS})


def record_lines(events: Iterable[EventLog]) -> bytes:
    """Return the lines of some event logs.

    Raises:
        ValueError: a line would be too long to be read back.

    """
    lines = [_line(_values(event)) for event in events]
    together = b"".join(lines)
    if len(together) > PIECE_BYTES_MAX and any(len(line) > PIECE_BYTES_MAX for line in lines):
        msg = f"an event log is longer than {PIECE_BYTES_MAX} bytes"
        raise ValueError(msg)
    return together


def _line(value: object) -> bytes:
    text = _to_json(value).encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _plain(value: object) -> object:
    """Return what JSON can hold of the kinds of mapping and sequence that spans carry."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return list(value)
    return str(value)


def _encoder() -> Callable[[object], str]:
    """Return `json.dumps` with our options, without what it does anew for every call.

    That is half of what a record costs the request's thread. `JSONEncoder.encode` saves little:
    it builds the part written in C each time. Without that part, it is what is used.
    """
    make: Any = getattr(json.encoder, "c_make_encoder", None)
    text: Any = getattr(json.encoder, "encode_basestring_ascii", None)
    usual = json.JSONEncoder(separators=(",", ":"), default=_plain, check_circular=False).encode
    try:
        # Markers, default, text, indent, key separator, item separator, sort, skip, allow NaN.
        encode = make(None, _plain, text, None, ":", ",", False, False, True)
        sample = [None, True, 1.5, 2**70, "\u20ac\ud800", {"a": ("b",)}]
        if "".join(encode(sample, 0)) == usual(sample):
            return lambda value: "".join(encode(value, 0))
    except Exception:  # noqa: BLE001 - another Python: its part works differently, or is not there
        return usual
    return usual


_to_json = _encoder()


@dataclass(frozen=True, slots=True)
class Piece:
    """What was read from a segment in one go.

    Attributes:
        events: the event logs in order.
        corrupt_count: lines that are not what was written.
        end: offset behind the last line read.

    """

    events: tuple[EventLog, ...]
    corrupt_count: int
    end: int


def read_piece(
    fd: int, offset: int, end: int, field_names: Sequence[str], *, is_closed: bool
) -> Piece:
    """Read whole lines from an offset on.

    Args:
        fd: the segment.
        offset: where a line begins.
        end: what lies behind is not read: it is being written, or taken back.
        field_names: as its first line names them.
        is_closed: nobody writes to it any more, so a last line without its end stays broken.

    """
    data = os.pread(fd, min(PIECE_BYTES_MAX, max(0, end - offset)), offset)
    whole = data.rfind(b"\n") + 1
    if whole == 0:
        is_broken = bool(data) and (is_closed or len(data) == PIECE_BYTES_MAX)
        return Piece((), int(is_broken), offset + (len(data) if is_broken else 0))
    events = []
    corrupt_count = 0
    for line in data[:whole].split(b"\n"):
        value = _checked(line)
        if isinstance(value, list):
            event = _event(field_names, value)
            if event is not None:
                events.append(event)
                continue
        elif isinstance(value, dict) or not line:
            continue
        corrupt_count += 1
    return Piece(tuple(events), corrupt_count, offset + whole)


def read_field_names(fd: int) -> tuple[str, ...]:
    """Return the fields that the first line names; ours if it cannot be read."""
    line, _, _ = os.pread(fd, PIECE_BYTES_MAX, 0).partition(b"\n")
    value = _checked(line)
    names = value.get("fields") if isinstance(value, dict) else None
    return tuple(map(str, names)) if isinstance(names, list) else _FIELDS


def _checked(line: bytes) -> Any:
    """Return what a line says; None if it is broken."""
    text = line[_CRC_DIGITS + 1 :]
    try:
        if int(line[:_CRC_DIGITS], 16) != zlib.crc32(text):
            return None
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _event(field_names: Sequence[str], values: Sequence[Any]) -> EventLog | None:
    known = {
        name: value for name, value in zip(field_names, values, strict=False) if name in _FIELDS
    }
    if not known.keys() >= _REQUIRED:
        return None
    try:
        known["status"] = Status(known["status"])
        source = known.get("outcome_source")
        known["outcome_source"] = None if source is None else OutcomeSource(source)
        known["rank"] = Rank(known.get("rank", Rank.APP))
        return EventLog(**known)
    except (TypeError, ValueError):
        return None
