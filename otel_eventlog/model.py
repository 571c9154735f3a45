"""What comes in (`SpanData`) and what goes out (`EventLog`), and the ids of both.

Standard library only, no I/O, no clock: the application and the collector share this module.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from struct import Struct
from typing import TypeAlias

AttributeValue: TypeAlias = str | bool | int | float | Sequence[str | bool | int | float]
"""A span attribute's value as OpenTelemetry defines it."""

Attributes: TypeAlias = Mapping[str, AttributeValue]


class Status(StrEnum):
    """Status of an event log: exactly these three (spec section 1)."""

    START = "start"
    SUCCESS = "success"
    ERROR = "error"


class Phase(StrEnum):
    """Which half of a request an event log is."""

    START = "start"
    END = "end"


class OutcomeSource(StrEnum):
    """What decided between success and error, in the order in which they are asked."""

    APP = "app"
    SIGNAL = "signal"
    RULE = "rule"
    EXCEPTION = "exception"
    HTTP = "http"
    SPAN = "span"
    ABORTED = "aborted"
    DEFAULT = "default"


class Rank(IntEnum):
    """Who made a record. A higher rank replaces a lower one whole, whichever came first."""

    DERIVED = 0
    """Derived from a finished span, by the collector."""
    APP = 1
    """Made in the application, which alone knows signals and explicit outcomes."""


class SpanKind(IntEnum):
    """Span kinds, numbered as on the OTLP wire."""

    UNSPECIFIED = 0
    INTERNAL = 1
    SERVER = 2
    CLIENT = 3
    PRODUCER = 4
    CONSUMER = 5


class SpanStatus(IntEnum):
    """Span status codes, numbered as on the OTLP wire."""

    UNSET = 0
    OK = 1
    ERROR = 2


_NS_PER_MS = 1_000_000
_MS_MASK = (1 << 48) - 1
_LOW_52_MASK = (1 << 52) - 1
_TAG_MASK = (1 << 10) - 1
_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62
_two_uint64 = Struct(">QQ").pack

TAG_REQUEST = 0
TAG_START = 1
TAG_END = 2


