"""`EventQuery` → SQL condition over one half of a segment: where filters become SQL.

The halves are the views `starts` and `outcomes`, which have the same columns. Every value is a
parameter. Conditions on low-cardinality fields ask the small table of shapes, not the event logs. A
filter that no stored value can meet becomes `0`.
"""

# ruff: noqa: S608 - names in the SQL are our own columns; every value is a parameter

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial

from otel_eventlog_collector.query import (
    FREE_TEXT_FIELDS,
    FREE_TEXT_ID_DIGITS_MIN,
    FREE_TEXT_IDS,
    EventQuery,
    Term,
)
from otel_eventlog_collector.store.row import SHAPE_FIELDS, SqlValue, split_key
from otel_eventlog_collector.store.sqlite.pair_rows import user_key
from otel_eventlog_collector.store.sqlite.schema import TEXT_COLUMNS

_DASHES_AT = (8, 13, 18, 23)
_UUID_CHARS = 36
_HEX = re.compile(r"[0-9a-f]*")
_TAG_SPACE = 1 << 10
_SPAN_BIAS = 1 << 63
_VERSION = 0x7
_VARIANT = 0b10
_LOW_62_MASK = (1 << 62) - 1

_OWN_IDS = ("event_id", "request_id")
"""Ids that lead to their row directly."""

_NS_PER_MS = 1_000_000


class Half(StrEnum):
    """Which half of the requests is read: the name of its view."""

    START = "starts"
    OUTCOME = "outcomes"


@dataclass(slots=True)
class Condition:
    """A piece of SQL with its parameters."""

    sql: str
    parameters: list[SqlValue] = field(default_factory=list)


def all_of(conditions: Sequence[Condition]) -> Condition:
    """Join conditions that must all hold; none at all always holds."""
    return _join(conditions, " AND ", "1")


def any_of(conditions: Sequence[Condition]) -> Condition:
    """Join conditions of which one must hold; none at all never holds."""
    return _join(conditions, " OR ", "0")


def _join(conditions: Sequence[Condition], operator: str, empty: str) -> Condition:
    if not conditions:
        return Condition(empty)
    if len(conditions) == 1:
        return conditions[0]
    sql = operator.join(f"({condition.sql})" for condition in conditions)
    return Condition(sql, [value for condition in conditions for value in condition.parameters])


def not_true(condition: Condition) -> Condition:
    """Negate; an absent value meets no condition, so it passes every negated one."""
    return Condition(f"({condition.sql}) IS NOT 1", condition.parameters)


def is_on_shapes(field_name: str) -> bool:
    """Whether a field is one of the shape, so that the rollup can answer for it."""
    return field_name in SHAPE_FIELDS or field_name == "phase"


def is_on_shapes_only(query: EventQuery) -> bool:
    """Whether a query asks for nothing but fields of the shape, and times."""
    return not query.text and all(map(is_on_shapes, query.filters))


def shape_condition(query: EventQuery) -> Condition | None:
    """Return the condition on the table `shapes` that a query's filters make, if any."""
    conditions = [
        _terms(terms, partial(_shape_term, name))
        for name, terms in query.filters.items()
        if is_on_shapes(name)
    ]
    return all_of(conditions) if conditions else None


def event_condition(query: EventQuery, alias: str, half: Half) -> Condition:
    """Return the condition on a half, named `alias`, that a query's filters, text and times make.

    Filters on low-cardinality fields are in it, through a look into `shapes`.
    """
    conditions = []
    if (shapes := shape_condition(query)) is not None:
        conditions.append(within(f"{alias}.shape_id", "shapes", shapes))
    for name, terms in query.filters.items():
        if not is_on_shapes(name):
            conditions.append(_terms(terms, partial(_event_term, alias, name)))
    for term in query.text:
        found = any_of(
            [
                *[_contains(alias, name, term.value) for name in FREE_TEXT_FIELDS],
                *[_event_term(alias, name, begin) for name, begin in _id_terms(term)],
            ]
        )
        conditions.append(not_true(found) if term.negated else found)
    if half is Half.START and _names_outcomes_own(query):
        # What an outcome knows better is shown by starts alone in their rows: a small index.
        conditions.append(Condition(f"{alias}.other_shape IS NULL"))
    conditions += between(alias, half, query.since_unix_nano, query.until_unix_nano)
    return all_of(conditions)


def row_condition(query: EventQuery) -> Condition | None:
    """Return what a row of `requests` must meet to hold an event log that passes a query.

    It is no more than that: not every such row does hold one; negations and times are left out.
    None where the query names no key, a field in which most event logs differ, and no text.
    """
    conditions = [
        any_of([_event_term("requests", name, term) for term in wanted])
        for name, terms in query.filters.items()
        if names_key(name) and (wanted := [term for term in terms if not term.negated])
    ]
    conditions += [_row_contains(term) for term in query.text if not term.negated]
    if not conditions:
        return None
    if (shapes := shape_condition(query)) is not None:
        conditions.append(_of_either_shape(shapes))
    return all_of(conditions)


