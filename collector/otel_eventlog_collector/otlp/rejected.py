"""What is told of a rejected record: enough to find its sender and mend it, and no value of it.

An attribute's value may be a secret, and a record that cannot be stored has passed no cleaner. So
only the names of its attributes are kept, and how many bytes each takes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import DecodeError

from otel_eventlog.limits import IDENTIFIER_CHARS_MAX
from otel_eventlog.model import Attributes
from otel_eventlog.redaction import clean_name
from otel_eventlog.request_facts import first_text
from otel_eventlog.scrubbing import scrub
from otel_eventlog.semconv import SERVICE_NAME
from otel_eventlog_collector.limits import ATTRIBUTE_CHARS_MAX, RECORD_BYTES_UNCOUNTED_MAX
from otel_eventlog_collector.otlp import shallow

REJECTED_TOLD_MAX = 20
"""Rejected records of one request of which more is told than the reason."""

ATTRIBUTES_TOLD_MAX = 64
"""Attributes of one rejected record that are named."""

_ID_HEX_CHARS_MAX = 32
_HEX = re.compile(r"[0-9A-Fa-f]{1,32}")


@dataclass(frozen=True, slots=True)
class Rejected:
    """One rejected record.

    Attributes:
        reason: a word for it, the label of the metric.
        sentence: the same for people: what is wrong, or what to mend.
        service: name of the service that sent it, empty if unknown.
        trace_id: in hex, empty if it could not be read; whatever was sent in its place.
        span_id: likewise.
        attribute_bytes: names of its attributes → bytes that each takes.

    """

    reason: str
    sentence: str
    service: str = ""
    trace_id: str = ""
    span_id: str = ""
    attribute_bytes: Mapping[str, int] = field(default_factory=dict)


def rejected_protobuf(
    reason: str, sentence: str, data: bytes, message: Any, resource: Attributes | None
) -> Rejected:
    """Tell of a rejected record, as far as it can be read.

    Args:
        reason: why.
        sentence: why, for people.
        data: the record's bytes.
        message: the shallow message that it should be.
        resource: attributes of its resource, None if those cannot be read.

    """
    service = service_of(resource)
    if len(data) > RECORD_BYTES_UNCOUNTED_MAX:
        return Rejected(reason, sentence, service)
    try:
        record = message.FromString(data)
    except DecodeError:
        return Rejected(reason, sentence, service)
    named = []
    for encoded in record.attributes[:ATTRIBUTES_TOLD_MAX]:
        try:
            named.append((shallow.KeyValue.FromString(encoded).key, len(encoded)))
        except DecodeError:
            continue
    return Rejected(
        reason,
        sentence,
        service,
        record.trace_id.hex()[:_ID_HEX_CHARS_MAX],
        record.span_id.hex()[:_ID_HEX_CHARS_MAX],
        attribute_bytes(named),
    )


def rejected_json(
    reason: str, sentence: str, record: Mapping[str, Any], resource: Attributes | None
) -> Rejected:
    """Tell of a rejected record in JSON, which may hold anything."""
    attributes = record.get("attributes")
    named = [
        (str(pair.get("key")), len(str(pair.get("value"))[:ATTRIBUTE_CHARS_MAX]))
        for pair in (attributes if isinstance(attributes, list) else [])[:ATTRIBUTES_TOLD_MAX]
        if isinstance(pair, dict)
    ]
    return Rejected(
        reason,
        sentence,
        service_of(resource),
        _hex(record.get("traceId")),
        _hex(record.get("spanId")),
        attribute_bytes(named),
    )


def _hex(text: object) -> str:
    """Return an id as it was sent, if it is hexadecimal at all."""
    is_hex = isinstance(text, str) and _HEX.fullmatch(text)
    return text if is_hex else ""  # type: ignore[return-value] # a str then


def service_of(resource: Attributes | None) -> str:
    """Return the name of the service that a resource is, empty if it is unknown."""
    return clean_name(first_text(resource or {}, SERVICE_NAME)) or ""


def attribute_bytes(named: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Return names of attributes, without what looks like a secret, and their sizes."""
    return {scrub(name, IDENTIFIER_CHARS_MAX) or "": size for name, size in named}
