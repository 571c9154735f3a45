"""The rules of one span kind, filed by what a span shows first, so that most need not be asked.

`glance` tells by the route, whose answer is remembered, or by the called host; the usual span,
which no rule wants, ends there. `find` follows a span's own segments through a trie, and asks
dictionaries for its RPC, its attributes and its query parameters. Neither costs more with many
rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from otel_eventlog import semconv
from otel_eventlog.model import AttributeValue
from otel_eventlog.request_facts import (
    first_segment,
    first_text,
    host,
    path,
    query_names,
    value_text,
)
from otel_eventlog.rulefit import fits_late, fits_scope, fits_settled, rpc_key, takes_method
from otel_eventlog.rules import Match, Rule
from otel_eventlog.templates import (
    TemplateTrie,
    is_mount_prefix,
    parse_template,
    route_pattern,
    split_path,
    split_route,
)

MEMO_ROUTES_MAX = 4096
"""Routes come from the application's URL map: there are few. A full memory starts over."""
MEMO_METHODS_MAX = 16
"""Methods of one route."""
MEMO_HOSTS_MAX = 4096
"""Hosts that an application calls; likewise."""
MEMO_TEXT_CHARS_MAX = 256
"""Longer routes and hosts are judged anew each time."""

_URL_CHARS_MIN = len("http://a")

Attributes = Mapping[str, AttributeValue]
_FitsPath = Callable[[str], object]


class Later:
    """Marker: no rule fits yet, but one may by the end of the span."""


LATER = Later()


class Untold:
    """Marker: not to be told at a glance."""


UNTOLD = Untold()


@dataclass(frozen=True, slots=True)
class Entry:
    """A rule in its place.

    Attributes:
        priority: its place in the order of all rules, 0 is asked first.
        rule: the rule.
        match: what a span is that it fits; None where the rule says that it is no auth call.
        is_plain: nothing but kind, method and route have to fit.
        is_late: it asks for what a span may show, or be told, only after its start.

    """

    priority: int
    rule: Rule
    match: Match | None
    is_plain: bool
    is_late: bool

    @classmethod
    def of(cls, priority: int, rule: Rule) -> Entry:
        """Return a rule's entry."""
        is_late = bool(rule.scope or rule.attributes or rule.query)
        asks_rpc = rule.rpc_service is not None or rule.rpc_method is not None
        is_plain = not (is_late or rule.host or asks_rpc)
        match = None if rule.drop else Match(rule.action, rule)
        return cls(priority, rule, match, is_plain, is_late)


Entries = Sequence[Entry]
Glance = Callable[[Attributes], Entry | Later | Untold | None]


class _Route:
    """What is remembered of one route.

    Attributes:
        fits: tells whether a path is just what the route describes, and no path of that kind can
            fit any rule; None where some can.
        by_method: for a path that equals the route, the entry that takes it, None if none does,
            or UNTOLD where more than the method has to be looked at.

    """

    __slots__ = ("by_method", "fits")

    def __init__(self, fits: _FitsPath | None) -> None:
        self.fits = fits
        self.by_method: dict[str | None, Entry | Untold | None] = {}


def _by_priority(entry: Entry) -> int:
    return entry.priority


