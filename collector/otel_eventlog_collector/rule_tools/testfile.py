"""Files of rule tests: a span in, the expected event log out. Every mistake at once, as in rules.

Tests stand in a file of their own (`login.test.toml` beside `login.toml`), or as [[test]] beside
the rules. docs/rules.md explains the format to users.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from otel_eventlog.errors import RuleError
from otel_eventlog.model import OutcomeSource, SpanData, Status
from otel_eventlog.outcome import Annotations
from otel_eventlog.rulecheck import Complaints, Place, TableReader
from otel_eventlog.rulefile import check_names
from otel_eventlog_collector.rule_tools.spans import (
    SPAN_KINDS,
    SPAN_STATUSES,
    short_span,
    spans_from_json,
)

TEST_KEYS = ("name", "span", "span_json", "span_file", "span_id", "expect")
SPAN_KEYS = (
    "kind",
    "method",
    "route",
    "path",
    "host",
    "query",
    "scope",
    "status",
    "location",
    "content_type",
    "exception",
    "rpc_system",
    "rpc_service",
    "rpc_method",
    "rpc_status",
    "span_status",
    "signal",
    "attributes",
)
EXPECTED_FIELDS = (
    "action",
    "category",
    "status",
    "outcome_source",
    "next_step",
    "error_type",
    "error_message",
    "user_id",
    "organization_id",
    "client_id",
    "auth_method",
    "auth_factor",
    "http_method",
    "http_route",
    "http_status_code",
    "flow_id",
    "correlation_id",
    "client_address",
    "user_agent",
    "message_status",
    "session_token_hash",
    "session_jwt_hash",
    "attributes",
)
"""Fields of an event log, by the names of docs/events.md."""
EXPECT_KEYS = ("event", "rule", "holds_start", *EXPECTED_FIELDS)
FILE_KEYS = ("test", "rules", "packs", "default_packs")
_WAYS = ("span", "span_json", "span_file")
_HTTP_STATUSES = range(100, 600)


@dataclass(frozen=True, slots=True)
class RuleTest:
    """One [[test]].

    Attributes:
        expect: what the event log must say, by key; an empty text stands for "absent".

    """

    name: str
    source: str
    line: int
    span: SpanData
    notes: Annotations
    expect: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RuleTestFile:
    """The tests of one file, and the rules that they are about.

    Attributes:
        has_rules: whether it is a rule file with tests in it.
        rules: rule files, as written; None if nothing is said.

    """

    source: str
    tests: tuple[RuleTest, ...]
    has_rules: bool
    rules: tuple[str, ...] | None = None
    packs: tuple[str, ...] = ()
    default_packs: bool = True


@dataclass(frozen=True, slots=True)
class _File:
    """What reading one test needs of its file."""

    complaints: Complaints
    read_file: Callable[[str], str]
    tests: list[RuleTest] = field(default_factory=list)


def parse_tests(text: str, source: str, read_file: Callable[[str], str]) -> RuleTestFile:
    """Read the tests of one file.

    Args:
        text: TOML.
        source: what messages call it, such as its path.
        read_file: returns the text of a file named in `span_file`; OSError or ValueError if it
            cannot be read.

    Raises:
        RuleError: with every mistake found.

    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RuleError([f"{source}: not valid TOML: {error}"]) from None
    complaints = Complaints(source, text, "test")
    has_rules = "rule" in document
    known = ("keep", "rule", "test") if has_rules else FILE_KEYS
    complaints.unknown_keys(document, known, " of a file of rule tests")
    read = TableReader(document, complaints, None)
    file = _File(complaints, read_file)
    tables = document.get("test", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        complaints.add("test", "must be written [[test]], once for each test")
    elif not tables:
        complaints.add("", "has no [[test]]; write one, with `name`, `span` and `expect`")
    else:
        for number, table in enumerate(tables):
            _read_test(table, number, file)
        check_names(tables, complaints, "test")
    found = RuleTestFile(
        source,
        tuple(file.tests),
        has_rules=has_rules,
        rules=read.texts("rules") if "rules" in document else None,
        packs=read.texts("packs"),
        default_packs=read.truth("default_packs") if "default_packs" in document else True,
    )
    if complaints.found:
        raise RuleError(complaints.in_order())
    return found


def _read_test(table: Mapping[str, Any], number: int, file: _File) -> None:
    complaints, place = file.complaints, (number, None)
    complaints.name(number, table.get("name"))
    complaints.unknown_keys(table, TEST_KEYS, " of a test", place)
    read = TableReader(table, complaints, place)
    name = read.text("name") or ""
    if "name" not in table:
        complaints.add("", 'has no `name`; give it one, such as name = "wrong password"', place)
    before = len(complaints.found)
    notes = Annotations()
    span = _span(table, number, file, notes)
    expect = _expect(table, number, complaints)
    if span is not None and len(complaints.found) == before:
        line = complaints.line("", place)
        file.tests.append(RuleTest(name, complaints.source, line, span, notes, expect))


def _span(
    table: Mapping[str, Any], number: int, file: _File, notes: Annotations
) -> SpanData | None:
    complaints, place = file.complaints, (number, None)
    ways = [way for way in _WAYS if way in table]
    if len(ways) != 1:
        said = "has no `span`" if not ways else f"has {' and '.join(ways)}"
        hint = "give exactly one of `span`, `span_json` and `span_file`"
        complaints.add("", f"{said}; {hint}", place)
        return None
    if ways == ["span"]:
        if "span_id" in table:
            complaints.add("span_id", "chooses a span of `span_file`; leave it out", place)
        return _short_span(table["span"], (number, "span"), complaints, notes)
    read = TableReader(table, complaints, place)
    text = read.text(ways[0])
    wanted = read.text("span_id")
    if text is None:
        return None
    try:
        if ways == ["span_file"]:
            text = file.read_file(text)
        return _chosen(spans_from_json(text), wanted)
    except OSError as error:
        complaints.add(ways[0], f"cannot be read: {error.strerror or error}", place)
    except ValueError as error:
        complaints.add(ways[0], str(error), place)
    return None


def _chosen(spans: Sequence[SpanData], span_id: str | None) -> SpanData:
    if span_id is not None:
        spans = [span for span in spans if f"{span.span_id:016x}" == span_id.lower()]
        if not spans:
            raise ValueError(f"holds no span {span_id!r}; look at the spanId of its spans")
    if len(spans) > 1:
        raise ValueError(f"holds {len(spans)} spans; choose one with `span_id`")
    return spans[0]


def _short_span(
    table: object, place: Place, complaints: Complaints, notes: Annotations
) -> SpanData | None:
    if not isinstance(table, dict):
        hint = 'must be a table, such as span = { method = "POST", route = "/login" }'
        complaints.add("", hint, place)
        return None
    complaints.unknown_keys(table, SPAN_KEYS, " of a span", place)
    read = TableReader(table, complaints, place)
    if "query" in table and isinstance(table["query"], str):
        query: str | None = table["query"].removeprefix("?")
    else:
        query = "&".join(read.texts("query")) or None
    for key in ("route", "path"):
        if isinstance(table.get(key), str) and "?" in table[key] and "(?P<" not in table[key]:
            complaints.add(key, f"is {table[key]!r}; put what follows ? into `query`", place)
    if "signal" in table:
        notes.signal = Status(read.choice("signal", (Status.SUCCESS, Status.ERROR), Status.ERROR))
    exception = table.get("exception")
    if exception is True:
        exception = "Exception"
    elif exception is not False:
        exception = read.text("exception")
    return short_span(
        kind=read.choice("kind", tuple(SPAN_KINDS), "server"),
        span_status=read.choice("span_status", tuple(SPAN_STATUSES), "unset"),
        status=_http_status("status", table, complaints, place),
        rpc_status=_rpc_status(table, complaints, place),
        exception=exception or None,
        query=query,
        scope=read.text("scope") or "",
        attributes=read.scalars("attributes"),
        **{key: read.text(key) for key in _TEXT_KEYS},
    )


_TEXT_KEYS = (
    "method",
    "route",
    "path",
    "host",
    "location",
    "content_type",
    "rpc_system",
    "rpc_service",
    "rpc_method",
)


def _http_status(
    key: str, table: Mapping[str, Any], complaints: Complaints, place: Place | None
) -> int | None:
    value = table.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value not in _HTTP_STATUSES:
        complaints.add(key, f"is {value!r}; an HTTP status code is 100 to 599", place)
        return None
    return value


def _rpc_status(table: Mapping[str, Any], complaints: Complaints, place: Place) -> int | str | None:
    value = table.get("rpc_status")
    if value is None or (isinstance(value, (int, str)) and not isinstance(value, bool)):
        return value
    hint = 'takes codes 0 to 16 or names such as "UNAUTHENTICATED"'
    complaints.add("rpc_status", f"is {value!r}; it {hint}", place)
    return None


def _expect(table: Mapping[str, Any], number: int, complaints: Complaints) -> dict[str, Any]:
    expect, place = table.get("expect"), (number, "expect")
    if not isinstance(expect, dict) or not expect:
        hint = 'write expect = { action = "…", status = "…" }, or expect = { event = false }'
        complaints.add("", f"has no `expect`; {hint}", (number, None))
        return {}
    complaints.unknown_keys(expect, EXPECT_KEYS, " of an expected event log", place)
    read = TableReader(expect, complaints, place)
    for key in EXPECT_KEYS:
        if key in expect:
            _check_expected(key, expect, read, complaints)
    others = [key for key in expect if key in EXPECTED_FIELDS]
    if expect.get("event") is False and others:
        hint = f"and {', '.join(f'`{key}`' for key in others)} exclude each other"
        complaints.add("event", f"= false {hint}", place)
    return dict(expect)


def _check_expected(
    key: str, expect: Mapping[str, Any], read: TableReader, complaints: Complaints
) -> None:
    value = expect[key]
    if key in ("event", "holds_start"):
        read.truth(key)
    elif key == "attributes":
        if not isinstance(value, dict):
            complaints.add(key, f"is {value!r}; write a table", read.place)
    elif key == "http_status_code":
        _http_status(key, expect, complaints, read.place)
    elif key == "status":
        read.choice(key, (Status.SUCCESS, Status.ERROR), Status.SUCCESS)
    elif key == "outcome_source":
        read.choice(key, tuple(OutcomeSource), OutcomeSource.DEFAULT)
    elif not isinstance(value, str):
        complaints.add(key, f'is {value!r}; it takes a text in quotes, "" for none', read.place)
