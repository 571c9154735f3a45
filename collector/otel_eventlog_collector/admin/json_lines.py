"""The JSON object of an event log back to the event log; undoes `event_json`. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from otel_eventlog.model import EventLog, OutcomeSource, Status, parse_uuid
from otel_eventlog.privacy import clean_event
from otel_eventlog.wire import RESOURCE_ATTRIBUTES, TEXT_ATTRIBUTES
from otel_eventlog_collector.event_json import event_json
from otel_eventlog_collector.query_parse.times import parse_time

_NS_PER_MS = 1_000_000
_UNIX_NANO_MAX = 2**63 - 1
_EMPTY_IF_ABSENT = ("category", *RESOURCE_ATTRIBUTES)
_TEXTS = tuple(name for name in TEXT_ATTRIBUTES if name not in ("action", "category"))
_INTEGERS = ("duration_ns", "http_status_code")


def event_from_line(line: bytes | str) -> EventLog:
    """Return the event log of one line of JSON, with the time at which it was received.

    Raises:
        ValueError: it is none; the text says what is wrong.

    """
    try:
        found = json.loads(line if isinstance(line, str) else line.decode())
    except UnicodeDecodeError:
        raise ValueError("is no UTF-8") from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    event = event_from_json(found)
    if found.get("observed_time"):
        event.observed_unix_nano = parse_time(str(found["observed_time"]), 0)
    # What cannot be written as JSON again could not be read again either.
    json.dumps(event_json(event), allow_nan=False)
    return event


def event_from_json(line: Any) -> EventLog:
    """Return the event log of a JSON object as `query --json` and `export` write it.

    Raises:
        ValueError: it is none; the text says which field is wrong.

    """
    if not isinstance(line, dict):
        raise ValueError("is no JSON object")  # noqa: TRY004 - the one error of all wrong lines
    for name in ("event_id", "request_id", "status", "action", "time_unix_nano"):
        if line.get(name) is None:
            raise ValueError(f"lacks {name!r}")
    ids = parse_uuid(str(line["request_id"]))
    time_unix_nano = _integer(line, "time_unix_nano") or 0
    event = EventLog(
        status=_choice(Status, line, "status"),
        action=str(line["action"]),
        span_id=ids.span_id,
        start_unix_nano=_start(line, ids.start_unix_ms, time_unix_nano),
        time_unix_nano=time_unix_nano,
        trace_id=_hex(line, "trace_id"),
        parent_span_id=_hex(line, "parent_span_id"),
        trace_sampled=_flag(line, "trace_sampled"),
        clock_skewed=bool(_flag(line, "clock_skewed")),
        attributes=_attributes(line),
    )
    if line.get("outcome_source") is not None:
        event.outcome_source = _choice(OutcomeSource, line, "outcome_source")
    for name in _EMPTY_IF_ABSENT:
        setattr(event, name, _text(line, name) or "")
    for name in _TEXTS:
        setattr(event, name, _text(line, name))
    for name in _INTEGERS:
        setattr(event, name, _integer(line, name))
    if event.event_id != str(line["event_id"]).lower():
        raise ValueError(f"event_id {line['event_id']!r} does not fit its request_id and status")
    if not clean_event(event).action:
        raise ValueError("action is no name of an action")
    return event


def _start(line: Mapping[str, Any], start_unix_ms: int, time_unix_nano: int) -> int:
    """Return the request's start: exact where the duration is known, else to the millisecond."""
    duration_ns = _integer(line, "duration_ns")
    if line["status"] == Status.START:
        return time_unix_nano
    if duration_ns is not None and (time_unix_nano - duration_ns) // _NS_PER_MS == start_unix_ms:
        return time_unix_nano - duration_ns
    return start_unix_ms * _NS_PER_MS


def _choice(kind: Any, line: Mapping[str, Any], name: str) -> Any:
    if line[name] not in tuple(kind):
        raise ValueError(f"{name} {line[name]!r} is none of {', '.join(kind)}")
    return kind(line[name])


def _flag(line: Mapping[str, Any], name: str) -> bool | None:
    value = line.get(name)
    if value is not None and not isinstance(value, bool):
        raise ValueError(f"{name} {value!r} is neither true nor false")
    return value


def _text(line: Mapping[str, Any], name: str) -> str | None:
    value = line.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} {value!r} is no text")
    return value


def _integer(line: Mapping[str, Any], name: str) -> int | None:
    value = line.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _UNIX_NANO_MAX:
        raise ValueError(f"{name} {value!r} is no whole number from 0 on")
    return value


def _hex(line: Mapping[str, Any], name: str) -> int:
    try:
        return int(line.get(name) or "0", 16)
    except (TypeError, ValueError):
        raise ValueError(f"{name} {line[name]!r} is not hexadecimal") from None


def _attributes(line: Mapping[str, Any]) -> dict[str, Any]:
    value = line.get("attributes") or {}
    if not isinstance(value, dict):
        raise ValueError("attributes are no JSON object")  # noqa: TRY004 - as above
    return value
