"""Event logs of requests like those before: mapped once, then only filled in.

The delivery's thread shares the interpreter with the application, and the requests of an
application are alike: a handful of routes, methods and status codes. They differ in ids, times and
persons, which are only copied and cleaned. What alike snapshots become is found out by
`materialise` from one of them and remembered; the others are a look-up and a `Half` each.

While it is found out, the attributes note which of them are asked for. Whatever depends on more
than is told apart here, or does not come out the very same, goes the full way for good. So does
everything special: notes of the application, exceptions, kept attributes, odd types.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from operator import itemgetter
from typing import Any

from otel_eventlog.mapping import MANY_VALUED, Mapper
from otel_eventlog.model import Attributes, AttributeValue, EventLog, Status
from otel_eventlog.pairs import HALF_TEXTS, OWN_FIELDS, Half, HalfTemplate
from otel_eventlog.readable import SpanHead
from otel_eventlog.semconv import EVENTLOG_ACTION
from otel_eventlog.snapshots import Ended, Snapshot, Started, materialise

LAYOUTS_MAX = 256
"""Combinations of attribute names remembered. Each full memory here starts over."""
SHAPES_MAX = 1024
"""Kinds of alike snapshots remembered, and as many of which only one has come so far."""

_OF_BOTH_HALVES = frozenset({"correlation_id", "flow_id", "client_address", "user_agent"})
_CORRELATION_ID = HALF_TEXTS.index("correlation_id")

_Values = tuple[Any, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Layout:
    """What spans with these attributes have where; told apart by identity.

    Attributes:
        telling: names on which the few-valued fields depend.
        values: returns their values.
        copied: place in HALF_TEXTS, and the attribute that the text stands in.

    """

    telling: frozenset[str]
    values: Callable[[Attributes], _Values]
    copied: Sequence[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class _Filling:
    """How one half is made.

    Attributes:
        template: what all have in common.
        status: likewise.
        texts: the texts that all have in common.
        slots: place in the texts, attribute, cleaner.

    """

    template: HalfTemplate
    status: Status
    texts: Sequence[str | None]
    slots: Sequence[tuple[int, str, Callable[[object], str | None]]]


@dataclass(frozen=True, slots=True)
class _Shape:
    """What alike snapshots become.

    Attributes:
        fillings: one for each half; None if they have to go the full way.
        pinned: what its key names by address, kept so that no other object can get that.

    """

    fillings: Sequence[_Filling] | None
    pinned: tuple[object, ...]


class Materialiser:
    """Returns what `materialise` does, much faster for what is like something before.

    Thread-safe: with a spool it is called in the threads of requests.

    Args:
        mapper: rules and privacy.

    """

    def __init__(self, mapper: Mapper) -> None:
        """Know nothing yet."""
        self._mapper = mapper
        self._copied = frozenset(chain(*MANY_VALUED.values()))
        self._layouts: dict[tuple[str, ...], _Layout] = {}
        self._shapes: dict[_Values, _Shape] = {}
        self._seen_once: set[_Values] = set()

    def __call__(self, snapshot: Snapshot) -> Sequence[EventLog | Half]:
        """Return the event logs that a snapshot stands for."""
        try:
            halves = self._of_shape(snapshot)
        except TypeError:  # a value that cannot be a key
            halves = None
        return materialise(self._mapper, snapshot) if halves is None else halves

    def _of_shape(self, snapshot: Snapshot) -> list[Half] | None:
        """Return the halves of a snapshot; None if it has to go the full way."""
        special = _special(snapshot)
        if special is None or not isinstance(snapshot, (Started, Ended)):
            return None
        attributes, head, match = snapshot.attributes, snapshot.head, snapshot.match
        names = tuple(attributes)
        layout = self._layouts.get(names) or self._learn_layout(names)
        values = layout.values(attributes)
        scope, resource = head.scope, head.resource
        kind, flags = head.kind._value_, head.context.trace_flags
        # Types too: 1 and True are equal, and not the same status code.
        told = (layout, values, tuple(map(type, values)), match.action, kind, flags, special)
        key = (*told, id(match.rule), id(scope), id(resource))
        shape = self._shapes.get(key)
        if shape is None:
            if not self._is_second(key):
                return None
            shape = self._learn(snapshot, layout, (match.rule, scope, resource))
            if len(self._shapes) >= SHAPES_MAX:
                self._shapes.clear()
            self._shapes[key] = shape
        return None if shape.fillings is None else _filled(shape.fillings, snapshot)

    def _is_second(self, key: _Values) -> bool:
        """Whether such a snapshot came before: what comes but once is not worth finding out."""
        if key in self._seen_once:
            self._seen_once.discard(key)
            return True
        if len(self._seen_once) >= SHAPES_MAX:
            self._seen_once.clear()
        self._seen_once.add(key)
        return False

    def _learn_layout(self, names: tuple[str, ...]) -> _Layout:
        telling = [name for name in names if name in self._mapper.few_valued]
        copied = []
        for place, field in enumerate(HALF_TEXTS):
            found = [name for name in MANY_VALUED[field] if name in names]
            if found:
                copied.append((place, found[0]))
        layout = _Layout(frozenset(telling), _getter(telling), copied)
        if len(self._layouts) >= LAYOUTS_MAX:
            self._layouts.clear()
        self._layouts[names] = layout
        return layout

    def _learn(
        self, snapshot: Started | Ended, layout: _Layout, pinned: tuple[object, ...]
    ) -> _Shape:
        """Find out what snapshots like this one become, and make sure of it."""
        noting = _Noting(snapshot.attributes)
        events = materialise(self._mapper, snapshot._replace(attributes=noting))
        full_way = _Shape(None, pinned)
        if not noting.asked <= layout.telling | self._copied:
            return full_way
        said = snapshot.attributes.get(EVENTLOG_ACTION, snapshot.match.action)
        kept = (self._mapper.kept_names(snapshot.match, event.action) for event in events)
        # Whether a text may be kept depends on what it says, and another rule keeps others.
        if said != snapshot.match.action or not noting.is_kept_by_none(chain(*kept)):
            return full_way
        fillings = [self._filling(event, layout) for event in events]
        halves = _filled(fillings, snapshot)
        is_same = halves is not None and [each.event_log() for each in halves] == list(events)
        return _Shape(fillings, pinned) if is_same else full_way

    def _filling(self, event: EventLog, layout: _Layout) -> _Filling:
        clean = self._mapper.cleaners
        slots = []
        for place, name in layout.copied:
            field = HALF_TEXTS[place]
            if field == "error_message":
                is_there = event.status is Status.ERROR
            else:
                is_there = event.status is not Status.START or field in _OF_BOTH_HALVES
            if is_there and place != _CORRELATION_ID:
                slots.append((place, name, clean[field]))
        named = dict(layout.copied)
        # The caller's id may also have come beside the span, so it is looked for in any case.
        place = _CORRELATION_ID
        slots.append((place, named.get(place, ""), clean["correlation_id"]))
        nobodys: dict[str, Any] = {**dict.fromkeys(OWN_FIELDS, 0), **dict.fromkeys(HALF_TEXTS)}
        nobodys |= {"status": event.status, "duration_ns": None}
        texts = [getattr(event, field) for field in HALF_TEXTS]
        return _Filling(HalfTemplate(replace(event, **nobodys)), event.status, texts, slots)


def _special(snapshot: Snapshot) -> _Values | None:
    """Return what a snapshot tells beside its span; None if that is nothing to remember."""
    if isinstance(snapshot, Started):
        return ()
    if not isinstance(snapshot, Ended) or snapshot.notes is not None or snapshot.events:
        return None
    status = snapshot.status
    if status.description:
        return None
    code = status.status_code._value_
    return code, snapshot.with_start, snapshot.location, snapshot.content_type


def _filled(fillings: Sequence[_Filling], snapshot: Started | Ended) -> list[Half] | None:
    """Return the halves of a snapshot; None if a text to copy is none."""
    attributes, head, sent = snapshot.attributes, snapshot.head, snapshot.correlation_id
    end_unix_nano = snapshot.end_unix_nano if isinstance(snapshot, Ended) else None
    halves = []
    for filling in fillings:
        texts = list(filling.texts)
        for place, name, clean in filling.slots:
            if place == _CORRELATION_ID and (sent or not name):
                texts[place] = clean(sent)
                continue
            text = attributes[name]
            if type(text) is not str or not text:
                return None
            texts[place] = clean(text)
        halves.append(Half(filling.template, _own(head, filling.status, end_unix_nano), texts))
    return halves


def _own(head: SpanHead, status: Status, end_unix_nano: int | None) -> _Values:
    """Return the values of OWN_FIELDS."""
    context, parent, start = head.context, head.parent, head.start_unix_nano or 0
    if status is Status.START:
        time, duration_ns = start, None
    else:
        # As in `Mapper`: the wall clock may step back, the order of the halves may not.
        time = max(end_unix_nano or 0, start)
        duration_ns = time - start
    parent_span_id = 0 if parent is None else parent.span_id
    return status, time, 0, start, context.span_id, context.trace_id, parent_span_id, duration_ns


def _getter(names: Sequence[str]) -> Callable[[Attributes], _Values]:
    if len(names) > 1:
        getter: Callable[[Attributes], _Values] = itemgetter(*names)
        return getter
    return lambda attributes: tuple(attributes[name] for name in names)


class _Noting(dict[str, AttributeValue]):
    """Attributes that note which of them are asked for."""

    def __init__(self, attributes: Mapping[str, AttributeValue]) -> None:
        super().__init__(attributes)
        self.asked: set[str] = set()
        self._names = frozenset(attributes)
        self._was_walked = False

    def get(self, name: str, default: Any = None) -> Any:
        self._note(name)
        return super().get(name, default)

    def __getitem__(self, name: str) -> AttributeValue:
        self._note(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self._note(str(name))
        return super().__contains__(name)

    def __iter__(self) -> Iterator[str]:
        self._was_walked = True
        return super().__iter__()

    def items(self) -> Any:
        self._was_walked = True
        return super().items()

    def is_kept_by_none(self, names: Iterable[str]) -> bool:
        """Whether none of some names is here, and nobody walked through all of them."""
        return not self._was_walked and self._names.isdisjoint(names)

    def _note(self, name: str) -> None:
        # What is not there is not there on any span of the same layout.
        if name in self._names:
            self.asked.add(name)
