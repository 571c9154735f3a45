r"""Parameters as text → `EventQuery`; pure, and the same for the API, the command and `q`.

| parameter | meaning |
|---|---|
| a field of FILTER_FIELDS | equals; repeated = one of them; `*` at the end = begins with |
| the same with `!` (`status!=start`) | does not equal |
| `since`, `until` | from (inclusive), to (exclusive); see `times.py` |
| `q` | the search language of `language.py` |
| `order` | `desc` (newest first, the default) or `asc` |
| `limit` | event logs a page, 1 to LIMIT_MAX |
| `cursor` | `next_cursor` of the page before |

A literal star at the end of a value is written `\*`.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from otel_eventlog.model import OutcomeSource, Phase, Status
from otel_eventlog_collector.errors import QueryError
from otel_eventlog_collector.query import (
    FILTER_FIELDS,
    LIMIT_DEFAULT,
    LIMIT_MAX,
    NUMBER_FIELDS,
    Cursor,
    EventQuery,
    Term,
)
from otel_eventlog_collector.query_parse.cursor import cursor_text, parse_cursor
from otel_eventlog_collector.query_parse.language import tokens
from otel_eventlog_collector.query_parse.times import parse_time

__all__ = ["PARAMETERS", "cursor_text", "did_you_mean", "parse_parameters", "parse_query"]

TERMS_MAX = 100
"""Most terms of one query, all fields and free text together."""
VALUE_CHARS_MAX = 512
"""Longest value of one term."""
Q_CHARS_MAX = 4096
"""Longest `q`."""

PARAMETERS = ("since", "until", "q", "order", "limit", "cursor")
"""What a query takes beside the filters."""

_CHOICES: dict[str, tuple[str, ...]] = {
    "status": tuple(Status),
    "phase": tuple(Phase),
    "outcome_source": tuple(OutcomeSource),
}
_HEX_FIELDS = frozenset({"trace_id", "span_id", "parent_span_id", "event_id", "request_id"})
_USUAL_NAMES = {
    "user": "user_id",
    "org": "organization_id",
    "organization": "organization_id",
    "client": "client_id",
    "request": "request_id",
    "trace": "trace_id",
    "span": "span_id",
    "event": "event_id",
    "flow": "flow_id",
    "correlation": "correlation_id",
    "ip": "client_address",
    "address": "client_address",
    "method": "http_method",
    "route": "http_route",
    "path": "http_route",
    "code": "http_status_code",
    "status_code": "http_status_code",
    "error": "error_type",
    "reason": "error_type",
    "outcome": "status",
    "from": "since",
    "start": "since",
    "to": "until",
    "end": "until",
    "search": "q",
    "query": "q",
    "sort": "order",
    "after": "cursor",
    "size": "limit",
    "failed": "error",
    "failure": "error",
    "ok": "success",
    "succeeded": "success",
    "started": "start",
}


def did_you_mean(word: str, known: Collection[str]) -> str:
    """Return `did you mean "…"?` for a misspelt word, or the known words when nothing is near."""
    usual = _USUAL_NAMES.get(word.lower())
    if usual in known:
        return f'did you mean "{usual}"?'
    near = difflib.get_close_matches(word.lower().replace("-", "_"), known, n=1, cutoff=0.6)
    if near:
        return f'did you mean "{near[0]}"?'
    return "known are " + ", ".join(known)


@dataclass(slots=True)
class _Builder:
    """Collects terms and mistakes while the parameters are read, so that all mistakes are told."""

    now_unix_nano: int
    filters: dict[str, list[Term]] = field(default_factory=dict)
    text: list[Term] = field(default_factory=list)
    since_unix_nano: int | None = None
    until_unix_nano: int | None = None
    order: Literal["desc", "asc"] = "desc"
    limit: int = LIMIT_DEFAULT
    cursor: Cursor | None = None
    mistakes: list[QueryError] = field(default_factory=list)
    terms_of: Counter[str] = field(default_factory=Counter)
    """How many terms each parameter brought."""

    def set_since(self, value: str) -> None:
        self.since_unix_nano = parse_time(value, self.now_unix_nano)

    def set_until(self, value: str) -> None:
        self.until_unix_nano = parse_time(value, self.now_unix_nano)

    def set_order(self, value: str) -> None:
        if value not in ("desc", "asc"):
            raise ValueError(f'{value!r} is no order; write "desc" (newest first) or "asc"')
        self.order = "asc" if value == "asc" else "desc"

    def set_limit(self, value: str) -> None:
        if not re.fullmatch(r"[0-9]{1,6}", value) or not 1 <= int(value) <= LIMIT_MAX:
            raise ValueError(
                f"{value!r} is no limit; write a number from 1 to {LIMIT_MAX}, "
                "and go on with next_cursor"
            )
        self.limit = int(value)

    def set_cursor(self, value: str) -> None:
        self.cursor = parse_cursor(value)

    def add_q(self, value: str) -> None:
        if len(value) > Q_CHARS_MAX:
            raise ValueError(f"q has {len(value)} characters; at most {Q_CHARS_MAX} are allowed")
        for token in tokens(value):
            if token.key is None:
                self.text.append(_text_term(token.value, negated=token.negated))
            elif token.key not in FILTER_FIELDS:
                hint = did_you_mean(token.key, FILTER_FIELDS)
                raise ValueError(
                    f"{token.key!r} is no field; {hint} (for free text put it in quotes: "
                    f'"{token.key}:{token.value}")'
                )
            else:
                self.add_term(token.key, token.value, negated=token.negated, literal=token.quoted)

    def add_term(self, name: str, value: str, *, negated: bool, literal: bool = False) -> None:
        """Add one term; `literal`: a star at the end is a star."""
        self.filters.setdefault(name, []).append(
            _term(name, value, negated=negated, literal=literal)
        )

    @property
    def terms(self) -> int:
        """How many terms there are, all fields and free text together."""
        return len(self.text) + sum(len(terms) for terms in self.filters.values())

    def query(self) -> EventQuery:
        """Return what was collected, or raise every mistake at once."""
        since, until = self.since_unix_nano, self.until_unix_nano
        if since is not None and until is not None and since > until:
            self.mistakes.append(
                QueryError("since", "since lies after until; swap them or leave one out")
            )
        if self.terms > TERMS_MAX:
            most = self.terms_of.most_common(1)[0][0]
            self.mistakes.append(
                QueryError(
                    most,
                    f"the query has {self.terms} terms, {self.terms_of[most]} of them in {most}; "
                    f"at most {TERMS_MAX} are allowed",
                )
            )
        if self.mistakes:
            raise QueryError.of(self.mistakes)
        return EventQuery(
            filters={name: tuple(terms) for name, terms in self.filters.items()},
            since_unix_nano=since,
            until_unix_nano=until,
            text=tuple(self.text),
            order=self.order,
            limit=self.limit,
            cursor=self.cursor,
        )


def parse_query(parameters: Iterable[tuple[str, str]], now_unix_nano: int) -> EventQuery:
    """Return the query that these parameters ask for.

    Args:
        parameters: names and values in the order given, repeated ones included.
        now_unix_nano: what relative times count from.

    Raises:
        QueryError: one or more parameters are wrong; every mistake is in `.mistakes`.

    """
    return parse_parameters(parameters, now_unix_nano, PARAMETERS)


def parse_parameters(
    parameters: Iterable[tuple[str, str]], now_unix_nano: int, allowed: Sequence[str]
) -> EventQuery:
    """Do as `parse_query`, for an endpoint that takes only some of PARAMETERS."""
    builder = _Builder(now_unix_nano)
    setters: dict[str, Callable[[str], None]] = {
        "since": builder.set_since,
        "until": builder.set_until,
        "q": builder.add_q,
        "order": builder.set_order,
        "limit": builder.set_limit,
        "cursor": builder.set_cursor,
    }
    seen: set[str] = set()
    for name, value in parameters:
        bare, before = name.removesuffix("!"), builder.terms
        try:
            if bare in FILTER_FIELDS:
                builder.add_term(bare, value, negated=bare != name)
            else:
                _check_name(name, allowed, seen)
                setters[name](value)
        except ValueError as error:
            builder.mistakes.append(QueryError(name[:64], str(error)))
        builder.terms_of[name[:64]] += builder.terms - before
    return builder.query()


def _check_name(name: str, allowed: Sequence[str], seen: set[str]) -> None:
    if name not in allowed:
        hint = did_you_mean(name, (*allowed, *FILTER_FIELDS))
        raise ValueError(f"{name[:64]!r} is no parameter here; {hint}")
    if name in seen and name != "q":
        raise ValueError(f"{name} is given more than once; give it once")
    seen.add(name)


def _term(name: str, value: str, *, negated: bool, literal: bool) -> Term:
    if not value:
        raise ValueError(
            f"{name} is empty; leave it out to ask for any, or write {name}!=* for event logs "
            "without it"
        )
    if len(value) > VALUE_CHARS_MAX:
        raise ValueError(f"{name} has {len(value)} characters; at most {VALUE_CHARS_MAX}")
    prefix = not literal and value.endswith("*") and not value.endswith("\\*")
    text = value[:-1] if prefix else value
    if not literal and text.endswith("\\*"):
        text = text[:-2] + "*"
    if name in NUMBER_FIELDS:
        return _number_term(name, value, prefix=prefix, negated=negated)
    if name in _HEX_FIELDS:
        text = text.lower()
    choices = _CHOICES.get(name)
    if choices and not prefix and text not in choices:
        hint = did_you_mean(text, choices)
        raise ValueError(f"{text!r} is no {name}; {hint}")
    return Term(text, prefix, negated)


def _number_term(name: str, value: str, *, prefix: bool, negated: bool) -> Term:
    if prefix and value == "*":
        return Term("", prefix=True, negated=negated)
    if not re.fullmatch(r"[0-9]{1,3}", value):
        raise ValueError(f"{value[:64]!r} is no {name}; write a number such as 401")
    return Term(str(int(value)), negated=negated)


def _text_term(value: str, *, negated: bool) -> Term:
    if len(value) > VALUE_CHARS_MAX:
        raise ValueError(f"free text has {len(value)} characters; at most {VALUE_CHARS_MAX}")
    return Term(value, negated=negated)
