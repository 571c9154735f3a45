"""One TOML table to one rule: every key checked, every mistake told with line, value and hint."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from otel_eventlog.redaction import is_blocked_name
from otel_eventlog.request_facts import RPC_STATUS_NAMES, rpc_status
from otel_eventlog.rules import EVERY_ACTION, KINDS, Conclusion, OutcomeRule, Rule, When
from otel_eventlog.templates import parse_template

RULE_KEYS = (
    "name",
    "action",
    "drop",
    "kind",
    "method",
    "route",
    "host",
    "query",
    "scope",
    "rpc_service",
    "rpc_method",
    "attributes",
    "keep",
    "outcome",
)
OUTCOME_KEYS = ("when", "status", "error_type", "next_step")
WHEN_KEYS = (
    "status",
    "location",
    "content_type",
    "query",
    "attributes",
    "rpc_status",
    "exception",
)
_CONDITIONS = ("route", "host", "query", "scope", "rpc_service", "rpc_method", "attributes")
_ACTION = re.compile(r"[A-Z][A-Za-z0-9]{1,127}")
_IN_BRACKETS = re.compile(r"\{[^{}/]*\}|<[^<>/]*>")
_HALF_PLACEHOLDER = re.compile(r"[{<][^/]*|[^/]*[}>]")
_METHOD = re.compile(r"[A-Za-z]{3,16}")
_HTTP_STATUSES = range(100, 600)

Place = tuple[int, int | str | None]
"""Number of the [[rule]] (from 0), and of its [[rule.outcome]], or the name of a table in it."""


class Complaints:
    """Mistakes in one file, each with the line where it stands.

    Args:
        source: what messages call the file.
        text: the whole file.
        table: what the places are about: `rule` for [[rule]].

    """

    def __init__(self, source: str, text: str, table: str = "rule") -> None:
        """Find out on which line each table begins."""
        self.source = source
        self.found: list[tuple[int, str]] = []
        self._table = table
        self._lines = text.splitlines()
        self._tables = _table_lines(self._lines, table)
        self._ends = sorted(_all_table_lines(self._lines))
        self._names: dict[int, str] = {}

    def name(self, number: int, name: object) -> None:
        """Remember a rule's name, so that messages can say it."""
        if isinstance(name, str):
            self._names[number] = name

    def add(self, key: str, problem: str, place: Place | None = None) -> None:
        """Add a mistake in a key of a table (or in the table itself, with an empty key)."""
        line = self.line(key, place)
        where = f"{self.source}:{line}: "
        if place is not None:
            number, part = place
            where += f"{self._table} {number + 1}"
            if number in self._names:
                where += f" ({self._names[number]!r})"
            if isinstance(part, int):
                where += f", outcome {part + 1}"
            elif part is not None:
                where += f", {part}"
            where += ": "
        self.found.append((line, where + (f"`{key}` {problem}" if key else problem)))

    def in_order(self) -> list[str]:
        """Return the mistakes in the order of their lines."""
        return [text for _, text in sorted(self.found, key=lambda found: found[0])]

    def unknown_keys(
        self, table: Mapping[str, Any], known: Sequence[str], where: str, place: Place | None = None
    ) -> None:
        """Complain of every key that is not known, with the one that was probably meant."""
        for key in table:
            if key not in known:
                near = get_close_matches(key, known, n=1, cutoff=0.6)
                hint = f"did you mean `{near[0]}`?" if near else f"known are {', '.join(known)}"
                self.add(key, f"is not a key{where}; {hint}", place)

    def line(self, key: str, place: Place | None) -> int:
        """Return the line of a key in a table, or the table's own."""
        begin, end = 1, len(self._lines)
        if place is not None:
            number, part = place
            begin = self._tables.get((number, part if isinstance(part, int) else None), 1)
            end = next((line - 1 for line in self._ends if line > begin), end)
            if isinstance(part, str):
                header = rf"^\s*(\[\s*{self._table}\s*\.\s*{part}\s*\]|{part}\s*[=.])"
                begin = self._search(header, begin, end) or begin
        if not key:
            return begin
        quoted = rf"""["']?{re.escape(key)}["']?"""
        wanted = rf"""[{{,\s]?{quoted}\s*(=|\.)|^\s*\[\[?\s*{quoted}\s*\]"""
        return self._search(wanted, begin, end) or begin

    def _search(self, pattern: str, begin: int, end: int) -> int | None:
        wanted = re.compile(pattern)
        for number in range(begin, end + 1):
            if number <= len(self._lines) and wanted.search(self._lines[number - 1]):
                return number
        return None


_HEADER = re.compile(r"\s*\[\[\s*([\w.\s]+?)\s*\]\]")


def _all_table_lines(lines: Sequence[str]) -> dict[int, str]:
    """Return the names of [[tables]] by their lines."""
    found = ((number, _HEADER.match(line)) for number, line in enumerate(lines, 1))
    return {number: header[1].replace(" ", "") for number, header in found if header}


