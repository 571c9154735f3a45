"""OTLP logs requests as applications with our package in them send them, both halves.

Half of the requests carry starts and outcomes together, as a busy application does; in the other
half they travel apart: starts in one request, the outcomes of earlier starts in a later one.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from benchmarks import population
from benchmarks.messages import (
    AGE_NS_MAX,
    FIXED64,
    SENTINEL_SPAN_ID,
    SENTINEL_START,
    SENTINEL_TRACE_ID,
    LogPair,
    LogPlace,
    Message,
    Truth,
    message,
)
from benchmarks.population import SERVICE_WEIGHTS, SERVICES
from otel_eventlog.delivery.encode import encode_all, pack
from otel_eventlog.delivery.protobuf import varint
from otel_eventlog.model import (
    TAG_END,
    TAG_REQUEST,
    TAG_START,
    EventLog,
    Status,
    uuid_int,
    uuid_text,
)

LOGS_PATH = "/v1/logs"
_BOTH, _STARTS, _OUTCOMES = slice(0, 2), slice(0, 1), slice(1, 2)
_HALVES = (_BOTH, _STARTS, _BOTH, _OUTCOMES)
"""What four messages that follow each other carry; the outcomes are those of the starts."""


def event_logs(host: str, records: int, number: int, rng: random.Random) -> Message:
    """Return a request of event logs from one process, both halves or (every other two) one."""
    kept = _HALVES[number % len(_HALVES)]
    group = number // len(_HALVES)
    # The outcomes are those of the starts two messages before, action and service included.
    drawn = random.Random(f"{records} {group} {number if kept is _BOTH else ''}")
    [service] = drawn.choices(SERVICES, SERVICE_WEIGHTS)
    events: list[EventLog] = []
    while len(events) < records:
        pair: Sequence[EventLog] = population.request_pair(
            drawn, SENTINEL_START, service, SENTINEL_SPAN_ID
        )
        events += [replace(half, trace_id=SENTINEL_TRACE_ID) for half in pair[kept]]
    truth: Truth = Counter()
    for event in events:
        truth["action", event.action] += 1
        truth["service", event.service] += 1
        if event.http_status_code is not None:
            truth["http_status_code", str(event.http_status_code)] += 1
        if event.error_type is not None:
            truth["error_type", event.error_type] += 1
    [parcel] = pack(encode_all(events, _fail), "0.1.0", records_max=len(events))
    made = message(host, LOGS_PATH, parcel.body, len(events), truth)
    made.group = group
    made.logs.extend(_places(made.data, events, rng))
    return made


def _fail(error: Exception) -> None:
    raise error


def _places(data: bytearray, events: list[EventLog], rng: random.Random) -> list[LogPair]:
    """Find every record by its sentinels; a start and its outcome stand beside each other."""
    found: list[LogPlace] = []
    at = 0
    for event in events:
        place = _place(data, event, at, rng.randrange(AGE_NS_MAX))
        found.append(place)
        at = max(place[:7])
    if len({event.phase for event in events}) == 1:
        is_start = events[0].status is Status.START
        return [(place, None) if is_start else (None, place) for place in found]
    return list(zip(found[::2], found[1::2], strict=True))


def _place(data: bytearray, event: EventLog, at: int, ended_ns_ago: int) -> LogPlace:
    tag = TAG_START if event.status is Status.START else TAG_END
    time_at = data.index(FIXED64.pack(event.time_unix_nano), at)
    event_id = uuid_text(uuid_int(SENTINEL_START, SENTINEL_SPAN_ID, tag)).encode()
    request_id = uuid_text(uuid_int(SENTINEL_START, SENTINEL_SPAN_ID, TAG_REQUEST)).encode()
    elapsed_ns = event.time_unix_nano - SENTINEL_START
    return LogPlace(
        time_at=time_at,
        observed_at=data.index(FIXED64.pack(event.time_unix_nano), time_at + 8),
        trace_at=data.index(SENTINEL_TRACE_ID.to_bytes(16, "big"), time_at),
        span_at=data.index(SENTINEL_SPAN_ID.to_bytes(8, "big"), time_at),
        event_id_at=data.index(event_id, time_at),
        request_id_at=data.index(request_id, time_at),
        start_at=data.index(varint(SENTINEL_START), time_at),
        elapsed_ns=elapsed_ns,
        age_ns=elapsed_ns + ended_ns_ago,
    )
