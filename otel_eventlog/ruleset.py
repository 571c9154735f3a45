"""Many rules compiled into one `RuleSet`: which action a span is, in about a microsecond.

Order of rules (spec section 2): what the span itself says, the user's files as listed, vendor
packs, `common`; within a file the first match, within a pack more literal templates first.
The cost of a miss does not grow with the number of rules: templates live in a trie per span kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from otel_eventlog import semconv
from otel_eventlog.limits import IDENTIFIER_CHARS_MAX
from otel_eventlog.model import AttributeValue, SpanKind
from otel_eventlog.request_facts import first_text, host, path, query_names
from otel_eventlog.rules import KINDS, Rule, RuleGroup
from otel_eventlog.templates import TemplateTrie, parse_template, split_path, split_route

_NEVER_AN_ATTEMPT = frozenset({"HEAD", "OPTIONS"})
_ROUTE_CACHE_MAX = 4096
"""Routes come from the application's URL map: there are few. A full cache starts over."""


@dataclass(frozen=True, slots=True)
class Match:
    """What a span was recognised as.

    Attributes:
        action: the action; what the span itself said, or else the rule's.
        rule: the rule that fits the span, for outcome conditions and kept attributes; None when
            only the span itself says that it is an auth call.

    """

    action: str
    rule: Rule | None

    @property
    def holds_start(self) -> bool:
        """Whether the start must wait for the end (see `Rule.holds_start`)."""
        return self.rule is not None and self.rule.holds_start


@dataclass(frozen=True, slots=True)
class _Entry:
    priority: int
    rule: Rule
    match: Match