def _table_lines(lines: Sequence[str], table: str) -> dict[Place, int]:
    found: dict[Place, int] = {}
    rule, outcome = -1, -1
    for number, name in _all_table_lines(lines).items():
        if name == table:
            rule, outcome = rule + 1, -1
            found[rule, None] = number
        elif name == f"{table}.outcome":
            outcome += 1
            found[rule, outcome] = number
    return found or _inline_lines(lines)


def _inline_lines(lines: Sequence[str]) -> dict[Place, int]:
    """Return where tables begin that are written `rule = [ {…}, {…} ]`, one a line as in packs."""
    begins = (number for number, line in enumerate(lines, 1) if line.lstrip().startswith("{"))
    return {(rule, None): number for rule, number in enumerate(begins)}


def rule_from(
    table: Mapping[str, Any],
    outcomes: Sequence[OutcomeRule],
    complaints: Complaints,
    number: int,
) -> Iterator[Rule]:
    """Yield the rule of one table, once for each of its routes; complain of what is wrong."""
    place = (number, None)
    complaints.name(number, table.get("name"))
    complaints.unknown_keys(table, RULE_KEYS, " of a rule", place)
    read = TableReader(table, complaints, place)
    name = read.text("name") or ""
    if not name and "name" not in table:
        complaints.add("", 'has no `name`; give it one, such as name = "login"', place)
    drop = read.truth("drop")
    action = _action(table, read, complaints, place, drop=drop)
    kind = read.choice("kind", tuple(KINDS), "server")
    routes: Sequence[str | None] = read.texts("route") or (None,)
    for route in routes:
        _check_route(route, complaints, place)
    if not any(key in table for key in _CONDITIONS):
        complaints.add("", 'matches every span; add a `route`, such as route = "/login"', place)
    for kept in read.texts("keep"):
        if is_blocked_name(kept):
            complaints.add("keep", f"names {kept!r}, which may hold a secret; leave it out", place)
    for route in routes:
        yield Rule(
            name=name,
            action=action,
            drop=drop,
            kind=kind,
            methods=_methods(read, complaints, place),
            route=route,
            host=tuple(host.lower() for host in read.texts("host")),
            query=read.texts("query"),
            scope=read.texts("scope"),
            rpc_service=read.text("rpc_service"),
            rpc_method=read.text("rpc_method"),
            attributes=read.scalars("attributes"),
            keep=read.texts("keep"),
            outcomes=tuple(outcomes),
            source=complaints.source,
            line=complaints.line("", place),
        )


def keep_from(table: object, complaints: Complaints) -> dict[str, tuple[str, ...]]:
    """Return the attributes that a file's `[keep]` table allows, by action."""
    if not isinstance(table, dict):
        hint = 'must be written [keep], with lines such as PasswordsAuthenticate = ["app.tenant"]'
        complaints.add("keep", hint)
        return {}
    keep: dict[str, tuple[str, ...]] = {}
    for action, written in table.items():
        names = written if isinstance(written, list) else [written]
        if action != EVERY_ACTION and not _ACTION.fullmatch(action):
            hint = f'is no action; write one in CamelCase, or "{EVERY_ACTION}" for all of them'
            complaints.add(action, hint)
        elif not all(isinstance(name, str) and name for name in names):
            hint = f'is {written!r}; it takes names of attributes, such as ["app.tenant"]'
            complaints.add(action, hint)
        else:
            keep[action] = tuple(names)
            for name in filter(is_blocked_name, names):
                complaints.add(action, f"names {name!r}, which may hold a secret; leave it out")
    return keep


def _action(
    table: Mapping[str, Any], read: TableReader, complaints: Complaints, place: Place, *, drop: bool
) -> str:
    if drop:
        if "action" in table:
            complaints.add("action", "and `drop` exclude each other; keep one of them", place)
        return ""
    action = read.text("action")
    if action is None:
        if "action" not in table:
            hint = 'has no `action`; add one, such as action = "PasswordsAuthenticate"'
            complaints.add("", hint, place)
        return ""
    if not _ACTION.fullmatch(action):
        hint = 'write it in CamelCase, letters and digits only, such as "PasswordsAuthenticate"'
        complaints.add("action", f"is {action!r}; {hint}", place)
    return action


def _check_route(route: str | None, complaints: Complaints, place: Place) -> None:
    if route is None:
        return
    if "?" in route and "(?P<" not in route:
        hint = f'write route = "{route.partition("?")[0]}" and the parameter into `query`'
        complaints.add("route", f"is {route!r}, with a query string; {hint}", place)
    elif "://" in route:
        complaints.add("route", f"is {route!r}, a URL; put its host into `host`", place)
    elif (half := _HALF_PLACEHOLDER.search(_IN_BRACKETS.sub("x", route))) and "(" not in route:
        end = "closed" if half[0][0] in "{<" else "opened"
        complaints.add(
            "route", f"is {route!r}; {half[0]!r} is a placeholder that is not {end}", place
        )
    else:
        try:
            parse_template(route)
        except ValueError as error:
            complaints.add("route", f"is wrong: {error}", place)


