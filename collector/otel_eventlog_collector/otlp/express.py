"""The express way from an encoded span to its pair: look up its shape, copy its texts.

What is not certain at a glance goes the full way (`decode_protobuf`, then `Mapper`), of which this
is only a short cut: `tests/properties/test_express.py` compares the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from otel_eventlog.mapping import Mapper
from otel_eventlog.model import Attributes, SpanData
from otel_eventlog.pairs import Pair
from otel_eventlog.request_facts import query_names
from otel_eventlog.rules import Rule
from otel_eventlog_collector.otlp.attribute_tokens import (
    AttributeTokens,
    Telling,
    Token,
    UnusualError,
    Where,
)
from otel_eventlog_collector.otlp.gate import suspicion
from otel_eventlog_collector.otlp.layouts import Layout
from otel_eventlog_collector.otlp.records import Recognise
from otel_eventlog_collector.otlp.shapes import (
    FULL_WAY,
    NOTHING,
    SPAN_STATUS_MESSAGE,
    Own,
    Shape,
    ShapeMaker,
    Verdict,
)

SHAPES_REMEMBERED_MAX = 4096
"""Shapes, and layouts, that are remembered. A full memory starts over."""

SHAPES_SEEN_MAX = 16_384
"""Shapes of which is remembered that they were seen: only one that comes again is worth knowing."""

RESOURCES_REMEMBERED_MAX = 1024
RESOURCE_BYTES_MAX = 8192
"""A larger resource is read anew each time, and its spans go the full way."""

PLACES_REMEMBERED_MAX = 8
MATCHES_REMEMBERED_MAX = 64
"""What is remembered of spans that differ only in where the request went."""

ShapeKey: TypeAlias = tuple[Any, ...]

_HEAD_ITEMS = 5
"""What a key holds before its attributes: kind, span status, resource, scope."""


class Resource:
    """The attributes of a resource; told apart by identity."""

    __slots__ = ("attributes", "count")

    def __init__(self, attributes: Attributes, count: int) -> None:
        """Keep the attributes; `count` is the number of those on the wire."""
        self.attributes = attributes
        self.count = count


class Unknown(NamedTuple):
    """A span of a shape that is not known yet, and where it is to be remembered."""

    memory: dict[Any, Shape | Verdict]
    key: object
    tokens: Sequence[Token]
    texts: dict[int, str]


class _Places:
    """Spans that differ in where the request went: path, host, query string.

    The rules are asked for each; what it comes to depends only on the rule that fits, and on the
    query parameters that its outcome asks for.
    """

    __slots__ = ("_attributes", "_by_match", "_where")

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._attributes = {
            token.name: token.value
            for token in tokens
            if isinstance(token, Telling) and token.value is not None
        }
        self._where = [(n, token.name) for n, token in enumerate(tokens) if type(token) is Where]
        self._by_match: dict[Any, Shape | Verdict] = {}

    def tell(
        self,
        recognise: Recognise,
        kind: int,
        scope_name: str,
        tokens: Sequence[Token],
        texts: dict[int, str],
    ) -> Shape | Verdict | Unknown:
        """Return what becomes of a span at the place that `texts` tell."""
        attributes = self._attributes | {name: texts[n] for n, name in self._where}
        match = recognise(kind, attributes, scope_name)
        if match is None:
            return NOTHING
        facts = (match.action, id(match.rule), _query_facts(match.rule, attributes))
        told = self._by_match.get(facts)
        if told is not None:
            return told
        if len(self._by_match) >= MATCHES_REMEMBERED_MAX:
            self._by_match.clear()
        return Unknown(self._by_match, facts, tokens, texts)


def _query_facts(rule: Rule | None, attributes: Attributes) -> frozenset[str]:
    """Return those query parameters on which a rule's outcome depends."""
    asked = [name for each in (rule.outcomes if rule else ()) for name in each.when.query]
    return query_names(attributes).intersection(asked) if asked else frozenset()


