"""Stream positions: how far a watcher has read in every segment, as opaque text.

A map from segment to sequence, because one number over several files would miss rows: each file is
committed on its own. The number of the latest purge says which removals the watcher knows of.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from otel_eventlog_collector.errors import QueryError

POSITION_CHARS_MAX = 64 * 1024

_PATTERN = re.compile(r"1\.([0-9a-f]{8})\.([0-9a-f]{1,15})((?:\.[0-9a-f]{1,8}-[0-9a-f]{1,15})*)")


@dataclass(frozen=True, slots=True)
class Position:
    """A position taken apart.

    Attributes:
        store_id: of which store.
        purge_number: latest purge known when it was made.
        sequences: day (since the epoch) → last sequence read.

    """

    store_id: str
    purge_number: int
    sequences: Mapping[int, int]

    def text(self) -> str:
        """Return it as text without characters that a header or a URL would mind."""
        days = "".join(f".{day:x}-{seq:x}" for day, seq in sorted(self.sequences.items()))
        return f"1.{self.store_id}.{self.purge_number:x}{days}"


def parse_position(text: str, store_id: str) -> Position:
    """Read a position.

    Raises:
        QueryError: it is none, or one of another store.

    """
    hint = "start without a position: the answer brings one"
    match = _PATTERN.fullmatch(text) if len(text) <= POSITION_CHARS_MAX else None
    if match is None:
        raise QueryError("position", f"{text[:80]!r} is not a stream position", hint=hint)
    if match[1] != store_id:
        raise QueryError("position", f"{text[:80]!r} is a position of another store", hint=hint)
    sequences = {}
    for part in match[3].split(".")[1:]:
        day, sequence = part.split("-")
        sequences[int(day, 16)] = int(sequence, 16)
    return Position(store_id, int(match[2], 16), sequences)