def uuid_int(start_unix_nano: int, span_id: int, tag: int) -> int:
    """Return the 128-bit UUIDv7 of a request (tag 0), its start (1) or its end (2).

    Layout (RFC 9562 section 5.7, contents ours): 48 bits milliseconds of the span's start,
    version 7, high 12 bits of the span id, variant, low 52 bits of the span id, 10-bit tag.

    Args:
        start_unix_nano: start of the span, nanoseconds since the epoch.
        span_id: the 64-bit span id.
        tag: TAG_REQUEST, TAG_START or TAG_END.

    """
    return (
        ((start_unix_nano // _NS_PER_MS) & _MS_MASK) << 80
        | _VERSION_7
        | (span_id >> 52) << 64
        | _VARIANT
        | (span_id & _LOW_52_MASK) << 10
        | tag
    )


def uuid_text(value: int) -> str:
    """Return a 128-bit integer in the 8-4-4-4-12 form of a UUID."""
    # Through bytes: several times faster than formatting, and every request makes two of these.
    text = value.to_bytes(16, "big").hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def derived_id(start_unix_nano: int, span_id: int, tag: int) -> str:
    """Return `uuid_text(uuid_int(…))` in half the time: every request makes one in its thread."""
    halves = _two_uint64(
        (start_unix_nano // _NS_PER_MS & _MS_MASK) << 16 | 0x7000 | span_id >> 52,
        0x8000_0000_0000_0000 | (span_id & _LOW_52_MASK) << 10 | tag,
    )
    # Eight groups of four digits; a UUID joins the first two and the last three.
    groups = halves.hex("-", -2)
    return groups[:4] + groups[5:29] + groups[30:34] + groups[35:]


@dataclass(frozen=True, slots=True)
class IdParts:
    """What can be read back from one of our ids."""

    start_unix_ms: int
    span_id: int
    tag: int


def parse_uuid(text: str) -> IdParts:
    """Read start millisecond, span id and tag back from an id of ours.

    Raises:
        ValueError: the text is no UUID, or none that `uuid_int` makes.

    """
    digits = text.replace("-", "")
    if len(text) != 36 or len(digits) != 32:  # noqa: PLR2004 - the length of any UUID's text
        msg = f"{text!r} is not a UUID of the form 8-4-4-4-12"
        raise ValueError(msg)
    try:
        value = int(digits, 16)
    except ValueError:
        msg = f"{text!r} is not a UUID of the form 8-4-4-4-12"
        raise ValueError(msg) from None
    tag = value & _TAG_MASK
    ms = value >> 80
    span_id = ((value >> 64) & 0xFFF) << 52 | (value >> 10) & _LOW_52_MASK
    if uuid_int(ms * _NS_PER_MS, span_id, tag) != value or tag > TAG_END:
        msg = f"{text!r} is a UUID, but not one of an event log or request"
        raise ValueError(msg)
    return IdParts(ms, span_id, tag)


@dataclass(slots=True)
class SpanEvent:
    """One event on a span; only `exception` matters to us."""

    name: str
    attributes: Attributes


@dataclass(slots=True)
class SpanData:
    """A span as we need it, running or finished, from the SDK or from the wire.

    Ids are integers (0 = none), times nanoseconds since the epoch (`end_unix_nano` 0 = running),
    `kind` and `span_status` numbered as in OTLP.
    """

    trace_id: int
    span_id: int
    parent_span_id: int
    name: str
    kind: int
    start_unix_nano: int
    end_unix_nano: int
    attributes: Attributes
    resource: Attributes
    scope_name: str = ""
    span_status: int = 0
    span_status_message: str = ""
    events: Sequence[SpanEvent] = ()
    trace_sampled: bool | None = None


@dataclass(slots=True)
class EventLog:
    """One event log: the start or the outcome of one request to an auth API (spec section 1).

    `event_id`, `request_id` and `phase` are derived, so they can never disagree with the rest.
    Ids of spans and traces are integers here and hex in every text form.
    """

    status: Status
    action: str
    span_id: int
    start_unix_nano: int
    """Start of the request, on both halves."""
    time_unix_nano: int
    """When this half happened: the span's start, or its end."""

    trace_id: int = 0
    parent_span_id: int = 0
    trace_sampled: bool | None = None
    category: str = ""
    outcome_source: OutcomeSource | None = None
    next_step: str | None = None
    observed_unix_nano: int = 0
    """When the collector received it; 0 until then."""
    duration_ns: int | None = None
    project: str = ""
    environment: str = ""
    service: str = ""
    service_version: str = ""
    clock_skewed: bool = False
    correlation_id: str | None = None
    flow_id: str | None = None
    user_id: str | None = None
    organization_id: str | None = None
    client_id: str | None = None
    auth_method: str | None = None
    auth_factor: str | None = None
    http_method: str | None = None
    http_route: str | None = None
    http_status_code: int | None = None
    error_type: str | None = None
    error_message: str | None = None
    session_token_hash: str | None = None
    session_jwt_hash: str | None = None
    client_address: str | None = None
    user_agent: str | None = None
    message_status: str | None = None
    attributes: Attributes = field(default_factory=dict)
    rank: Rank = Rank.DERIVED

    @property
    def phase(self) -> Phase:
        """START for a start, END for an outcome."""
        return Phase.START if self.status is Status.START else Phase.END

    @property
    def request_uuid_int(self) -> int:
        """The request id as a 128-bit integer."""
        return uuid_int(self.start_unix_nano, self.span_id, TAG_REQUEST)

    @property
    def event_uuid_int(self) -> int:
        """The event id as a 128-bit integer."""
        tag = TAG_START if self.status is Status.START else TAG_END
        return uuid_int(self.start_unix_nano, self.span_id, tag)

    @property
    def request_id(self) -> str:
        """UUID shared by the two halves of one request."""
        return derived_id(self.start_unix_nano, self.span_id, TAG_REQUEST)

    @property
    def event_id(self) -> str:
        """UUID of this half."""
        tag = TAG_START if self.status is Status.START else TAG_END
        return derived_id(self.start_unix_nano, self.span_id, tag)