class Express:
    """Remembers what spans become, by their shape. Thread-safe.

    Args:
        mapper: what spans of the full way are mapped by.

    """

    def __init__(self, mapper: Mapper) -> None:
        """Remember nothing yet."""
        self._recognise = mapper.rules.match
        self._tokens = AttributeTokens(mapper.few_valued, mapper.many_valued, mapper.where)
        self._maker = ShapeMaker(mapper)
        self._shapes: dict[ShapeKey, Shape | Verdict | _Places] = {}
        self._seen: set[int] = set()
        self._resources: dict[bytes, Resource] = {}
        suspicious = suspicion(mapper.rules.rules)
        self.suspects = suspicious.search if suspicious is not None else None
        """Finds in encoded spans whatever a rule may want; None if that is no telling."""
        self._layouts: dict[ShapeKey, Layout] = {}
        self.resource = self._resources.get
        """Returns an encoded resource that is remembered, or None."""

    def remember_resource(self, data: bytes, resource: Resource) -> None:
        """Remember an encoded resource."""
        if len(data) <= RESOURCE_BYTES_MAX:
            if len(self._resources) >= RESOURCES_REMEMBERED_MAX:
                self._resources.clear()
            self._resources[data] = resource

    def tell(
        self,
        kind: int,
        span_status: int,
        message: str,
        resource: Resource,
        scope_name: str,
        attributes: Sequence[bytes],
        own: Own,
    ) -> Pair | Verdict | Unknown:
        """Return what a span without exceptions becomes.

        Args:
            kind: its kind, numbered as in OTLP.
            span_status: its span status, likewise.
            message: of the span status.
            resource: its resource.
            scope_name: name of its instrumentation scope.
            attributes: its attributes, encoded.
            own: its times and ids.

        """
        head = (kind, span_status, message != "", resource, scope_name)
        recalled = (*head, *map(self._tokens.recall, attributes))
        layout = self._layouts.get(recalled)
        if layout is not None:
            filling = layout.known.get(layout.where(attributes) if layout.where else None)
            if filling is NOTHING:
                return NOTHING
            if filling is not None and not message:
                pair = filling.pair(attributes, own)  # type: ignore[union-attr] # no Verdict
                if pair is not None:
                    return pair
        return self._tell_closely(recalled, message, attributes, own)

    def _tell_closely(
        self, recalled: ShapeKey, message: str, attributes: Sequence[bytes], own: Own
    ) -> Pair | Verdict | Unknown:
        """Do the same for a span of a layout that is not known yet, or takes a closer look."""
        tokens: list[Any] = list(recalled[_HEAD_ITEMS:])
        texts: dict[int, str] = {}
        try:
            for place, token in enumerate(tokens):
                if token is None:
                    tokens[place], text = self._tokens.read(attributes[place])
                    if text:
                        texts[place] = text
        except UnusualError:
            return FULL_WAY
        if message:
            texts[SPAN_STATUS_MESSAGE] = message
        key = (*recalled[:_HEAD_ITEMS], *tokens)
        told = self._shapes.get(key) or self._first(key, tokens, texts)
        if isinstance(told, _Places):
            kind, scope_name = recalled[0], recalled[_HEAD_ITEMS - 1]
            told = told.tell(self._recognise, kind, scope_name, tokens, texts)
        if isinstance(told, Unknown) or told is FULL_WAY:
            return told
        self._remember_layout(recalled, told, tokens, attributes)
        return told if isinstance(told, Verdict) else told.pair(texts, own)

    def _remember_layout(
        self,
        recalled: ShapeKey,
        told: Shape | Verdict,
        tokens: Sequence[Token],
        attributes: Sequence[bytes],
    ) -> None:
        layout = self._layouts.get(recalled)
        if layout is None:
            places = [n for n, token in enumerate(recalled[_HEAD_ITEMS:]) if token is None]
            # What tells has to be recalled itself: another value of it is another shape.
            if any(isinstance(tokens[place], Telling) for place in places):
                return
            if len(self._layouts) >= SHAPES_REMEMBERED_MAX:
                self._layouts.clear()
            layout = self._layouts[recalled] = Layout(tokens, places, attributes)
        if len(layout.known) < PLACES_REMEMBERED_MAX:
            layout.add(told, attributes)

    def _first(
        self, key: ShapeKey, tokens: Sequence[Token], texts: dict[int, str]
    ) -> _Places | Verdict | Unknown:
        """Return what is done about a key that is not known.

        One seen once is not worth the work: spans that are all different must not cost more than
        without a memory.
        """
        mark = hash(key)
        if mark not in self._seen:
            if len(self._seen) >= SHAPES_SEEN_MAX:
                self._seen.clear()
            self._seen.add(mark)
            return FULL_WAY
        if len(self._shapes) >= SHAPES_REMEMBERED_MAX:
            self._shapes.clear()
        if not any(isinstance(token, Where) for token in tokens):
            return Unknown(self._shapes, key, tokens, texts)  # type: ignore[arg-type] # its own
        places = self._shapes[key] = _Places(tokens)
        return places

    def learn(self, unknown: Unknown, span: SpanData, own: Own) -> None:
        """Find out what a shape becomes, from a span of it, and remember it."""
        try:
            shape = self._maker.make(span, own, unknown.tokens, unknown.texts)
        except Exception:  # noqa: BLE001 - it will be met, and counted, where the span is mapped
            shape = FULL_WAY
        unknown.memory[unknown.key] = shape

    def sizes(self) -> dict[str, int]:
        """Return how much is remembered, by what it is; all of it is bounded."""
        return {
            "encodings": self._tokens.size,
            "layouts": len(self._layouts),
            "resources": len(self._resources),
            "seen": len(self._seen),
            "shapes": len(self._shapes),
        }
