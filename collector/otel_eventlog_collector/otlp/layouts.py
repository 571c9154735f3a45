"""Where in a span the attributes stand that differ, so that they are cut out without looking.

Spans of one instrumentation have the same attributes at the same places. Those that are remembered
whole tell which layout it is; at the other places, one comparison proves what stands there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from otel_eventlog.pairs import Pair
from otel_eventlog_collector.otlp.attribute_tokens import Copied, Token, Where, is_plain
from otel_eventlog_collector.otlp.shapes import SPAN_STATUS_MESSAGE, Own, Shape, Verdict

PLACE_BYTES_MAX = 128
"""Longer paths are not remembered."""

_new = tuple.__new__


class Layout:
    """Spans that are alike in all attributes that are remembered.

    Attributes:
        where: cuts out what tells where the request went; None if nothing does.
        known: what becomes of them, by what `where` cuts out.

    """

    __slots__ = ("_copied", "_unread", "known", "where")

    def __init__(
        self, tokens: Sequence[Token], places: Sequence[int], attributes: Sequence[bytes]
    ) -> None:
        """Take note of what stands at the `places` that are not remembered."""
        at = [(place, tokens[place]) for place in places]
        where = [place for place, token in at if isinstance(token, Where)]
        self.where: Callable[[Sequence[bytes]], Any] | None = itemgetter(*where) if where else None
        self.known: dict[Any, Filling | Verdict] = {}
        self._copied = {n: token.heads for n, token in at if isinstance(token, Copied)}
        textual = {*where, *self._copied}
        names = {n: attributes[n][: attributes[n][1] + 2] for n in places if n not in textual}
        self._unread = tuple(names.items())

    def add(self, told: Shape | Verdict, attributes: Sequence[bytes]) -> None:
        """Remember what becomes of a span like this one."""
        where = self.where(attributes) if self.where else None
        if where is None or max(map(len, (where,) if isinstance(where, bytes) else where)) <= (
            PLACE_BYTES_MAX
        ):
            if isinstance(told, Verdict):
                if not self._copied and not self._unread:
                    self.known[where] = told
            elif not told.kept and all(n != SPAN_STATUS_MESSAGE for _, n, _ in told.slots):
                self.known[where] = Filling(told, self._copied, self._unread)


class Filling:
    """How the attributes of a layout make the pair of a shape."""

    __slots__ = ("_rest", "_slots", "_template", "_unread", "_values")

    def __init__(
        self,
        shape: Shape,
        copied: dict[int, list[bytes]],
        unread: Sequence[tuple[int, bytes]],
    ) -> None:
        """Join a shape's slots with what stands at their places."""
        self._template = shape.template
        self._values = shape.values
        self._slots = [(field, n, copied[n], clean) for field, n, clean in shape.slots]
        used = {n for _, n, _ in shape.slots}
        self._rest = [(n, heads) for n, heads in copied.items() if n not in used]
        self._unread = unread

    def pair(self, attributes: Sequence[bytes], own: Own) -> Pair | None:
        """Return the pair of a span; None if it takes a closer look."""
        values = list(self._values)
        try:
            for field, place, heads, clean in self._slots:
                data = attributes[place]
                head = heads[len(data)]
                text = data[len(head) :].decode()
                if not data.startswith(head) or not text.isascii() or "\0" in text:
                    return None
                values[field] = clean(text)
            for place, heads in self._rest:
                data = attributes[place]
                head = heads[len(data)]
                if not data.startswith(head) or not data[len(head) :].isascii():
                    return None
            for place, key in self._unread:
                data = attributes[place]
                if not data.startswith(key) or not is_plain(data, key[2:]):
                    return None
        except (IndexError, ValueError):
            return None
        return _new(Pair, (self._template, *own, *values))
