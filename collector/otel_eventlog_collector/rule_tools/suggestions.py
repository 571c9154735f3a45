"""Rules that are probably missing, as TOML that a person reads and keeps. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from otel_eventlog.errors import RuleError
from otel_eventlog.rulefile import parse_rules
from otel_eventlog_collector.rule_tools.guesses import WRITES, Guess, guess
from otel_eventlog_collector.rule_tools.judgement import RuleBook
from otel_eventlog_collector.rule_tools.spans import short_span

_FORMS = frozenset({"PasswordsAuthenticate", "CreateUser", "PasswordsEmailReset"})
"""Actions that programs with pages answer with the page again, status 200, when they fail."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one route that an application serves, or that it calls elsewhere.

    Attributes:
        method: HTTP method; empty if the framework does not tell (Django's functions).
        route: template in any dialect.
        kind: `server` or `client`.
        host: of a client's call.
        seen: how many spans showed it; 0 if it comes from a list of routes.

    """

    method: str
    route: str
    kind: str = "server"
    host: str | None = None
    seen: int = 0


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A rule that is probably missing."""

    guess: Guess
    methods: tuple[str, ...]
    route: str
    kind: str
    host: str | None
    seen: int
    has_page: bool

    @property
    def name(self) -> str:
        """Name of the rule: what it is about."""
        where = f"{self.host or ''}{self.route if self.route[:1] == '/' else '/' + self.route}"
        return f"{' '.join(self.methods)} {where}"


@dataclass(frozen=True, slots=True)
class Suggestions:
    """What came of a search for missing rules.

    Attributes:
        missing: rules to add.
        covered: how many auth-looking endpoints have a rule already.
        looked_at: how many endpoints there were.
        unwritable: routes of which no rule can be made.

    """

    missing: tuple[Suggestion, ...]
    covered: int
    looked_at: int
    unwritable: tuple[str, ...]


def suggest_rules(endpoints: Iterable[Endpoint], book: RuleBook) -> Suggestions:
    """Return a rule for each endpoint that looks like authentication and has none."""
    counted: Counter[Endpoint] = Counter()
    for endpoint in endpoints:
        counted[replace(endpoint, seen=0)] += endpoint.seen
    pages = {each.route for each in counted if each.method == "GET"}
    found: dict[tuple[str, str | None, str, str], Suggestion] = {}
    covered = 0
    unwritable: list[str] = []
    for endpoint, seen in counted.items():
        guessed = _guess(endpoint)
        if guessed is None:
            continue
        methods, what = guessed
        if all(_is_covered(replace(endpoint, method=method), book) for method in methods):
            covered += 1
            continue
        one = Suggestion(
            guess=what,
            methods=methods,
            route=endpoint.route,
            kind=endpoint.kind,
            host=endpoint.host,
            seen=seen,
            has_page=endpoint.route in pages and what.action in _FORMS,
        )
        if not _is_writable(one):
            unwritable.append(endpoint.route)
            continue
        key = (one.kind, one.host, one.route, what.action)
        found[key] = _joined(found[key], one) if key in found else one
    missing = sorted(
        found.values(), key=lambda each: (each.kind != "server", each.route, each.name)
    )
    return Suggestions(tuple(missing), covered, len(counted), tuple(dict.fromkeys(unwritable)))


def _order(suggestion: Suggestion) -> tuple[bool, str, str]:
    return suggestion.kind != "server", suggestion.route, suggestion.name


def _guess(endpoint: Endpoint) -> tuple[tuple[str, ...], Guess] | None:
    """Return methods and guess; a method that is not told is one that attempts something."""
    for method in (endpoint.method,) if endpoint.method else ("POST", "GET"):
        what = guess(method, endpoint.route)
        if what is not None:
            return (method,), what
    return None


def _is_covered(endpoint: Endpoint, book: RuleBook) -> bool:
    """Ask as an instrumentation that knows the route, and as one that knows the path alone."""
    host = endpoint.host
    if endpoint.kind == "client":
        kinds = [short_span(kind="client", method=endpoint.method, path=endpoint.route, host=host)]
    else:
        path = endpoint.route if endpoint.route[:1] == "/" else "/" + endpoint.route
        kinds = [short_span(method=endpoint.method, route=endpoint.route, path=path)]
    return all(book.covers(span) for span in kinds)


def _is_writable(suggestion: Suggestion) -> bool:
    try:
        parse_rules("\n".join(_table(suggestion)), suggestion.route)
    except RuleError:
        return False
    return True


def _joined(one: Suggestion, other: Suggestion) -> Suggestion:
    methods = tuple(sorted({*one.methods, *other.methods}))
    has_page = one.has_page or other.has_page
    return replace(one, methods=methods, seen=one.seen + other.seen, has_page=has_page)


def toml(suggestions: Sequence[Suggestion]) -> str:
    """Return the suggested rules as a rule file."""
    tables = ["\n".join([*_comment(each), *_table(each)]) + "\n" for each in suggestions]
    return "\n".join(tables)


def _comment(suggestion: Suggestion) -> Iterator[str]:
    words = ", ".join(suggestion.guess.words)
    seen = f"; seen {suggestion.seen:,} times" if suggestion.seen > 1 else ""
    yield f"# Looks like authentication: {words}{seen}."
    if not suggestion.guess.is_known:
        yield "# No action of the catalogue fits; this name is made of the route."


def _table(suggestion: Suggestion) -> Iterator[str]:
    meaning = f"  # {suggestion.guess.meaning}" if suggestion.guess.meaning else ""
    yield "[[rule]]"
    yield f"name = {toml_text(suggestion.name)}"
    yield f"action = {toml_text(suggestion.guess.action)}{meaning}"
    if suggestion.kind != "server":
        yield f"kind = {toml_text(suggestion.kind)}"
    methods = [toml_text(method) for method in suggestion.methods]
    listed = ", ".join(methods)
    yield f"method = {listed}" if len(methods) == 1 else f"method = [{listed}]"
    yield f"route = {toml_text(suggestion.route)}"
    if suggestion.host is not None:
        yield f"host = {toml_text(suggestion.host)}"
    if suggestion.has_page and WRITES.intersection(suggestion.methods):
        yield "# The form's page has the same route. If it is shown again when this fails:"
        yield "# [[rule.outcome]]"
        yield '# when = { status = [200], content_type = "text/html" }'
        yield '# status = "error"'


def toml_text(text: str) -> str:
    """Return a text as TOML writes it."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def suggestion_json(suggestion: Suggestion) -> Mapping[str, object]:
    """Return a suggestion as an object for programs."""
    return {
        "name": suggestion.name,
        "action": suggestion.guess.action,
        "meaning": suggestion.guess.meaning or None,
        "kind": suggestion.kind,
        "method": list(suggestion.methods),
        "route": suggestion.route,
        "host": suggestion.host,
        "words": list(suggestion.guess.words),
        "seen": suggestion.seen,
        "toml": toml([suggestion]),
    }