class RuleIndex:
    """The rules of one span kind. Thread-safe: what it remembers it could find again."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        """File the rules."""
        all_entries = list(entries)
        self._free = _Filing([entry for entry in all_entries if not entry.rule.host])
        self._bound = _Filing([entry for entry in all_entries if entry.rule.host])
        self._globs = frozenset(glob for entry in all_entries for glob in entry.rule.host)
        # Copies of what never changes: a glance is what every span of an application costs.
        self._has_free, self._has_bound = not self._free.is_empty, not self._bound.is_empty
        self._has_loose, self._is_loose_anyway = self._free.has_loose, self._free.is_loose_anyway
        self._asked_loosely = self._free.asked_attributes
        self._routes: dict[str, _Route] = {}
        self._hosts: dict[str, bool] = {}
        self._origins: dict[str, bool] = {}

    def glance(self, attributes: Attributes) -> Entry | Later | Untold | None:  # noqa: C901, PLR0911 - the hot path: each is a way out
        """Return the rule that fits, None if no rule does, or UNTOLD if one has to look closer."""
        try:
            if not self._has_free:
                return UNTOLD if self._is_bound_host(attributes) else None
            if self._has_loose and (
                self._is_loose_anyway
                or "rpc.method" in attributes
                or (self._asked_loosely and not self._asked_loosely.isdisjoint(attributes))
            ):
                return UNTOLD
            route: Any = attributes.get("http.route")
            if not route:
                return None if self._is_elsewhere(attributes) else UNTOLD
            if self._has_bound and self._is_bound_host(attributes):
                return UNTOLD
            known = self._routes.get(route) or self._learn(route)
            # The path may say more than the route, where an application is mounted.
            where: Any = attributes.get("url.path")
            if where is None:
                where = attributes.get("http.target")
                if "?" in where:
                    where = where.partition("?")[0]
            if known.fits is not None:
                return None if where == route or known.fits(where) else UNTOLD
            if where != route:
                return UNTOLD
            method: Any = attributes.get("http.request.method") or attributes.get("http.method")
            if method in known.by_method:
                return known.by_method[method]
            return self._learn_method(known, route, method)
        except (TypeError, AttributeError):  # a route, path or method that is no text
            return UNTOLD

    def find(self, attributes: Attributes, scope_name: str | None) -> Entry | Later | None:
        """Return the first rule that fits, LATER if one may fit at the end, or None.

        Args:
            attributes: the span's attributes, as far as they are known.
            scope_name: name of the instrumentation scope; None if it is not known yet.

        """
        method = attributes.get("http.request.method") or attributes.get("http.method")
        if method is not None and type(method) is not str:
            method = first_text(attributes, semconv.HTTP_METHOD)
        found = self._free.candidates(attributes, method, scope_name)
        if not self._bound.is_empty and self._is_bound_host(attributes):
            bound = self._bound.candidates(attributes, method, scope_name)
            found = _merged(found, bound)
        is_late = asks_scope = False
        for entry in found:
            if not entry.is_plain and not fits_settled(entry.rule, attributes):
                continue
            fits = not entry.is_late or fits_late(entry.rule, attributes, scope_name)
            if fits is True:
                # Not before those in front of it are asked again, by who knows the scope.
                return LATER if asks_scope else entry
            if fits is None:
                asks_scope = asks_scope or (scope_name is None and bool(entry.rule.scope))
                # A dropping rule that asks for more than is known yet hides nothing behind it.
                is_late = is_late or not entry.rule.drop
        return LATER if is_late else None

    def _is_elsewhere(self, attributes: Attributes) -> bool:
        """Whether no rule is about the called host, nor about paths that begin like this one."""
        url: Any = attributes.get("url.full") or attributes.get("http.url")
        if url is None or "url.path" in attributes or "http.target" in attributes:
            return self._free.begins_otherwise(attributes) and not self._is_bound_host(attributes)
        # An outgoing call: host and first segment together are few, and remembered. What is before
        # the path is no shorter than `http://a`.
        end = url.find("/", url.find("/", _URL_CHARS_MIN) + 1)
        origin = url if end < 0 else url[:end]
        if "?" in origin:
            origin = origin.partition("?")[0]
        known = self._origins.get(origin)
        if known is None:
            known = self._free.begins_otherwise(attributes) and not self._is_bound_host(attributes)
            if len(origin) <= MEMO_TEXT_CHARS_MAX:
                if len(self._origins) >= MEMO_HOSTS_MAX:
                    self._origins.clear()
                self._origins[origin] = known
        return known

    def _learn(self, route: str) -> _Route:
        """Find out, once, whether a rule can want a route, whatever its placeholders hold."""
        if type(route) is not str:
            raise TypeError
        known = _Route(None if self._free.may_want(route) else route_pattern(route))
        if len(route) <= MEMO_TEXT_CHARS_MAX:
            if len(self._routes) >= MEMO_ROUTES_MAX:
                self._routes.clear()
            self._routes[route] = known
        return known

    def _learn_method(self, known: _Route, route: str, method: Any) -> Entry | Untold | None:
        if type(method) is not str or len(known.by_method) >= MEMO_METHODS_MAX:
            return UNTOLD
        found = self._free.of_route(method, route)
        told = UNTOLD if found and not found[0].is_plain else found[0] if found else None
        known.by_method[method] = told
        return told

    def _is_bound_host(self, attributes: Attributes) -> bool:
        """Whether any rule is about the host that is called."""
        url: Any = attributes.get("url.full") or attributes.get("http.url")
        if type(url) is str and (begin := url.find("://")) >= 0:
            end = url.find("/", begin + 3)
            name = url[begin + 3 : end] if end >= 0 else url[begin + 3 :]
            if "@" in name:  # a password is nothing to remember
                name = name.rpartition("@")[2]
        elif url and type(url) is not str:
            return self._is_asked_for(host(attributes))
        else:
            name = first_text(attributes, semconv.SERVER_ADDRESS) or ""
        known = self._hosts.get(name)
        if known is None:
            known = self._is_asked_for(host(attributes))
            if len(name) <= MEMO_TEXT_CHARS_MAX:
                if len(self._hosts) >= MEMO_HOSTS_MAX:
                    self._hosts.clear()
                self._hosts[name] = known
        return known

    def _is_asked_for(self, name: str | None) -> bool:
        return name is not None and any(fnmatchcase(name, glob) for glob in self._globs)


class _Filing:
    """Rules by route, by RPC, and by what else they ask for."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.is_empty = not entries
        self._templates: TemplateTrie[Entry] = TemplateTrie()
        self._rpc: dict[tuple[str | None, str | None], list[Entry]] = {}
        self._by_attribute: dict[str, dict[str | None, list[Entry]]] = {}
        self._by_query: dict[str, list[Entry]] = {}
        self._others: list[Entry] = []
        for entry in entries:
            self._file(entry)
        self._begins = self._templates.begins()
        self.is_loose_anyway = bool(self._others or self._by_query)
        """Whether a rule without a route may fit whatever attributes there are."""
        self.asked_attributes = frozenset(self._by_attribute)
        """The first attribute that each rule without a route or RPC asks for."""
        self.has_loose = bool(self._rpc or self._by_attribute or self._by_query or self._others)

    def _file(self, entry: Entry) -> None:
        rule = entry.rule
        if rule.route is not None:
            self._templates.add(parse_template(rule.route), entry)
        elif rule.rpc_service is not None or rule.rpc_method is not None:
            self._rpc.setdefault((rule.rpc_service, rule.rpc_method), []).append(entry)
        elif rule.attributes:
            key, wanted = next(iter(rule.attributes.items()))
            text = None if wanted is True else value_text(wanted)
            self._by_attribute.setdefault(key, {}).setdefault(text, []).append(entry)
        elif rule.query:
            self._by_query.setdefault(rule.query[0], []).append(entry)
        else:
            self._others.append(entry)

    def may_want(self, route: str) -> bool:
        """Whether a rule's template fits some path that a route describes."""
        return self._templates.may_fit(split_route(route))

    def begins_otherwise(self, attributes: Attributes) -> bool:
        """Whether the path begins with a segment with which no template begins, at a glance."""
        first = first_segment(attributes)
        return first is not None and self._begins is not None and first not in self._begins

    def candidates(
        self, attributes: Attributes, method: str | None, scope_name: str | None
    ) -> Entries:
        """Return the rules whose route, RPC or first condition fits, in the order to ask them."""
        found = self._of_request(attributes, method)
        if self.has_loose:
            loose = [
                entry
                for entry in self._loose(attributes, scope_name)
                if takes_method(entry.rule, method)
            ]
            if loose:
                found = _merged(found, loose)
        return found

    def _of_request(self, attributes: Attributes, method: str | None) -> Entries:
        route, where = attributes.get("http.route"), path(attributes)
        if not isinstance(route, str) or not route:
            return () if where is None else self._of_path(method, where)
        found = self.of_route(method, route)
        if where is None or where == route:
            return found
        if found and is_mount_prefix(route, where):
            found = ()
        return _merged(found, self._of_path(method, where))

    def of_route(self, method: str | None, route: str) -> Entries:
        """Return the rules that take a method and whose template fits a route, in order."""
        return self._look_up(method, split_route(route))

    def _of_path(self, method: str | None, where: str) -> Entries:
        return self._look_up(method, split_path(where))

    def _look_up(self, method: str | None, segments: Sequence[str]) -> Entries:
        found = self._templates.find(segments)
        if not found:
            return ()
        kept = [entry for entry in found if takes_method(entry.rule, method)]
        kept.sort(key=_by_priority)
        return kept

    def _loose(self, attributes: Attributes, scope_name: str | None) -> list[Entry]:
        """Return the rules without a route whose first condition fits, in no order."""
        found: list[Entry] = []
        if self._rpc and (key := rpc_key(attributes)) is not None:
            service, method = key
            for known in ((service, method), (service, None), (None, method)):
                found += self._rpc.get(known, ())
        if self._by_attribute:
            # Whichever are fewer: the names that rules ask for, or those that the span has.
            fewer, more = sorted((self._by_attribute, attributes), key=len)
            for name in fewer:
                if name in more:
                    by_value, value = self._by_attribute[name], attributes[name]
                    found += by_value.get(value_text(value), ())
                    found += by_value.get(None, ())
        if self._by_query:
            for name in query_names(attributes):
                found += self._by_query.get(name, ())
        if self._others:
            found += [
                entry
                for entry in self._others
                if scope_name is None or fits_scope(entry.rule, scope_name)
            ]
        return found


def _merged(one: Entries, other: Entries) -> Entries:
    if not other:
        return one
    if not one:
        return other if len(other) == 1 else sorted(other, key=_by_priority)
    return sorted((*one, *other), key=_by_priority)