class RuleSet:
    """Compiled rules. Immutable to its users, thread-safe, pure and total."""

    def __init__(self, groups: Sequence[RuleGroup] = ()) -> None:
        """Compile groups of rules, given in order of precedence.

        Raises:
            ValueError: a route is no template.

        """
        self.groups = tuple(groups)
        self._indexes: dict[int, _Index] = {}
        for priority, rule in enumerate(_in_order(self.groups)):
            entry = _Entry(priority, rule, Match(rule.action, rule))
            for kind in KINDS[rule.kind]:
                self._indexes.setdefault(int(kind), _Index()).add(entry)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules in the order in which they are asked."""
        return tuple(_in_order(self.groups))

    def match(
        self, kind: int, attributes: Mapping[str, AttributeValue], scope_name: str
    ) -> Match | None:
        """Return what a span is, or None if it is no auth call.

        Args:
            kind: span kind, numbered as in OTLP.
            attributes: the span's attributes, as far as they are known yet.
            scope_name: name of the instrumentation scope.

        """
        index = self._indexes.get(kind)
        own_action = attributes.get(semconv.EVENTLOG_ACTION)
        if index is None:
            if own_action is None:
                return None
            entry = None
        else:
            entry = index.find(attributes, scope_name)
            if entry is None and own_action is None:
                return None
        if attributes.get(semconv.EVENTLOG_DROP) is True:
            return None
        if isinstance(own_action, str) and own_action:
            rule = None if entry is None or entry.rule.drop else entry.rule
            return Match(own_action[:IDENTIFIER_CHARS_MAX], rule)
        return None if entry is None or entry.rule.drop else entry.match

    def undecidable(self, kind: int, attributes: Mapping[str, AttributeValue]) -> bool:
        """Whether a starting span tells too little yet to judge it (Django, Express).

        Such a server span must be recorded and judged at its end.
        """
        return (
            kind == SpanKind.SERVER
            and kind in self._indexes
            and not any(name in attributes for name in _TELLING)
        )


_TELLING = (
    *semconv.HTTP_ROUTE,
    *semconv.URL_PATH,
    *semconv.HTTP_TARGET,
    *semconv.URL_FULL,
    *semconv.RPC_SYSTEM,
)


def _in_order(groups: Iterable[RuleGroup]) -> list[Rule]:
    ordered: list[Rule] = []
    for group in groups:
        rules = list(group.rules)
        if group.literal_first:
            rules.sort(key=_specificity, reverse=True)
        ordered += rules
    return ordered


def _specificity(rule: Rule) -> tuple[int, tuple[int, ...]]:
    return (-1, ()) if rule.route is None else parse_template(rule.route).specificity


class _Index:
    """The rules of one span kind, filed by what a span shows first."""

    def __init__(self) -> None:
        self._templates: TemplateTrie[_Entry] = TemplateTrie()
        self._rpc: dict[tuple[str | None, str | None], list[_Entry]] = {}
        self._loose: list[_Entry] = []
        self._by_route: dict[str, list[_Entry]] = {}

    def add(self, entry: _Entry) -> None:
        rule = entry.rule
        if rule.route is not None:
            self._templates.add(parse_template(rule.route), entry)
        elif rule.rpc_service is not None or rule.rpc_method is not None:
            self._rpc.setdefault((rule.rpc_service, rule.rpc_method), []).append(entry)
        else:
            self._loose.append(entry)

    def find(self, attributes: Mapping[str, AttributeValue], scope_name: str) -> _Entry | None:
        found = self._candidates(attributes)
        if not found:
            return None
        found.sort(key=_priority)
        for entry in found:
            if _fits(entry.rule, attributes, scope_name):
                return entry
        return None

    def _candidates(self, attributes: Mapping[str, AttributeValue]) -> list[_Entry]:
        found: list[_Entry] = []
        route = attributes.get("http.route")
        where = path(attributes)
        if isinstance(route, str) and route:
            found = list(self._of_route(route))
            if where is not None and where != route:
                if found and _is_mount_prefix(route, where):
                    found = []
                found += self._templates.find(split_path(where))
        elif where is not None:
            found = self._templates.find(split_path(where))
        if self._rpc and (key := _rpc_key(attributes)) is not None:
            service, method = key
            for known in ((service, method), (service, None), (None, method)):
                found += self._rpc.get(known, ())
        if self._loose:
            found += self._loose
        return found

    def _of_route(self, route: str) -> list[_Entry]:
        known = self._by_route.get(route)
        if known is None:
            if len(self._by_route) >= _ROUTE_CACHE_MAX:
                self._by_route.clear()
            known = self._by_route[route] = self._templates.find(split_route(route))
        return known


def _priority(entry: _Entry) -> int:
    return entry.priority


def _is_mount_prefix(route: str, where: str) -> bool:
    """Whether the route is only the beginning of the path: a sub-application's mount point.

    A route that is the end of the path instead lost its prefix (Flask under a dispatcher) and is
    as good as a whole one. Placeholders are taken to fit.
    """
    parts, segments = split_route(route), split_path(where)
    last = parts[-1]
    takes_the_rest = "*" in last or ("path" in last and last[:1] in "{<")
    if takes_the_rest or len(parts) >= len(segments):
        return False
    return _fits_segments(parts, segments[: len(parts)]) and not _fits_segments(
        parts, segments[-len(parts) :]
    )


def _fits_segments(parts: Sequence[str], segments: Sequence[str]) -> bool:
    return all(
        part == segment or part[:1] in "{<:(" for part, segment in zip(parts, segments, strict=True)
    )


def _rpc_key(attributes: Mapping[str, AttributeValue]) -> tuple[str, str] | None:
    """Service and method; newer conventions write both into `rpc.method` as `service/method`."""
    method = attributes.get("rpc.method")
    service = attributes.get("rpc.service")
    if not isinstance(method, str):
        return None
    if not isinstance(service, str):
        service, _, method = method.rpartition("/")
    return service, method


def _fits(rule: Rule, attributes: Mapping[str, AttributeValue], scope_name: str) -> bool:
    """Judge what the index did not: method, host, scope, query, attributes."""
    method = first_text(attributes, semconv.HTTP_METHOD)
    if rule.methods:
        if method not in rule.methods:
            return False
    elif method in _NEVER_AN_ATTEMPT:
        return False
    return (
        (not rule.scope or any(fnmatchcase(scope_name, glob) for glob in rule.scope))
        and (not rule.host or _fits_host(rule, attributes))
        and (rule.route is None or _fits_rpc(rule, attributes))
        and (not rule.query or query_names(attributes).issuperset(rule.query))
        and all(same_value(wanted, attributes.get(key)) for key, wanted in rule.attributes.items())
    )


def _fits_host(rule: Rule, attributes: Mapping[str, AttributeValue]) -> bool:
    name = host(attributes)
    return name is not None and any(fnmatchcase(name, glob) for glob in rule.host)


def _fits_rpc(rule: Rule, attributes: Mapping[str, AttributeValue]) -> bool:
    """Judge a rule's rpc conditions where its route was what filed it."""
    if rule.rpc_service is None and rule.rpc_method is None:
        return True
    service, method = _rpc_key(attributes) or (None, None)
    return rule.rpc_service in (None, service) and rule.rpc_method in (None, method)


def same_value(wanted: AttributeValue, actual: AttributeValue | None) -> bool:
    """Compare as text, so that `401` and `"401"` are one; a wanted True also means "is present"."""
    if actual is None:
        return False
    if wanted is True:
        return actual is not False
    return _text(wanted) == _text(actual)


def _text(value: AttributeValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
