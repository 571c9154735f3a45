"""Count and bound an OTLP protobuf request before anything of it is parsed.

Four KiB of gzip can be a legal request of two million empty spans, which costs a parser seconds
and hundreds of MiB. The walk reads only the lengths of the upper three levels, the same for all
signals: request (1: groups of a resource) → group (1: resource, 2: scopes) → scope (1: scope, 2:
records). It stops at the first limit hit. Its offsets let every record be parsed alone, so that a
bad one costs only itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from otel_eventlog_collector.errors import BodyTooLarge, PermanentError
from otel_eventlog_collector.limits import (
    FIELDS_WALKED_MAX,
    GROUPS_PER_REQUEST_MAX,
    RECORDS_PER_REQUEST_MAX,
)

_VARINT = 0
_FIXED64 = 1
_LEN = 2
_FIXED32 = 5
_VARINT_BYTES_MAX = 10
_GROUPS_FIELD = 1
_HEADER_FIELD = 1
_CHILDREN_FIELD = 2


@dataclass(slots=True)
class ScopeSlice:
    """One instrumentation scope: its own bytes, and (from, to) of each of its records."""

    scope: bytes = b""
    records: list[tuple[int, int]] = field(default_factory=list)


@dataclass(slots=True)
class ResourceSlice:
    """One resource: its own bytes, and its scopes."""

    resource: bytes = b""
    scopes: list[ScopeSlice] = field(default_factory=list)


@dataclass(slots=True)
class Walk:
    """The outline of a request: where everything is, and how many records there are."""

    resources: list[ResourceSlice] = field(default_factory=list)
    records: int = 0


def walk(body: bytes) -> Walk:
    """Return the outline of an OTLP export request of any signal.

    Raises:
        PermanentError: the bytes are no protobuf message of this shape.
        BodyTooLarge: more records, resources, scopes or fields than the limits allow.

    """
    try:
        return _Walker(body).outline()
    except IndexError:
        raise malformed("it ends in the middle of a field") from None


def count_fields(body: bytes, count_max: int) -> bool:
    """Return whether a message has at most `count_max` fields at its top level.

    Raises:
        PermanentError: the bytes are no protobuf message.

    """
    try:
        for count, _ in enumerate(_fields(body, 0, len(body)), start=1):
            if count > count_max:
                return False
    except IndexError:
        raise malformed("it ends in the middle of a field") from None
    return True


def malformed(detail: str) -> PermanentError:
    """Return the error for a body that is no OTLP protobuf request."""
    return PermanentError(
        f"request body: not an OTLP protobuf message: {detail}",
        hint="send an ExportTraceServiceRequest or ExportLogsServiceRequest, and name its encoding",
    )


class _Walker:
    def __init__(self, body: bytes) -> None:
        self.body = body
        self.result = Walk()
        self.fields = 0
        self.groups = 0

    def outline(self) -> Walk:
        for number, start, end in self._messages(0, len(self.body)):
            if number == _GROUPS_FIELD:
                self.result.resources.append(self._resource(start, end))
        return self.result

    def _resource(self, start: int, end: int) -> ResourceSlice:
        self._one_group()
        found, parts = ResourceSlice(), []
        for number, field_start, field_end in self._messages(start, end):
            if number == _HEADER_FIELD:
                parts.append(self.body[field_start:field_end])
            elif number == _CHILDREN_FIELD:
                found.scopes.append(self._scope(field_start, field_end))
        # Parts of one message, concatenated, are the merged message (protobuf encoding).
        found.resource = b"".join(parts)
        return found

    def _scope(self, start: int, end: int) -> ScopeSlice:
        self._one_group()
        found, parts = ScopeSlice(), []
        records = found.records
        for number, field_start, field_end in self._messages(start, end):
            if number == _CHILDREN_FIELD:
                self.result.records += 1
                if self.result.records > RECORDS_PER_REQUEST_MAX:
                    raise over("records", RECORDS_PER_REQUEST_MAX)
                records.append((field_start, field_end))
            elif number == _HEADER_FIELD:
                parts.append(self.body[field_start:field_end])
        found.scope = b"".join(parts)
        return found

    def _messages(self, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        for number, wire_type, field_start, field_end in _fields(self.body, start, end):
            self.fields += 1
            if self.fields > FIELDS_WALKED_MAX:
                raise over("fields", FIELDS_WALKED_MAX)
            if wire_type == _LEN:
                yield number, field_start, field_end

    def _one_group(self) -> None:
        self.groups += 1
        if self.groups > GROUPS_PER_REQUEST_MAX:
            raise over("resources and scopes", GROUPS_PER_REQUEST_MAX)


def over(what: str, limit: int) -> BodyTooLarge:
    """Return the error for a request with more of something than the limit allows."""
    return BodyTooLarge(
        f"request body: more than {limit} {what} in one request",
        hint="send smaller batches",
    )


def _fields(body: bytes, position: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield number, wire type, and (from, to) of the contents of each field of a message.

    Raises:
        IndexError: the body ends in the middle of a varint.
        PermanentError: the bytes are no protobuf message.

    """
    while position < end:
        tag = body[position]
        position += 1
        if tag > 0x7F:  # noqa: PLR2004 - the varint's continuation bit
            tag, position = _varint(body, position - 1)
        wire_type = tag & 7
        if wire_type == _LEN:
            length = body[position]
            position += 1
            if length > 0x7F:  # noqa: PLR2004 - as above
                length, position = _varint(body, position - 1)
            stop = position + length
        elif wire_type == _VARINT:
            stop = _varint(body, position)[1]
        elif wire_type == _FIXED64:
            stop = position + 8
        elif wire_type == _FIXED32:
            stop = position + 4
        else:
            raise malformed(f"wire type {wire_type} at byte {position}")
        if stop > end or not tag >> 3:
            raise malformed(f"a field at byte {position} does not fit into its message")
        yield tag >> 3, wire_type, position, stop
        position = stop


def _varint(body: bytes, position: int) -> tuple[int, int]:
    """Return a varint and the position after it."""
    value = 0
    for shift in range(0, 7 * _VARINT_BYTES_MAX, 7):
        byte = body[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - no continuation
            return value, position
    raise malformed(f"a number at byte {position} is longer than {_VARINT_BYTES_MAX} bytes")
