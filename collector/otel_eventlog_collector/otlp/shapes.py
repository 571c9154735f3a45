"""What all spans of one shape become: found out once by the real `Mapper`, then only filled in.

Spans have one shape if nothing distinguishes them but what is copied: ids, times, and the texts of
fields with many values. Their rule, their outcome and all other fields are the same then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeAlias

from otel_eventlog.mapping import MANY_VALUED, Mapper
from otel_eventlog.model import AttributeValue, EventLog, SpanData, Status
from otel_eventlog.pairs import Pair, PairTemplate
from otel_eventlog.request_facts import first_text
from otel_eventlog.rules import Match
from otel_eventlog_collector.otlp.attribute_tokens import Copied, Token, Unread

SPAN_STATUS_MESSAGE = -1
"""Stands for the span status's message among the places that a text is copied from."""

TEMPLATES_MAX = 4096
"""Templates that shapes share. A full memory starts over."""

_COPIED_FROM = Pair._fields.index("correlation_id")
_ATTRIBUTES = Pair._fields.index("attributes") - _COPIED_FROM
_FIELDS = tuple(MANY_VALUED)
_IDS_AND_TIMES = ("span_id", "start_unix_nano", "time_unix_nano", "trace_id", "parent_span_id")
_OF_BOTH_HALVES = ("correlation_id", "flow_id", "client_address", "user_agent")

Own: TypeAlias = tuple[int, int, int, bytes, int]
"""What each span has of its own: start, end (never before), span id, trace id, parent span id."""

_Clean: TypeAlias = Callable[[object], str | None]


class Verdict:
    """What is known of a shape that makes no pair."""

    __slots__ = ("word",)

    def __init__(self, word: str) -> None:
        """Keep a word for people."""
        self.word = word


NOTHING = Verdict("nothing")
"""Spans of this shape are no auth calls, or nothing was attempted."""

FULL_WAY = Verdict("full way")
"""Spans of this shape have to be decoded and mapped one by one."""


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """How a span's own texts make a pair of a template.

    Attributes:
        template: what all have in common.
        values: the fields of `Pair` that are copied, as far as all have the same.
        slots: place in `values`, place of the span's attribute, cleaner.
        kept: names of kept attributes, with the place of each or the value that all have.
        keep: what is taken over of kept attributes.

    """

    template: PairTemplate
    values: tuple[Any, ...]
    slots: tuple[tuple[int, int, _Clean], ...]
    kept: tuple[tuple[str, int | None, AttributeValue], ...]
    keep: Callable[[Sequence[tuple[str, object]]], Mapping[str, AttributeValue]]

    def pair(self, texts: Mapping[int, str], own: Own) -> Pair:
        """Return the pair of a span of this shape; `texts` by the place of their attribute."""
        values = list(self.values)
        for field, place, clean in self.slots:
            values[field] = clean(texts[place])
        if self.kept:
            told = [(name, value if at is None else texts[at]) for name, at, value in self.kept]
            values[_ATTRIBUTES] = self.keep(told) or None
        return Pair(self.template, *own, *values)


class Recorder(dict[str, AttributeValue]):
    """Attributes that note which of them are asked for."""

    def __init__(self, attributes: Mapping[str, AttributeValue]) -> None:
        """Copy them; nothing has been asked yet."""
        super().__init__(attributes)
        self.asked: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        """Note and return."""
        self.asked.add(name)
        return super().get(name, default)

    def __getitem__(self, name: str) -> AttributeValue:
        """Note and return."""
        self.asked.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        """Note and return."""
        self.asked.add(str(name))
        return super().__contains__(name)


class ShapeMaker:
    """Finds out what a shape becomes, from one span that has it.

    Args:
        mapper: what every span would be mapped by.

    """

    def __init__(self, mapper: Mapper) -> None:
        """Keep the mapper."""
        self._mapper = mapper
        self._templates: dict[tuple[Any, ...], PairTemplate] = {}

    def make(
        self,
        span: SpanData,
        own: Own,
        tokens: Sequence[Token],
        texts: Mapping[int, str],
    ) -> Shape | Verdict:
        """Return what spans of this one's shape become.

        Args:
            span: one of them, decoded in full.
            own: its times and ids.
            tokens: its attributes.
            texts: the texts to copy, by the place of their attribute.

        """
        mapper = self._mapper
        places = {token.name: n for n, token in enumerate(tokens) if isinstance(token, Copied)}
        named = [token.name for token in tokens if not isinstance(token, Unread)]
        if len(named) != len(set(named)):
            return FULL_WAY  # of a repeated attribute the last one holds
        recorder = Recorder(span.attributes)
        span = replace(span, attributes=recorder)
        match = mapper.match(span)
        events = mapper.pair(span, match) if match is not None else ()
        if not recorder.asked <= mapper.few_valued | mapper.many_valued | mapper.where:
            return FULL_WAY  # something depends on an attribute that is not told apart
        if match is None or not events:
            return NOTHING
        start, outcome = events
        shape = self._shape(span, match, start, outcome, places)
        return shape if shape.pair(texts, own).event_logs() == events else FULL_WAY

    def _shape(
        self,
        span: SpanData,
        match: Match,
        start: EventLog,
        outcome: EventLog,
        places: Mapping[str, int],
    ) -> Shape:
        slots = []
        is_error = outcome.status is Status.ERROR
        for number, field in enumerate(_FIELDS):
            if field != "error_message" or is_error:
                place = _place(field, span, places)
                if place is not None:
                    slots.append((number, place, self._mapper.cleaners[field]))
        names = self._mapper.kept_names(match, start.action)
        attributes = span.attributes
        kept = tuple(
            (name, places.get(name), attributes[name]) for name in names if name in attributes
        )
        is_kept_alike = all(place is None for _, place, _ in kept)
        values = [getattr(outcome, field) for field in _FIELDS]
        return Shape(
            template=self._template(start, outcome),
            values=(*values, outcome.attributes or None),
            slots=tuple(slots),
            kept=() if is_kept_alike else kept,
            keep=self._mapper.privacy.attributes,
        )

    def _template(self, start: EventLog, outcome: EventLog) -> PairTemplate:
        """Return the template of two event logs; equal ones are one and the same."""
        nobodys: dict[str, Any] = {"attributes": {}, **dict.fromkeys(_IDS_AND_TIMES, 0)}
        of_start: dict[str, Any] = dict.fromkeys(_OF_BOTH_HALVES)
        of_outcome: dict[str, Any] = {"duration_ns": 0, **dict.fromkeys(_FIELDS)}
        bare = PairTemplate(
            replace(start, **nobodys, **of_start),
            replace(outcome, **nobodys, **of_outcome),
        )
        key = (*_contents(bare.start), *_contents(bare.outcome))
        if len(self._templates) >= TEMPLATES_MAX:
            self._templates.clear()
        return self._templates.setdefault(key, bare)


def _place(field: str, span: SpanData, places: Mapping[str, int]) -> int | None:
    """Return where a field's text comes from; None if it is the same in all spans of the shape."""
    for name in MANY_VALUED[field]:
        if name in places:
            return places[name]
        if first_text(span.attributes, (name,)) is not None:
            return None
    return SPAN_STATUS_MESSAGE if field == "error_message" and span.span_status_message else None


_NAMES = tuple(field.name for field in fields(EventLog) if field.name != "attributes")


def _contents(event: EventLog) -> tuple[Any, ...]:
    return tuple(getattr(event, name) for name in _NAMES)
