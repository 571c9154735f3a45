"""The few shapes of protobuf's wire format that an OTLP logs request is made of.

Written by hand because a request's event logs are encoded inside the customer's process: building
the same message from protobuf objects takes ten times as long, and keeps the application's threads
waiting for the interpreter meanwhile. Tests hold every byte to what the library writes.

https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

from otel_eventlog.limits import INT64_MAX, INT64_MIN

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
"""Wire types."""

_DOUBLE = struct.Struct("<d").pack
_FIXED32 = struct.Struct("<I").pack
_UINT64_MASK = (1 << 64) - 1
_SHORT = [bytes((length,)) for length in range(128)]


def key(number: int, wire_type: int) -> bytes:
    """Return what precedes the value of a field."""
    return varint(number << 3 | wire_type)


def varint(value: int) -> bytes:
    """Return a whole number from -2**63 to 2**64 - 1; a negative one takes ten bytes."""
    if 0 <= value < 128:  # noqa: PLR2004 - seven bits to a byte
        return _SHORT[value]
    if value >> 56 and 0 < value <= INT64_MAX:
        # A time in nanoseconds: every record has one, and the loop below is four times as slow.
        return bytes(
            (
                *(value & 0x7F | 0x80, value >> 7 & 0x7F | 0x80, value >> 14 & 0x7F | 0x80),
                *(value >> 21 & 0x7F | 0x80, value >> 28 & 0x7F | 0x80, value >> 35 & 0x7F | 0x80),
                *(value >> 42 & 0x7F | 0x80, value >> 49 & 0x7F | 0x80, value >> 56),
            )
        )
    value &= _UINT64_MASK
    written = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - as above
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def sized(content: bytes) -> bytes:
    """Return content with its length in front."""
    length = len(content)
    return (_SHORT[length] if length < 128 else varint(length)) + content  # noqa: PLR2004 - as above


def fixed32(value: int) -> bytes:
    """Return four bytes."""
    return _FIXED32(value)


def utf8(text: str) -> bytes:
    """Return text; a lone surrogate, which would make a whole request unreadable, becomes `?`."""
    return text.encode("utf-8", "replace")


# --- opentelemetry.proto.common.v1 ----------------------------------------------------------------

_ANY_STRING = key(1, LENGTH)
_ANY_TRUE, _ANY_FALSE = key(2, VARINT) + b"\1", key(2, VARINT) + b"\0"
_ANY_INT = key(3, VARINT)
_ANY_DOUBLE = key(4, FIXED64)
_ANY_ARRAY = key(5, LENGTH)
_ANY_LIST = key(6, LENGTH)
_VALUES = key(1, LENGTH)
_KEY, _VALUE = key(1, LENGTH), key(2, LENGTH)


def any_value(value: Any) -> bytes:  # noqa: PLR0911 - one for each kind of value
    """Return the content of an AnyValue."""
    if isinstance(value, str):
        return _ANY_STRING + sized(utf8(value))
    if isinstance(value, bool):  # before int, of which it is one
        return _ANY_TRUE if value else _ANY_FALSE
    if isinstance(value, int) and INT64_MIN <= value <= INT64_MAX:
        return _ANY_INT + varint(value)
    if isinstance(value, float):
        return _ANY_DOUBLE + _DOUBLE(value)
    if isinstance(value, Mapping):
        return _ANY_LIST + sized(key_values(value, _VALUES))
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        items = (_VALUES + sized(any_value(item)) for item in value if item is not None)
        return _ANY_ARRAY + sized(b"".join(items))
    return _ANY_STRING + sized(utf8(repr(value)))


def key_value_name(name: str) -> bytes:
    """Return what precedes the AnyValue in the content of a KeyValue."""
    return (_KEY + sized(utf8(name)) if name else b"") + _VALUE


def key_values(attributes: Mapping[str, Any], field: bytes) -> bytes:
    """Return attributes as a repeated field of KeyValues; None leaves one out."""
    return b"".join(
        field + sized(key_value_name(name) + sized(any_value(value)))
        for name, value in attributes.items()
        if value is not None
    )