def names_key(field_name: str) -> bool:
    """Whether a field differs between most event logs, and is no id that leads to its row."""
    return not is_on_shapes(field_name) and field_name not in _OWN_IDS


def _of_either_shape(shapes: Condition) -> Condition:
    columns = ("requests.start_shape", "requests.outcome_shape")
    return any_of([within(column, "shapes", shapes) for column in columns])


def _row_contains(term: Term) -> Condition:
    conditions = [
        _of_either_shape(_like(name, term.value))
        if name in SHAPE_FIELDS
        else _contains("requests", name, term.value)
        for name in FREE_TEXT_FIELDS
    ]
    for name, begin in _id_terms(term):
        if name not in _OWN_IDS:
            conditions.append(_event_term("requests", name, begin))
        elif bounds := _uuid_bounds(begin):
            first, last = (split_key(_lowest_ours(bounds[0])), split_key(_highest_ours(bounds[1])))
            conditions.append(
                Condition("requests.start_ms BETWEEN ? AND ?", [first.start_ms, last.start_ms])
            )
    return any_of(conditions)


def _id_terms(term: Term) -> list[tuple[str, Term]]:
    """Return the ids that may begin with free text, each with what it has to begin with."""
    if len(term.value.replace("-", "")) < FREE_TEXT_ID_DIGITS_MIN:
        return []
    return [(name, Term(term.value, prefix=True)) for name in FREE_TEXT_IDS]


_OUTCOMES_OWN = frozenset(
    {
        *("user_id", "session_token_hash", "session_jwt_hash"),
        *("organization_id", "client_id", "error_message"),
    }
)


def _names_outcomes_own(query: EventQuery) -> bool:
    """Whether a filter wants a value of what a start shows only where its outcome is not there."""
    return any(
        not term.negated
        for name in _OUTCOMES_OWN & query.filters.keys()
        for term in query.filters[name]
    )


