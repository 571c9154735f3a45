"""The merge of the two sides of one event (spec section 1), pure: held + incoming → to write.

Order-independent as the specification wants it: a higher rank replaces, at equal rank the first
stays, and a start always carries the action of its outcome. Only shapes matter here, because rank,
status and action are all in the shape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from otel_eventlog.model import TAG_START
from otel_eventlog_collector.store.row import (
    PAIR_FIELDS,
    RANK,
    SHAPE_FIELDS,
    STATUS,
    Half,
    Shape,
)

_SIBLING = 0b11
"""Exclusive-or that turns the id of a start (tag 1) into that of its outcome (tag 2), and back."""
_TAG_BITS = 0b11


ERASED: Shape = (None, 1 << 31, *([None] * (len(SHAPE_FIELDS) - 2)))
"""Stands for an erased half: it outranks everything, so what comes again is a duplicate."""


class Fate(IntEnum):
    """What became of one event log; the order of `protocols.WriteResult`."""

    STORED = 0
    REPLACED = 1
    DUPLICATE = 2
    CONFLICT = 3
    REJECTED = 4


@dataclass(slots=True)
class Merged:
    """What has to be written.

    Attributes:
        fates: one for each incoming half, in its order.
        new: halves that nothing held, by key.
        replaced: halves that replace a held one.
        reshaped: held starts that take over their outcome's action: key → new shape.

    """

    fates: list[Fate] = field(default_factory=list)
    new: dict[int, Half] = field(default_factory=dict)
    replaced: dict[int, Half] = field(default_factory=dict)
    reshaped: dict[int, Shape] = field(default_factory=dict)


def sibling(key: int) -> int:
    """Return the event id of the other half of a request."""
    return key ^ _SIBLING


def merge(held: Mapping[int, Shape], incoming: Sequence[Half]) -> Merged:
    """Decide what becomes of halves that arrive in this order.

    Args:
        held: shapes of what is stored already, by key: of the incoming and of their other halves.
        incoming: the halves.

    """
    merged = Merged()
    now = dict(held)
    fates = merged.fates
    for half in incoming:
        key, shape = half.key, half.shape
        before = now.get(key)
        if before is None:
            now[key] = shape
            merged.new[key] = half
            fates.append(Fate.STORED)
        elif shape[RANK] > before[RANK]:
            now[key] = shape
            (merged.new if key in merged.new else merged.replaced)[key] = half
            fates.append(Fate.REPLACED)
        elif shape[RANK] == before[RANK] and shape[STATUS] != before[STATUS]:
            fates.append(Fate.CONFLICT)
        else:
            fates.append(Fate.DUPLICATE)
    _carry_actions(merged, now)
    return merged


def _carry_actions(merged: Merged, now: dict[int, Shape]) -> None:
    """Give the start of every touched request the action of its outcome, where they differ."""
    for key in (*merged.new, *merged.replaced):
        start_key = key if key & _TAG_BITS == TAG_START else sibling(key)
        start, outcome = now.get(start_key), now.get(sibling(start_key))
        if start is None or outcome is None or start[PAIR_FIELDS] == outcome[PAIR_FIELDS]:
            continue
        head, tail = start[: PAIR_FIELDS.start], start[PAIR_FIELDS.stop :]
        shape = (*head, *outcome[PAIR_FIELDS], *tail)
        now[start_key] = shape
        for halves in (merged.new, merged.replaced):
            if start_key in halves:
                halves[start_key] = halves[start_key]._replace(shape=shape)
                break
        else:
            merged.reshaped[start_key] = shape
