"""Every token made or revoked becomes an event log, also while no collector ran.

The token file says when and by whom each was; ids are made from that, so what is recorded again
at every start is one event log all the same.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence

from otel_eventlog.model import EventLog
from otel_eventlog_collector.admin.record import (
    CREATE_TOKEN,
    REVOKE_TOKEN,
    Actor,
    Deed,
    span_id_of,
)
from otel_eventlog_collector.query_parse.times import parse_time
from otel_eventlog_collector.tokens import Token, TokenFile

LOOK_S = 0.5
"""How often the file is looked at."""

_log = logging.getLogger(__name__)


def token_events(entries: Sequence[Token]) -> list[EventLog]:
    """Return the event logs of all makings and revocations that a token file tells of."""
    return [event for entry in entries for event in _events_of(entry)]


def _events_of(entry: Token) -> Iterator[EventLog]:
    about = {
        "token_id": entry.id,
        "token_name": entry.name or None,
        "token_scopes": list(entry.scopes),
    }
    for action, when, by in (
        (CREATE_TOKEN, entry.created, entry.created_by),
        (REVOKE_TOKEN, entry.revoked, entry.revoked_by),
    ):
        try:
            at = parse_time(when, 0) if when else 0
        except ValueError:
            continue
        if at > 0:
            deed = Deed(action, Actor(name=by or None), span_id_of(action, entry.id, when), at)
            yield deed.outcome(at, about)


async def keep_token_records(
    file: TokenFile,
    write: Callable[[Sequence[EventLog]], object],
    oldest_unix_nano: Callable[[], int],
    *,
    look_s: float = LOOK_S,
) -> None:
    """Write what the token file tells, at the start and whenever it changes, until cancelled.

    Args:
        file: the tokens.
        write: stores event logs; blocks, runs in a thread.
        oldest_unix_nano: what is older is past the retention and not written.
        look_s: seconds between two looks.

    """
    written: tuple[Token, ...] | None = None
    while True:
        entries = file.entries()
        if entries != written:
            since = oldest_unix_nano()
            events = [event for event in token_events(entries) if event.start_unix_nano > since]
            try:
                if events:
                    await asyncio.to_thread(write, events)
            except Exception:  # noqa: BLE001 - tried again at the next look
                _log.exception("what happened to tokens could not be recorded; trying again")
            else:
                written = entries
        await asyncio.sleep(look_s)
