"""Find and bound the records of an OTLP JSON request before any of it is built.

The counterpart of `walk` for text, with the same outline: it reads the upper levels by hand and
only measures what is below (length, brackets, depth), so that a bomb is refused, nesting never
exhausts the stack, and a bad record costs only itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from otel_eventlog_collector.errors import PermanentError
from otel_eventlog_collector.limits import (
    GROUPS_PER_REQUEST_MAX,
    JSON_BRACKETS_SKIPPED_MAX,
    JSON_DEPTH_MAX,
    JSON_RECORD_VALUES_MAX,
    JSON_TOKENS_MAX,
    RECORDS_PER_REQUEST_MAX,
)
from otel_eventlog_collector.otlp.records import Reason
from otel_eventlog_collector.otlp.walk import over

_BLANK = re.compile(r"[ \t\n\r]*")
# Everything up to the next bracket outside strings. A string that never ends runs to the end of
# the text: nothing is ever scanned twice.
_TO_BRACKET = re.compile(
    r'[^"\[\]{}]*+(?:"[^"\\]*+(?:\\(?:.|\Z)[^"\\]*+)*+(?:"|\Z)[^"\[\]{}]*+)*+[\[\]{}]', re.DOTALL
)
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_OPENING = frozenset("[{")
_SCANNER = json.JSONDecoder(parse_int=lambda _digits: 0)


@dataclass(frozen=True, slots=True)
class JsonSlice:
    """Where one value stands in the text, and what forbids to build it, if anything."""

    start: int
    end: int
    problem: Reason | None = None


@dataclass(slots=True)
class JsonScope:
    """One instrumentation scope and its records."""

    scope: JsonSlice | None = None
    records: list[JsonSlice] = field(default_factory=list)


@dataclass(slots=True)
class JsonResource:
    """One resource and its scopes."""

    resource: JsonSlice | None = None
    scopes: list[JsonScope] = field(default_factory=list)


@dataclass(slots=True)
class JsonWalk:
    """The outline of a JSON request."""

    resources: list[JsonResource] = field(default_factory=list)
    records: int = 0


@dataclass(frozen=True, slots=True)
class JsonNames:
    """The keys under which a signal keeps its levels."""

    groups: str
    scopes: str
    records: str


TRACE_NAMES = JsonNames("resourceSpans", "scopeSpans", "spans")
LOG_NAMES = JsonNames("resourceLogs", "scopeLogs", "logRecords")


def walk_json(text: str, names: JsonNames) -> JsonWalk:
    """Return the outline of an OTLP export request in JSON.

    Raises:
        PermanentError: the text is no JSON object of this shape.
        BodyTooLarge: more records, resources, scopes or values than the limits allow.

    """
    if text.count("{") + text.count("[") + text.count(",") > JSON_TOKENS_MAX:
        raise over("JSON values", JSON_TOKENS_MAX)
    return _Walker(text, names).outline()


class _Walker:
    def __init__(self, text: str, names: JsonNames) -> None:
        self.text = text
        self.names = names
        self.position = 0
        self.groups = 0
        self.brackets_left = JSON_BRACKETS_SKIPPED_MAX
        self.result = JsonWalk()

    def outline(self) -> JsonWalk:
        for key in self._members():
            if key == self.names.groups:
                for _ in self._items():
                    self.result.resources.append(self._resource())
            else:
                self._measure()
        if self._skip_blank() != len(self.text):
            raise self._wrong("the end")
        return self.result

    def _resource(self) -> JsonResource:
        self._one_group()
        found = JsonResource()
        for key in self._members():
            if key == self.names.scopes:
                for _ in self._items():
                    found.scopes.append(self._scope())
            elif key == "resource":
                found.resource = self._measure()
            else:
                self._measure()
        return found

    def _scope(self) -> JsonScope:
        self._one_group()
        found = JsonScope()
        for key in self._members():
            if key == self.names.records:
                for _ in self._items():
                    self.result.records += 1
                    if self.result.records > RECORDS_PER_REQUEST_MAX:
                        raise over("records", RECORDS_PER_REQUEST_MAX)
                    found.records.append(self._measure())
            elif key == "scope":
                found.scope = self._measure()
            else:
                self._measure()
        return found

    def _one_group(self) -> None:
        self.groups += 1
        if self.groups > GROUPS_PER_REQUEST_MAX:
            raise over("resources and scopes", GROUPS_PER_REQUEST_MAX)

    def _members(self) -> Iterator[str]:
        """Yield each key of the object at hand; the caller moves past its value."""
        if self._null():
            return
        self._expect("{")
        if self._next_is("}"):
            return
        while True:
            self._skip_blank()
            key = self._scalar()
            if not isinstance(key, str):
                raise self._wrong("a key")
            self._expect(":")
            yield key
            if self._next_is("}"):
                return
            self._expect(",")

    def _items(self) -> Iterator[None]:
        """Stop before each item of the array at hand; the caller moves past it."""
        if self._null():
            return
        self._expect("[")
        if self._next_is("]"):
            return
        while True:
            yield
            if self._next_is("]"):
                return
            self._expect(",")

    def _measure(self) -> JsonSlice:
        """Move past the value at hand; brackets are counted, not built."""
        start = self._skip_blank()
        text = self.text
        if text[start : start + 1] not in _OPENING:
            self._scalar()
            return JsonSlice(start, self.position)
        depth = deepest = brackets = 0
        position = start
        while found := _TO_BRACKET.match(text, position):
            position = found.end()
            brackets += 1
            if brackets > self.brackets_left:
                raise over("JSON values", JSON_BRACKETS_SKIPPED_MAX)
            if text[position - 1] in _OPENING:
                depth += 1
                deepest = max(deepest, depth)
                continue
            depth -= 1
            if depth == 0:
                self.position = position
                return JsonSlice(start, position, self._problem(start, brackets, deepest))
        raise self._wrong("a closing bracket")

    def _problem(self, start: int, brackets: int, deepest: int) -> Reason | None:
        """Judge the value that was just measured."""
        values = brackets // 2 + self.text.count(",", start, self.position)
        if values > JSON_RECORD_VALUES_MAX:
            # Commas inside of strings are none; this second, slower look decides.
            bare = _STRING.sub("", self.text[start : self.position])
            values = brackets // 2 + bare.count(",")
        if values > JSON_RECORD_VALUES_MAX or deepest > JSON_DEPTH_MAX:
            self.brackets_left -= brackets
            return Reason.TOO_DEEP if deepest > JSON_DEPTH_MAX else Reason.TOO_LARGE
        return None

    def _scalar(self) -> object:
        try:
            value, self.position = _SCANNER.raw_decode(self.text, self.position)
        except (ValueError, RecursionError):
            raise self._wrong("a JSON value") from None
        return value

    def _skip_blank(self) -> int:
        match = _BLANK.match(self.text, self.position)
        self.position = match.end() if match else self.position
        return self.position

    def _next_is(self, character: str) -> bool:
        if self.text.startswith(character, self._skip_blank()):
            self.position += 1
            return True
        return False

    def _expect(self, character: str) -> None:
        if not self._next_is(character):
            raise self._wrong(repr(character))

    def _null(self) -> bool:
        """Whether the value at hand is null, which stands for the default (protobuf JSON)."""
        if self.text.startswith("null", self._skip_blank()):
            self.position += 4
            return True
        return False

    def _wrong(self, expected: str) -> PermanentError:
        found = self.text[self.position : self.position + 20]
        return PermanentError(
            f"request body: not OTLP JSON: {expected} expected at character {self.position}, "
            f"found {found!r}",
            hint="send an ExportTraceServiceRequest or ExportLogsServiceRequest in OTLP's JSON",
        )