def _methods(read: TableReader, complaints: Complaints, place: Place) -> frozenset[str]:
    methods = read.texts("method")
    for method in methods:
        if not _METHOD.fullmatch(method):
            complaints.add("method", f'has {method!r}; write HTTP methods, such as "POST"', place)
    return frozenset(method.upper() for method in methods)


def outcome_from(table: object, complaints: Complaints, place: Place) -> OutcomeRule | None:
    """Return the condition of one [[rule.outcome]]; complain of what is wrong."""
    if not isinstance(table, dict):
        complaints.add("", "must be written [[rule.outcome]]", place)
        return None
    complaints.unknown_keys(table, OUTCOME_KEYS, " of an outcome", place)
    read = TableReader(table, complaints, place)
    if "status" not in table:
        complaints.add("", 'has no `status`; write "success", "error" or "none"', place)
    status = Conclusion(read.choice("status", tuple(Conclusion), Conclusion.ERROR))
    when = table.get("when", {})
    if not isinstance(when, dict):
        complaints.add("when", "must be a table, such as when = { status = [200] }", place)
        when = {}
    return OutcomeRule(
        _when(when, complaints, place), status, read.text("error_type"), read.text("next_step")
    )


def _when(table: Mapping[str, Any], complaints: Complaints, place: Place) -> When:
    complaints.unknown_keys(table, WHEN_KEYS, " of `when`", place)
    read = TableReader(table, complaints, place)
    statuses = []
    for status in read.items("status"):
        if isinstance(status, int) and status is not True and status in _HTTP_STATUSES:
            statuses.append(status)
        else:
            hint = "HTTP status codes are 100 to 599"
            if isinstance(status, str):
                hint += ", written without quotes"
            complaints.add("status", f"has {status!r}; {hint}", place)
    codes = [rpc_status(code) for code in read.items("rpc_status")]
    if None in codes or any(code not in range(len(RPC_STATUS_NAMES)) for code in codes):
        hint = 'takes codes 0 to 16 or names such as "UNAUTHENTICATED"'
        complaints.add("rpc_status", hint, place)
    exception = table.get("exception")
    if isinstance(exception, (str, list)):
        exception = read.texts("exception")
    elif exception is not None and not isinstance(exception, bool):
        complaints.add("exception", "takes true, false or names of exception types", place)
    return When(
        status=frozenset(statuses),
        location=read.texts("location"),
        content_type=tuple(text.lower() for text in read.texts("content_type")),
        query=read.texts("query"),
        attributes=read.scalars("attributes"),
        rpc_status=frozenset(code for code in codes if code is not None),
        exception=exception,
    )


class TableReader:
    """Typed look-ups in one table; a value of a wrong type is a mistake and reads as absent."""

    def __init__(
        self, table: Mapping[str, Any], complaints: Complaints, place: Place | None
    ) -> None:
        self.place = place
        self._table = table
        self._complaints = complaints

    def text(self, key: str) -> str | None:
        """Return a text, None for none."""
        value = self._table.get(key)
        if value is None:
            return None
        if not isinstance(value, str) or not value:
            self._wrong(key, value, "a text in quotes")
            return None
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts; one text stands for a list of one."""
        values = self.items(key)
        if not all(isinstance(value, str) and value for value in values):
            self._wrong(key, self._table[key], "a text in quotes, or a list of them")
            return ()
        return tuple(values)

    def items(self, key: str) -> tuple[Any, ...]:
        """Return a list of anything; one value stands for a list of one."""
        value = self._table.get(key)
        if value is None:
            return ()
        return tuple(value) if isinstance(value, list) else (value,)

    def truth(self, key: str) -> bool:
        """Return true or false, false for none."""
        value = self._table.get(key, False)
        if not isinstance(value, bool):
            self._wrong(key, value, "true or false")
            return False
        return value

    def choice(self, key: str, choices: Sequence[str], default: str) -> str:
        """Return one of the choices."""
        value = self._table.get(key, default)
        if value not in choices:
            near = get_close_matches(str(value), [str(choice) for choice in choices], n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"choose from {', '.join(choices)}"
            self._complaints.add(key, f"is {value!r}; {hint}", self.place)
            return default
        return str(value)

    def scalars(self, key: str) -> dict[str, Any]:
        """Return a table of texts, numbers and booleans."""
        value = self._table.get(key, {})
        if not isinstance(value, dict) or not all(
            isinstance(item, (str, int, float, bool)) for item in value.values()
        ):
            self._wrong(key, value, 'a table, such as { "auth.result" = "denied" }')
            return {}
        return dict(value)

    def _wrong(self, key: str, value: object, wanted: str) -> None:
        self._complaints.add(key, f"is {value!r}; it takes {wanted}", self.place)
