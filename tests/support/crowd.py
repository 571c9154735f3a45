"""Many plausible event logs, and the plainest possible judge of which pass a query."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from otel_eventlog.model import EventLog, OutcomeSource, Status
from otel_eventlog_collector.query import (
    FREE_TEXT_FIELDS,
    FREE_TEXT_ID_DIGITS_MIN,
    FREE_TEXT_IDS,
    EventQuery,
    Term,
)
from tests.support.builders import NOW, event_log

ACTIONS = (
    ("PasswordsAuthenticate", "passwords"),
    ("PasswordsCreate", "passwords"),
    ("SessionsAuthenticate", "sessions"),
    ("OTPsAuthenticate", "otps"),
)
REASONS = ("invalid_credentials", "user_not_found", "expired")
_NS_PER_MS = 1_000_000


def some_requests(
    count: int, seed: int = 1, unfinished: int = 0, begin_unix_nano: int = NOW
) -> list[EventLog]:
    """Return the event logs of so many requests; the last `unfinished` of them have no outcome."""
    chance = random.Random(seed)
    events: list[EventLog] = []
    for number in range(count):
        begin = begin_unix_nano + number * 700 * _NS_PER_MS + chance.randrange(500 * _NS_PER_MS)
        action, category = chance.choice(ACTIONS)
        failed = chance.random() < 0.3
        common = {
            "action": action,
            "category": category,
            "span_id": chance.randrange(1, 2**64),
            "trace_id": 0xABC0 + number // 3,
            "start_unix_nano": begin,
            "service": chance.choice(("shop", "mobile")),
            "http_method": "POST",
            "http_route": "/login",
            "client_address": f"192.0.2.{chance.randrange(4)}",
        }
        duration = chance.randrange(1, 400 * _NS_PER_MS)
        events.append(event_log(Status.START, time_unix_nano=begin, **common))
        if number >= count - unfinished:
            continue
        events.append(
            event_log(
                Status.ERROR if failed else Status.SUCCESS,
                time_unix_nano=begin + duration,
                duration_ns=duration,
                user_id=chance.choice((None, "u-1", "u-2", "u-3", "ü-4*")),
                outcome_source=OutcomeSource.HTTP,
                http_status_code=401 if failed else chance.choice((200, 302)),
                error_type=chance.choice(REASONS) if failed else None,
                error_message="Wrong Password" if failed else None,
                **common,
            )
        )
    return events


def passes(event: Mapping[str, Any], query: EventQuery) -> bool:
    """Judge the JSON of one event log by the words of the specification alone."""
    if query.since_unix_nano is not None and event["time_unix_nano"] < query.since_unix_nano:
        return False
    if query.until_unix_nano is not None and event["time_unix_nano"] >= query.until_unix_nano:
        return False
    for field, terms in query.filters.items():
        value = event[field]
        plain = [term for term in terms if not term.negated]
        if plain and not any(_equals(value, term) for term in plain):
            return False
        if any(_equals(value, term) for term in terms if term.negated):
            return False
    return all(_contains(event, term) != term.negated for term in query.text)


def in_order(events: Sequence[Mapping[str, Any]], order: str) -> list[str]:
    """Return the ids of event logs, by time and id."""
    found = sorted((event["time_unix_nano"], event["event_id"]) for event in events)
    return [event_id for _, event_id in (found if order == "asc" else reversed(found))]


def _equals(value: object, term: Term) -> bool:
    if value is None:
        return False
    return str(value).startswith(term.value) if term.prefix else str(value) == term.value


def _contains(event: Mapping[str, Any], term: Term) -> bool:
    wanted = term.value.casefold()
    if any(wanted in str(event[name] or "").casefold() for name in FREE_TEXT_FIELDS):
        return True
    is_long = len(wanted.replace("-", "")) >= FREE_TEXT_ID_DIGITS_MIN
    return is_long and any(str(event[name] or "").startswith(wanted) for name in FREE_TEXT_IDS)
