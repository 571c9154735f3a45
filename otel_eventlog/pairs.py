"""Both event logs of one finished request, compactly: what alike requests share, and what differs.

A busy collector maps thousands of requests a second that differ in their ids, times and users only.
Everything else stands in one `PairTemplate` that they share, so that it is mapped, and looked up by
a store, once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from otel_eventlog.model import Attributes, EventLog


@dataclass(frozen=True, slots=True, eq=False)
class PairTemplate:
    """What many requests have in common; told apart by identity, so that it is a cheap key.

    Attributes:
        start: a start whose ids and times are 0 and whose fields of `Pair` are absent.
        outcome: its outcome, likewise.

    """

    start: EventLog
    outcome: EventLog


class Pair(NamedTuple):
    """A start and its outcome. Each field is of both halves, unless it says otherwise.

    Attributes:
        template: everything that is not here.
        start_unix_nano: start of the request, nanoseconds since the epoch.
        end_unix_nano: time of the outcome; never before the start.
        span_id: 64 bits.
        trace_id: 16 bytes, or none at all.
        parent_span_id: 64 bits, 0 for none.
        correlation_id: cleaned and hashed as the privacy policy says, like all that follow.
        flow_id: as above.
        client_address: as above.
        user_agent: as above.
        user_id: of the outcome only, like all that follow.
        organization_id: as above.
        client_id: as above.
        session_token_hash: as above.
        session_jwt_hash: as above.
        error_message: as above.
        attributes: as above; None for none.

    """

    template: PairTemplate
    start_unix_nano: int
    end_unix_nano: int
    span_id: int
    trace_id: bytes
    parent_span_id: int
    correlation_id: str | None
    flow_id: str | None
    client_address: str | None
    user_agent: str | None
    user_id: str | None
    organization_id: str | None
    client_id: str | None
    session_token_hash: str | None
    session_jwt_hash: str | None
    error_message: str | None
    attributes: Attributes | None

    def event_logs(self) -> tuple[EventLog, EventLog]:
        """Return the start and the outcome, each an object of its own."""
        both: dict[str, Any] = {
            "span_id": self.span_id,
            "start_unix_nano": self.start_unix_nano,
            "trace_id": int.from_bytes(self.trace_id, "big"),
            "parent_span_id": self.parent_span_id,
            "correlation_id": self.correlation_id,
            "flow_id": self.flow_id,
            "client_address": self.client_address,
            "user_agent": self.user_agent,
        }
        start = replace(
            self.template.start, time_unix_nano=self.start_unix_nano, attributes={}, **both
        )
        outcome = replace(
            self.template.outcome,
            time_unix_nano=self.end_unix_nano,
            duration_ns=self.end_unix_nano - self.start_unix_nano,
            user_id=self.user_id,
            organization_id=self.organization_id,
            client_id=self.client_id,
            session_token_hash=self.session_token_hash,
            session_jwt_hash=self.session_jwt_hash,
            error_message=self.error_message,
            attributes=self.attributes or {},
            **both,
        )
        return start, outcome


HALF_TEXTS = (
    *("correlation_id", "flow_id", "user_id", "organization_id", "client_id", "error_message"),
    *("session_token_hash", "session_jwt_hash", "client_address", "user_agent"),
)
"""The fields of `Pair` that are texts, as an application writes them one after another."""

OWN_FIELDS = (
    *("status", "time_unix_nano", "observed_unix_nano", "start_unix_nano"),
    *("span_id", "trace_id", "parent_span_id", "duration_ns"),
)
"""Fields of an event log that no other has, and its status."""


@dataclass(frozen=True, slots=True, eq=False)
class HalfTemplate:
    """What many starts, or many outcomes, have in common; a cheap key as `PairTemplate` is.

    Attributes:
        event: an event log whose ids and times are 0 and whose texts are absent.

    """

    event: EventLog


class Half(NamedTuple):
    """A start or an outcome on its way out of an application, where each travels by itself.

    Attributes:
        template: everything that is not here; it has no kept attributes.
        own: values of OWN_FIELDS.
        texts: values of HALF_TEXTS, cleaned.

    """

    template: HalfTemplate
    own: tuple[Any, ...]
    texts: Sequence[str | None]

    def event_log(self) -> EventLog:
        """Return the event log that it stands for."""
        own: dict[str, Any] = dict(zip(OWN_FIELDS, self.own, strict=True))
        own.update(zip(HALF_TEXTS, self.texts, strict=True))
        return replace(self.template.event, attributes={}, **own)


def whole(made: EventLog | Half) -> EventLog:
    """Return the event log itself, for whoever needs to look into it."""
    return made.event_log() if isinstance(made, Half) else made
