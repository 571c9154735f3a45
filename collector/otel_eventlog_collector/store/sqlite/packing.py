"""Which row a half goes into, pure: what a merge decided → the changes of rows that make it so.

Both halves of a request share one row when they come together and agree in what they share. A half
that changes later leaves such a row for one of its own, and the other stays where it is, with its
place in the stream. Every row therefore has one set of details.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple

from otel_eventlog.model import TAG_END, TAG_START
from otel_eventlog_collector.store.row import (
    DETAIL_FIELDS,
    START_DETAIL,
    START_TEXTS,
    TEXT_FIELDS,
    Half,
    Shape,
    duration_from_sql,
)
from otel_eventlog_collector.store.sqlite.merge import Merged, sibling


def _divided(fields: Sequence[str], shared: Collection[str]) -> tuple[itemgetter[Any], ...]:
    """Return what takes the shared fields out of a tuple, and what takes the others."""
    at = [fields.index(name) for name in shared]
    others = [place for place in range(len(fields)) if place not in at]
    return itemgetter(*at), itemgetter(*others)


_shared_detail, _other_detail = _divided(DETAIL_FIELDS, START_DETAIL)
_shared_texts, _other_texts = _divided(TEXT_FIELDS, START_TEXTS)
_NO_DETAIL = (None,) * (len(DETAIL_FIELDS) - len(START_DETAIL))
_NO_TEXTS = (None,) * (len(TEXT_FIELDS) - len(START_TEXTS))


class HeldHalf(NamedTuple):
    """A half that is stored, and where.

    Attributes:
        slot: of its row, among the rows of the request.
        is_packed: whether the other half shares the row.
        shape_id: its shape.
        time_unix_nano: when it happened.
        duration_ns: how long the request took; None on a start.

    """

    slot: int
    is_packed: bool
    shape_id: int
    time_unix_nano: int
    duration_ns: int | None


class HeldRow(NamedTuple):
    """A stored row as it is looked up, in the order of `schema.find_requests_sql`."""

    start_ms: int
    span_id: int
    slot: int
    start_unix_nano: int
    elapsed_ns: int | None
    duration_ns: int | None
    start_shape: int | None
    outcome_shape: int | None

    @property
    def is_erased(self) -> bool:
        """Whether only the bare id is left."""
        return self.start_shape is None and self.outcome_shape is None

    def halves(self) -> Iterator[tuple[int, HeldHalf]]:
        """Yield the tag and the half of each half in the row."""
        is_packed = self.start_shape is not None and self.outcome_shape is not None
        if self.start_shape is not None:
            yield (
                TAG_START,
                HeldHalf(self.slot, is_packed, self.start_shape, self.start_unix_nano, None),
            )
        if self.outcome_shape is not None:
            end = self.start_unix_nano + (self.elapsed_ns or 0)
            duration = duration_from_sql(self.duration_ns, self.elapsed_ns)
            yield TAG_END, HeldHalf(self.slot, is_packed, self.outcome_shape, end, duration)


class NewRow(NamedTuple):
    """A row to be put in a slot of its request; a row that stands there gives way.

    Attributes:
        half: gives detail and texts: the outcome when both halves share the row.
        start_shape: shape of the start, None when it is not in this row.
        outcome_shape: shape of the outcome, likewise.
        slot: among the rows of the request.

    """

    half: Half
    start_shape: Shape | None
    outcome_shape: Shape | None
    slot: int


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be done to the rows, in this order.

    Attributes:
        leaving: halves that leave a row which the other keeps, by key, with that row's slot.
        reshaped: starts, alone in their rows, that get another shape: key → shape and slot.
        rows: rows to be put.

    """

    leaving: Mapping[int, int]
    reshaped: Mapping[int, tuple[Shape, int]]
    rows: list[NewRow]


def is_packable(start: Half, outcome: Half) -> bool:
    """Whether a start tells nothing that its outcome does not tell as well."""
    return bool(
        _shared_detail(start.detail) == _shared_detail(outcome.detail)
        and _shared_texts(start.texts) == _shared_texts(outcome.texts)
        and _other_detail(start.detail) == _NO_DETAIL
        and _other_texts(start.texts) == _NO_TEXTS
    )


def plan(merged: Merged, held: Mapping[int, HeldHalf]) -> Changes:
    """Return the changes of rows that carry out a merge.

    Args:
        merged: what was decided.
        held: where the halves of all its requests are, by key.

    """
    leaving: dict[int, int] = {}
    slots = {key: half.slot for key, half in held.items()}
    packed = {key for key, half in held.items() if half.is_packed}
    rows: list[NewRow] = []
    for key, half in merged.replaced.items():
        other = sibling(key)
        if key in packed:
            packed -= {key, other}
            leaving[key] = slots[key]
            slots[key] = 1 - slots[key]
        rows.append(_alone(half, slots[key]))
    reshaped = {key: (shape, slots[key]) for key, shape in merged.reshaped.items()}
    done: set[int] = set()
    for key, half in merged.new.items():
        if key in done:
            continue
        other = sibling(key)
        if other in merged.new:
            done.add(other)
            rows += _together(half, merged.new[other])
        else:
            rows.append(_alone(half, 1 - slots[other] if other in slots else 0))
    return Changes(leaving, reshaped, rows)


def _alone(half: Half, slot: int) -> NewRow:
    if half.is_start:
        return NewRow(half, half.shape, None, slot)
    return NewRow(half, None, half.shape, slot)


def _together(one: Half, other: Half) -> list[NewRow]:
    start, outcome = (one, other) if one.is_start else (other, one)
    if is_packable(start, outcome):
        return [NewRow(outcome, start.shape, outcome.shape, 0)]
    return [_alone(start, 0), _alone(outcome, 1)]
