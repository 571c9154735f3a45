"""The event logs of administration: who did what to the collector, when, and how it went. Pure.

They are requests like any other, of the category `dashboard`: a start before the deed, an outcome
after it. Who did it stands in `client_id` and the attributes, never in `user_id`: otherwise an
admin could erase the record of what they did by erasing themselves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from otel_eventlog.actions import lookup
from otel_eventlog.model import AttributeValue, EventLog, OutcomeSource, Rank, Status

ERASE, PURGE, IMPORT = "EraseUserEvents", "PurgeEvents", "ImportEvents"
CREATE_TOKEN, REVOKE_TOKEN = "CreateAccessToken", "RevokeAccessToken"
SERVICE = "otel-eventlog-collector"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does it.

    Attributes:
        token_id: id of the token it was asked with; None where none was needed.
        name: the token's name, or the operating system's user for a command on a directory.
        client_address: where the request came from.
        user_agent: which program it came from.

    """

    token_id: str | None = None
    name: str | None = None
    client_address: str | None = None
    user_agent: str | None = None


@dataclass(frozen=True, slots=True)
class Deed:
    """One deed, before anything is known about how it ends."""

    action: str
    actor: Actor
    span_id: int
    start_unix_nano: int

    def start(self) -> EventLog:
        """Return the event log written before the deed."""
        return self._event(Status.START, self.start_unix_nano, {})

    def outcome(
        self,
        ended_unix_nano: int,
        attributes: Mapping[str, AttributeValue | None],
        error_type: str | None = None,
    ) -> EventLog:
        """Return the event log written after the deed; it failed if there is an `error_type`."""
        status = Status.ERROR if error_type else Status.SUCCESS
        ended = max(ended_unix_nano, self.start_unix_nano)
        event = self._event(status, ended, attributes)
        event.outcome_source = OutcomeSource.APP
        event.duration_ns = ended - self.start_unix_nano
        event.error_type = error_type
        return event

    def _event(
        self, status: Status, time_unix_nano: int, attributes: Mapping[str, AttributeValue | None]
    ) -> EventLog:
        known = {"actor": self.actor.name, **attributes}
        return EventLog(
            status=status,
            action=self.action,
            span_id=self.span_id,
            start_unix_nano=self.start_unix_nano,
            time_unix_nano=time_unix_nano,
            category=lookup(self.action).category,
            service=SERVICE,
            client_id=self.actor.token_id,
            client_address=self.actor.client_address,
            user_agent=self.actor.user_agent,
            attributes={name: value for name, value in known.items() if value is not None},
            rank=Rank.APP,
        )


def span_id_of(*parts: str) -> int:
    """Return a span id made from what tells a deed from all others, so that it is made once."""
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") or 1
