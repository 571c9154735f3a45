"""Stream positions: how far a watcher has read in every segment, as opaque text.

A map from segment to position, because one number over several files would miss rows: each file is
committed on its own. The number of the latest purge says which removals the watcher knows of.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from otel_eventlog_collector.errors import QueryError

POSITION_CHARS_MAX = 64 * 1024

_PATTERN = re.compile(
    r"([12])\.([0-9a-f]{8})\.([0-9a-f]{1,15})((?:\.[0-9a-f]{1,8}-[0-9a-f]{1,15})*)"
)


@dataclass(frozen=True, slots=True)
class Position:
    """A position taken apart.

    Attributes:
        store_id: of which store.
        purge_number: latest purge known when it was made.
        positions: day (since the epoch) → last position read.

    """

    store_id: str
    purge_number: int
    positions: Mapping[int, int]

    def text(self) -> str:
        """Return it as text without characters that a header or a URL would mind."""
        days = "".join(f".{day:x}-{seq:x}" for day, seq in sorted(self.positions.items()))
        return f"2.{self.store_id}.{self.purge_number:x}{days}"


def parse_position(text: str, store_id: str) -> Position:
    """Read a position.

    Raises:
        QueryError: it is none, or one of another store.

    """
    hint = "start without a position: the answer brings one"
    match = _PATTERN.fullmatch(text) if len(text) <= POSITION_CHARS_MAX else None
    if match is None:
        raise QueryError("position", f"{text[:80]!r} is not a stream position", hint=hint)
    version, of_store, purge_number, days = match.groups()
    if of_store != store_id:
        raise QueryError("position", f"{text[:80]!r} is a position of another store", hint=hint)
    positions = {}
    for part in days.split(".")[1:]:
        day, sequence = (int(digits, 16) for digits in part.split("-"))
        positions[day] = sequence if version == "2" else position_of_format_1(sequence)
    return Position(store_id, int(purge_number, 16), positions)


def position_of_format_1(sequence: int) -> int:
    """Return the position of what format 1, with a row for each event log, numbered so."""
    return 2 * sequence + 1
