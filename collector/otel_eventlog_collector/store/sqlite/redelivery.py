"""Pairs of which some are known, pure: what is new, what changes nothing, what must be merged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from otel_eventlog.model import EventLog
from otel_eventlog.pairs import Pair
from otel_eventlog_collector.store.row import RANK, STATUS, Shape, span_to_int
from otel_eventlog_collector.store.sqlite.merge import Fate

_NS_PER_MS = 1_000_000

Fates: TypeAlias = tuple[Fate, Fate]
"""What became of a pair's start and of its outcome."""


class RequestKey(NamedTuple):
    """A request id taken apart as a database holds it."""

    start_ms: int
    span_id: int


@dataclass(slots=True)
class Sorted:
    """Pairs by what is to be done with them, each by its place among those given.

    Attributes:
        new: nothing of their request is known.
        settled: they change nothing, with what became of them.
        to_merge: a half is new, or outranks what is held: they are merged half by half.

    """

    new: list[int] = field(default_factory=list)
    settled: dict[int, Fates] = field(default_factory=dict)
    to_merge: list[int] = field(default_factory=list)


def request_key(pair: Pair) -> RequestKey:
    """Return the key of a pair's request."""
    return RequestKey(pair.start_unix_nano // _NS_PER_MS, span_to_int(pair.span_id))


def sort_out(
    pairs: Sequence[Pair], held: Mapping[RequestKey, tuple[Shape | None, Shape | None]]
) -> Sorted:
    """Sort pairs that arrive in this order.

    Args:
        pairs: the pairs.
        held: shapes of the start and of the outcome of the requests that are stored.

    """
    result = Sorted()
    touched: set[RequestKey] = set()
    for at, pair in enumerate(pairs):
        key = request_key(pair)
        if key in touched:
            result.to_merge.append(at)
            continue
        if key not in held:
            touched.add(key)
            result.new.append(at)
            continue
        start, outcome = held[key]
        fates = _settled(start, pair.template.start), _settled(outcome, pair.template.outcome)
        if fates[0] is not None and fates[1] is not None:
            result.settled[at] = (fates[0], fates[1])
        else:
            touched.add(key)
            result.to_merge.append(at)
    return result


def _settled(held: Shape | None, coming: EventLog) -> Fate | None:
    """Return what becomes of a half that changes nothing, None for one that does."""
    if held is None or coming.rank > held[RANK]:
        return None
    if coming.rank == held[RANK] and coming.status != held[STATUS]:
        return Fate.CONFLICT
    return Fate.DUPLICATE
