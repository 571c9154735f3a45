"""Lines of files become event logs: exports come back exactly, OTLP goes the receivers' way."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_eventlog.mapping import Mapper
from otel_eventlog.model import Rank
from otel_eventlog.privacy import Privacy
from otel_eventlog.rulefile import load_rule_set
from otel_eventlog_collector.admin.importing import (
    EVENTS_PER_WRITE,
    LINE_BYTES_MAX,
    MISTAKES_MAX,
    REASONS_MAX,
    TRIES_MAX,
    Importer,
    ImportSummary,
)
from otel_eventlog_collector.admin.lines import LineCutter
from otel_eventlog_collector.errors import Overloaded
from otel_eventlog_collector.event_json import event_json
from otel_eventlog_collector.insight.export import json_text
from otel_eventlog_collector.query import EventQuery
from tests.support import otlp_requests as otlp
from tests.support.builders import NOW, event_log
from tests.support.clock import DAY, HandClock
from tests.support.crowd import some_requests
from tests.support.memory_store import MemoryStore

MAPPER = Mapper(load_rule_set(), Privacy(), Rank.DERIVED)


def imported(
    lines: Iterable[bytes | None], store: MemoryStore | None = None
) -> tuple[ImportSummary, list[dict[str, Any]]]:
    """Import lines; return the summary, and what is stored, oldest first."""
    clock = HandClock()
    store = store or MemoryStore(clock)
    importer = Importer(MAPPER, store, clock)
    importer.add(lines)
    importer.flush()
    stored = store.find(EventQuery(order="asc", limit=1000)).events
    return importer.summary, [event_json(event) for event in stored]


def test_an_export_comes_back_exactly() -> None:
    """Every field of every line, the time of receipt included, and a second time nothing."""
    events = [event_json(event) for event in some_requests(100, unfinished=3)]
    for number, event in enumerate(events):
        event["observed_time"] = f"2026-11-23T10:42:00.{number:09d}Z"
    lines = [json_text(event).encode() for event in events]
    clock = HandClock()
    store = MemoryStore(clock)
    summary, stored = imported(lines, store)
    events.sort(key=lambda event: (event["time_unix_nano"], event["event_id"]))
    assert stored == events
    assert (summary.stored, summary.rejected) == (len(events), 0)
    assert imported(lines, store)[0].duplicates == len(events)


def test_spans_go_through_the_rules() -> None:
    """A trace request of a file exporter gives a start and an outcome for each wanted span."""
    spans = [otlp.span(1), otlp.span(2, attributes=otlp.key_values({"http.route": "/about"}))]
    line = otlp.as_json(otlp.traces(spans))
    summary, stored = imported([line])
    # Without any status code the connection broke before it was answered.
    assert [event["status"] for event in stored] == ["start", "error"]
    assert stored[0]["action"] == "PasswordsAuthenticate"
    assert stored[0]["observed_time"] is not None
    assert (summary.stored, summary.dropped, summary.rejected) == (2, 1, 0)


def test_a_bad_span_costs_its_neighbours_nothing() -> None:
    """It is counted with the reason, and the line is told."""
    line = otlp.as_json(otlp.traces([otlp.span(0), otlp.span(5)]))
    summary, stored = imported([b"", line])
    assert len(stored) == 2
    assert summary.rejected == 1
    assert summary.mistakes[0].startswith("line 2: ")
    (reason,) = summary.reasons
    assert "span" in reason


def test_event_logs_of_applications_come_in_as_log_records() -> None:
    """A logs request gives its event logs; other log records are dropped, metrics as well."""
    events = [event_log(span_id=7, rank=Rank.APP)]
    summary, stored = imported([otlp.as_json(otlp.logs_of(events)), b'{"resourceMetrics": []}'])
    assert [event["span_id"] for event in stored] == [f"{7:016x}"]
    assert (summary.stored, summary.dropped) == (1, 1)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"nonsense", "Expecting value"),
        (b"[]", "is no JSON object"),
        (b'{"status": "start"}', "lacks 'event_id'"),
        (b"\xff\xfe", "UTF-8"),
        (b'{"resourceSpans": ', "JSON"),
        (b'{"resourceSpans": 5}', ""),
        (b"[" * 100_000, "nest"),
        (None, "longer"),
    ],
)
def test_what_is_wrong_with_a_line_is_told(line: bytes | None, reason: str) -> None:
    """Each wrong line is counted, with its number and what is the matter; the next is stored."""
    good = json_text(event_json(event_log())).encode()
    summary, stored = imported([line, good])
    assert len(stored) == 1
    assert (summary.lines, summary.stored, summary.rejected) == (2, 1, 1)
    assert summary.mistakes[0].startswith("line 1: ")
    assert reason in summary.mistakes[0]


def test_a_file_of_nothing_but_mistakes_is_bounded() -> None:
    """However many lines are wrong in however many ways, only so many are kept to tell."""
    lines = [
        json.dumps(event_json(event_log()) | {"status": f"s-{n}"}).encode() for n in range(500)
    ]
    summary, _ = imported(lines)
    assert summary.rejected == 500
    assert len(summary.mistakes) == MISTAKES_MAX
    assert len(summary.reasons) == REASONS_MAX + 1
    assert summary.reasons.total() == 500


def test_what_is_past_the_retention_is_counted_apart() -> None:
    """It is no mistake of the file's."""
    old = event_log(start_unix_nano=NOW - 40 * DAY, time_unix_nano=NOW - 40 * DAY)
    summary, stored = imported([json_text(event_json(old)).encode()])
    assert stored == []
    assert (summary.outside, summary.rejected) == (1, 0)


