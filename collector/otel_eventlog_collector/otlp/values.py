"""One encoded attribute → its name and value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from otel_eventlog_collector.limits import (
    ATTRIBUTE_BYTES_MAX,
    ATTRIBUTE_CHARS_MAX,
    VALUE_DEPTH_MAX,
)
from otel_eventlog_collector.otlp import shallow
from otel_eventlog_collector.otlp.records import (
    Reason,
    RecordError,
    Value,
    float_value,
    text_value,
)

_CACHED_ATTRIBUTE_BYTES_MAX = 128
_CACHED_ATTRIBUTES_MAX = 8192
_UTF8_BYTES_PER_CHAR_MAX = 4


def key_value(data: bytes) -> tuple[str, Value]:
    """Return name and value of an encoded attribute.

    Raises:
        DecodeError: the bytes are no KeyValue.
        RecordError: its value is nested too deep.

    """
    if len(data) > ATTRIBUTE_BYTES_MAX:
        return _large_key_value(data)
    pair = KeyValue.FromString(data)
    return text_value(pair.key), _value(pair.value, 1)


# Service names, methods, routes and user agents come again and again: a look-up by their encoded
# bytes is five times cheaper than parsing. Cached values are shared: nobody may change them.
_cached_key_value = lru_cache(_CACHED_ATTRIBUTES_MAX)(key_value)


def remembered_key_value(data: bytes) -> tuple[str, Value]:
    """Return the same as `key_value`, from memory if the attribute is short and has been seen."""
    return _cached_key_value(data) if len(data) <= _CACHED_ATTRIBUTE_BYTES_MAX else key_value(data)


def _large_key_value(data: bytes) -> tuple[str, Value]:
    pair = shallow.KeyValue.FromString(data)
    large = shallow.LargeValue.FromString(pair.value)
    text = large.string_value[: ATTRIBUTE_CHARS_MAX * _UTF8_BYTES_PER_CHAR_MAX]
    return text_value(pair.key), text_value(text.decode("utf-8", "ignore")) if text else None


def _value(any_value: AnyValue, depth: int) -> Value:
    if depth > VALUE_DEPTH_MAX:
        raise RecordError(Reason.TOO_DEEP)
    which = any_value.WhichOneof("value")
    read = _VALUES.get(which) if which is not None else None
    # None: bytes, nothing, or a kind of value that came after this program was written.
    return None if read is None else read(any_value, depth)


_VALUES: Mapping[str, Callable[[AnyValue, int], Value]] = {
    "string_value": lambda value, _depth: text_value(value.string_value),
    "bool_value": lambda value, _depth: value.bool_value,
    "int_value": lambda value, _depth: value.int_value,
    "double_value": lambda value, _depth: float_value(value.double_value),
    "array_value": lambda value, depth: [
        _value(item, depth + 1) for item in value.array_value.values
    ],
    "kvlist_value": lambda value, depth: {
        text_value(pair.key): _value(pair.value, depth + 1) for pair in value.kvlist_value.values
    },
}
