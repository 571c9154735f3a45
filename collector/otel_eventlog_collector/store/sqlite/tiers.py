"""How a stretch of time is counted: whole hours and minutes from the rollups, the rest from rows.

Pure. A unit of time that begins, ends or is cut by a slice's edge inside is counted by the next
finer tier, so that every count is exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from otel_eventlog_collector.store.sqlite.rollup import NS_PER_HOUR, NS_PER_MINUTE


class Stretch(NamedTuple):
    """Times from `since` inclusive to `until` exclusive, nanoseconds since the epoch."""

    since: int
    until: int


@dataclass(frozen=True, slots=True)
class Tier:
    """A rollup: its table, its column of time, and what a unit of that is."""

    table: str
    column: str
    unit_ns: int


HOURS = Tier("hours", "hour", NS_PER_HOUR)
MINUTES = Tier("minutes", "minute", NS_PER_MINUTE)


class Slices(NamedTuple):
    """Slices of time of one length, of which the first begins at `origin`."""

    origin: int
    length_ns: int

    def number_of(self, time_unix_nano: int) -> int:
        """Return the number of the slice in which a time lies, the first one being 0."""
        return (time_unix_nano - self.origin) // self.length_ns

    def edges_within(self, stretch: Stretch) -> Iterator[int]:
        """Yield the moments inside a stretch at which one slice ends and the next begins."""
        number = -((self.origin - stretch.since) // self.length_ns)
        edge = self.origin + number * self.length_ns
        while edge < stretch.until:
            if edge > stretch.since:
                yield edge
            edge += self.length_ns


def split(
    stretches: Iterable[Stretch], slices: Slices, tier: Tier
) -> tuple[list[Stretch], list[Stretch]]:
    """Divide stretches into what a tier counts, unit by whole unit, and what it cannot.

    Returns:
        Stretches of whole units that no edge cuts, and the rest; both in order.

    """
    whole: list[Stretch] = []
    rest: list[Stretch] = []
    unit = tier.unit_ns
    for stretch in stretches:
        first, last = -(-stretch.since // unit) * unit, stretch.until // unit * unit
        if first >= last:
            rest.append(stretch)
            continue
        _add(rest, stretch.since, first)
        at = first
        for edge in slices.edges_within(Stretch(first, last)):
            cut = edge // unit * unit
            if edge == cut or cut < at:  # between two units, or in one that is cut already
                continue
            _add(whole, at, cut)
            _add(rest, cut, cut + unit)
            at = cut + unit
        _add(whole, at, last)
        _add(rest, last, stretch.until)
    return whole, rest


def _add(stretches: list[Stretch], since: int, until: int) -> None:
    """Append a stretch, joined with the one before where they touch."""
    if since >= until:
        return
    if stretches and stretches[-1].until == since:
        stretches[-1] = Stretch(stretches[-1].since, until)
    else:
        stretches.append(Stretch(since, until))