def between(alias: str, half: Half, since: int | None, until: int | None) -> list[Condition]:
    """Return the conditions that an event log happened at `since` or later, and before `until`.

    Starts are indexed by their millisecond, so they are bounded by that as well.
    """
    conditions = []
    if since is not None:
        conditions.append(Condition(f"{alias}.time_unix_nano >= ?", [_int(since)]))
    if until is not None:
        conditions.append(Condition(f"{alias}.time_unix_nano < ?", [_int(until)]))
    if half is Half.START and since is not None:
        conditions.append(Condition(f"{alias}.start_ms >= ?", [_int(since) // _NS_PER_MS]))
    if half is Half.START and until is not None:
        conditions.append(Condition(f"{alias}.start_ms <= ?", [_int(until) // _NS_PER_MS]))
    return conditions


def _int(value: int) -> int:
    """Bring a time that no row can have into the range that SQLite takes."""
    return max(-_SPAN_BIAS, min(value, _SPAN_BIAS - 1))


def _terms(terms: Sequence[Term], compile_term: Callable[[Term], Condition]) -> Condition:
    wanted = [compile_term(term) for term in terms if not term.negated]
    unwanted = [not_true(compile_term(term)) for term in terms if term.negated]
    return all_of([*([any_of(wanted)] if wanted else []), *unwanted])


def _text_term(column: str, term: Term) -> Condition:
    if not term.prefix:
        return Condition(f"{column} = ?", [term.value])
    # A range, which an index can answer: SQLite compares texts by their code points.
    beyond = _beyond(term.value)
    if beyond is None:
        return Condition(f"{column} >= ?", [term.value])
    return Condition(f"{column} >= ? AND {column} < ?", [term.value, beyond])


_CODE_POINT_MAX = 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)


def _beyond(prefix: str) -> str | None:
    """Return the lowest text above all that begin with a prefix, None where there is none."""
    stem = prefix.rstrip(chr(_CODE_POINT_MAX))
    if not stem:
        return None
    following = ord(stem[-1]) + 1
    return stem[:-1] + chr(_SURROGATES.stop if following in _SURROGATES else following)


def _shape_term(name: str, term: Term) -> Condition:
    if name == "phase":
        column = "CASE status WHEN 'start' THEN 'start' ELSE 'end' END"
    elif name == "http_status_code":
        column = "CAST(http_status_code AS TEXT)"
    else:
        column = name
    return _text_term(column, term)


def _event_term(alias: str, name: str, term: Term) -> Condition:
    if name in TEXT_COLUMNS:
        return within(f"{alias}.{TEXT_COLUMNS[name]}", "texts", _text_term("text", term))
    if name in ("event_id", "request_id"):
        return _uuid_term(alias, name, term)
    if name in ("span_id", "parent_span_id"):
        return _span_term(f"{alias}.{name}", term)
    if name == "trace_id":
        return _trace_term(f"{alias}.trace_id", term)
    if name == "user_id" and not term.prefix:
        return Condition(
            f"{alias}.user_key = ? AND {alias}.user_id = ?", [user_key(term.value), term.value]
        )
    return _text_term(f"{alias}.{name}", term)


def _uuid_term(alias: str, name: str, term: Term) -> Condition:
    bounds = _uuid_bounds(term)
    if bounds is None:
        return Condition("0")
    low, high = _lowest_ours(bounds[0]), _highest_ours(bounds[1])
    if name == "request_id":
        # A request's id is that of its halves without the tag, so it is a multiple of 2^10.
        low = -(-low // _TAG_SPACE) * _TAG_SPACE
        high = high // _TAG_SPACE * _TAG_SPACE + _TAG_SPACE - 1
    first, last = split_key(low), split_key(high)
    if low > high:
        return Condition("0")
    if first[:2] == last[:2]:
        return Condition(
            f"{alias}.start_ms = ? AND {alias}.span_id = ? AND {alias}.half BETWEEN ? AND ?",
            [first.start_ms, first.span_id, first.half, last.half],
        )
    key = f"({alias}.start_ms, {alias}.span_id, {alias}.half)"
    return Condition(
        f"{alias}.start_ms BETWEEN ? AND ? AND {key} >= (?, ?, ?) AND {key} <= (?, ?, ?)",
        [first.start_ms, last.start_ms, *first, *last],
    )


def _lowest_ours(value: int) -> int:
    """Return the lowest UUID with our version and variant that is not below a value."""
    ms, rest = divmod(value, 1 << 80)
    version, rest = divmod(rest, 1 << 76)
    if version != _VERSION:
        return (ms + (version > _VERSION)) << 80 | _VERSION << 76 | _VARIANT << 62
    high, rest = divmod(rest, 1 << 64)
    variant, low = divmod(rest, 1 << 62)
    if variant > _VARIANT:
        return _lowest_ours((ms << 16 | _VERSION << 12 | high) + 1 << 64)
    return (
        ms << 80
        | _VERSION << 76
        | high << 64
        | _VARIANT << 62
        | (low if variant == _VARIANT else 0)
    )


def _highest_ours(value: int) -> int:
    """Return the highest UUID with our version and variant that is not above a value."""
    above = _lowest_ours(value + 1)
    ms, rest = divmod(above, 1 << 80)
    high, low = rest >> 64 & 0xFFF, rest & _LOW_62_MASK
    # One step down in the space of ids without the fixed bits.
    packed = ((ms << 12 | high) << 62 | low) - 1
    ms_high, low = divmod(packed, 1 << 62)
    ms, high = divmod(ms_high, 1 << 12)
    return ms << 80 | _VERSION << 76 | high << 64 | _VARIANT << 62 | low


def _uuid_bounds(term: Term) -> tuple[int, int] | None:
    """Return the lowest and the highest UUID whose text the term admits."""
    text = term.value.lower()
    if len(text) > _UUID_CHARS or (not term.prefix and len(text) < _UUID_CHARS):
        return None
    dashes = [text[at] for at in _DASHES_AT if at < len(text)]
    digits = text.replace("-", "")
    if dashes != ["-"] * len(dashes) or len(digits) + len(dashes) != len(text):
        return None
    if not _HEX.fullmatch(digits):
        return None
    return int(digits.ljust(32, "0"), 16), int(digits.ljust(32, "f"), 16)


def _hex_bounds(term: Term, chars: int) -> tuple[str, str] | None:
    text = term.value.lower()
    if len(text) > chars or (not term.prefix and len(text) < chars) or not _HEX.fullmatch(text):
        return None
    return text.ljust(chars, "0"), text.ljust(chars, "f")


def _span_term(column: str, term: Term) -> Condition:
    bounds = _hex_bounds(term, 16)
    if bounds is None:
        return Condition("0")
    low, high = (int(text, 16) - _SPAN_BIAS for text in bounds)
    return Condition(f"{column} BETWEEN ? AND ?", [low, high])


def _trace_term(column: str, term: Term) -> Condition:
    bounds = _hex_bounds(term, 32)
    if bounds is None:
        return Condition("0")
    low, high = (bytes.fromhex(text) for text in bounds)
    return Condition(f"{column} BETWEEN ? AND ?", [low, high])


def _contains(alias: str, name: str, text: str) -> Condition:
    """Return whether a field contains a text, ignoring case."""
    if name in SHAPE_FIELDS:
        return within(f"{alias}.shape_id", "shapes", _like(name, text))
    if name in TEXT_COLUMNS:
        return within(f"{alias}.{TEXT_COLUMNS[name]}", "texts", _like("text", text))
    return _like(f"{alias}.{name}", text)


def within(column: str, table: str, inner: Condition) -> Condition:
    """Return the condition that a column names a row of a table that meets another condition."""
    sql = f"{column} IN (SELECT id FROM {table} WHERE {inner.sql})"
    return Condition(sql, inner.parameters)


def _like(column: str, text: str) -> Condition:
    if not text.isascii():  # SQLite's LIKE knows the case of ASCII letters only
        return Condition(f"contains_folded({column}, ?)", [text.casefold()])
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return Condition(f"{column} LIKE ? ESCAPE '\\'", [f"%{escaped}%"])
