"""Cursors as text: opaque to clients, so that what is in them may change."""

from __future__ import annotations

import base64
import binascii

from otel_eventlog_collector.query import Cursor

_TIME_BYTES = 8
_UUID_BYTES = 16


def cursor_text(cursor: Cursor) -> str:
    """Return a cursor as the text that `next_cursor` shows and `cursor` takes."""
    packed = cursor.time_unix_nano.to_bytes(_TIME_BYTES, "big") + cursor.event_uuid.to_bytes(
        _UUID_BYTES, "big"
    )
    return base64.urlsafe_b64encode(packed).decode("ascii")


def parse_cursor(text: str) -> Cursor:
    """Read a cursor's text back.

    Raises:
        ValueError: it is no cursor of ours.

    """
    try:
        packed = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        packed = b""
    if len(packed) != _TIME_BYTES + _UUID_BYTES or packed[0] & 0x80:
        raise ValueError(
            f"{text[:40]!r} is not a cursor; pass next_cursor of the previous page unchanged, "
            "or leave it out for the first page"
        )
    return Cursor(
        int.from_bytes(packed[:_TIME_BYTES], "big"), int.from_bytes(packed[_TIME_BYTES:], "big")
    )