def test_a_store_without_room_is_waited_for() -> None:
    """A write is tried again until there is room, and not for ever."""
    clock = HandClock()
    naps: list[float] = []

    class Full(MemoryStore):
        refusals = 3

        def write(self, *events: Any) -> Any:
            if self.refusals:
                self.refusals -= 1
                raise Overloaded("the queue of waiting rows is full")
            return super().write(*events)

    store = Full(clock)
    importer = Importer(MAPPER, store, clock, sleep=naps.append)
    line = json_text(event_json(event_log())).encode()
    importer.add([line])
    importer.flush()
    assert (importer.summary.stored, len(naps)) == (1, 3)
    store.refusals = TRIES_MAX
    importer.add([line])
    with pytest.raises(Overloaded):
        importer.flush()


def test_memory_does_not_grow_with_the_file() -> None:
    """No more than one write's event logs wait at any time."""
    clock = HandClock()
    importer = Importer(MAPPER, MemoryStore(clock), clock)
    line = json_text(event_json(event_log())).encode()
    for _ in range(5):
        importer.add([line] * EVENTS_PER_WRITE)
        assert len(importer._waiting) < EVENTS_PER_WRITE


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=5))
def test_lines_are_cut_the_same_wherever_the_chunks_end(data: bytes, cuts: list[int]) -> None:
    """What comes in any portions is cut as if it had come at once."""
    cutter = LineCutter(50)
    places = [0, *sorted(cut for cut in cuts if cut <= len(data)), len(data)]
    found: list[bytes | None] = []
    for begin, end in itertools.pairwise(places):
        found += cutter.feed(data[begin:end])
    found += cutter.end()
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    assert found == [line if len(line) <= 50 else None for line in lines]


def test_a_line_that_is_too_long_is_not_kept() -> None:
    """Its bytes are let go while they come in."""
    cutter = LineCutter(1000)
    for _ in range(100):
        assert cutter.feed(b"x" * 100_000) == []
        assert sum(map(len, cutter._parts)) <= 1000
    assert cutter.feed(b"\nshort\n") == [None, b"short"]
    assert LINE_BYTES_MAX > 10_000_000


texts = st.text(max_size=40)


@settings(max_examples=200)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            name: st.none() | texts
            for name in ("user_id", "error_message", "user_agent", "client_address", "http_route")
        }
        | {"attributes": st.dictionaries(texts, texts | st.integers() | st.booleans())},
    )
)
def test_what_was_stored_once_round_trips(changes: dict[str, Any]) -> None:
    """Whatever was let in comes back exactly from its export: cleaning is idempotent."""
    line = json.dumps(event_json(event_log()) | changes).encode()
    _, first = imported([line])
    _, second = imported([json_text(event).encode() for event in first])
    assert second == first
