"""Which rule takes a span, written again as slowly and plainly as possible.

Nothing of the engine is used: no trie, no index, no cache. A rule's route is turned into one list
of regular expressions, every rule is tried in turn, and every condition is asked of every rule.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from otel_eventlog.rules import Rule, RuleGroup

_KINDS = {"server": (2, 5), "client": (3, 4), "internal": (1,), "any": (0, 1, 2, 3, 4, 5)}
_REST = "the rest"
_DIALECTS = (
    (r"\{\w+:path\}|<path:\w+>|\*{1,2}", _REST),
    (r"\(\?P<\w+>[^)]*\)[*+]?|\{\w+(?::\w+)?\}|<(?:\w+:)?\w+>|^:\w+", ".+"),
)


def naive_match(
    groups: Sequence[RuleGroup], kind: int, attributes: Mapping[str, Any], scope: str
) -> Rule | None:
    """Return the first rule that fits; None for none, or if that one drops the span."""
    for group in groups:
        rules = (
            sorted(group.rules, key=_literals, reverse=True) if group.literal_first else group.rules
        )
        for rule in rules:
            if _fits(rule, kind, attributes, scope):
                return None if rule.drop else rule
    return None


def _literals(rule: Rule) -> tuple[int, list[int]]:
    if rule.route is None:
        return (-1, [])
    patterns = naive_template(rule.route)
    ranks = [0 if p in (".+", _REST) else 1 if ".+" in p else 2 for p in patterns]
    if patterns[-1:] == [_REST]:
        ranks.pop()
        return (ranks.count(2), ranks)
    return (ranks.count(2), [*ranks, 2])


@cache
def naive_template(text: str) -> list[str]:
    """Return one regular expression a segment; the last one may be _REST."""
    text = text.removeprefix("^").removesuffix("$") if text.startswith("^") else text
    segments = re.split(r"/(?![^(]*\))", text.strip("/"))
    return [_pattern(segment) for segment in segments]


def _pattern(segment: str) -> str:
    if re.fullmatch(_DIALECTS[0][0], segment):
        return _REST
    pieces = re.split(_DIALECTS[1][0], segment)
    if len(pieces) == 1:
        return re.escape(unquote(segment))
    return ".+".join(re.escape(piece) for piece in pieces)


def _fits_segments(patterns: Sequence[str], segments: Sequence[str]) -> bool:
    if patterns and patterns[-1] == _REST:
        patterns = patterns[:-1]
        segments = segments[: len(patterns)]
    return len(patterns) == len(segments) and all(
        re.fullmatch(pattern, segment, re.DOTALL)
        for pattern, segment in zip(patterns, segments, strict=True)
    )


def _fits(rule: Rule, kind: int, attributes: Mapping[str, Any], scope: str) -> bool:
    method = attributes.get("http.request.method", attributes.get("http.method"))
    return (
        kind in _KINDS[rule.kind]
        and (method in rule.methods if rule.methods else method not in ("HEAD", "OPTIONS"))
        and (not rule.host or any(fnmatchcase(_host(attributes), glob) for glob in rule.host))
        and (rule.route is None or _fits_route(rule.route, attributes))
        and (not rule.scope or any(fnmatchcase(scope, glob) for glob in rule.scope))
        and all(name in _query_names(attributes) for name in rule.query)
        and all(str(attributes.get(key)) == str(value) for key, value in rule.attributes.items())
        and rule.rpc_service in (None, attributes.get("rpc.service"))
        and rule.rpc_method in (None, attributes.get("rpc.method"))
    )


def _query_names(attributes: Mapping[str, Any]) -> set[str]:
    return {name for name, _ in parse_qsl(_query(attributes), keep_blank_values=True)}


def _fits_route(template: str, attributes: Mapping[str, Any]) -> bool:
    patterns = naive_template(template)
    route, path = attributes.get("http.route"), _path(attributes)
    segments = None
    if path is not None:
        segments = [unquote(part) for part in path.strip("/").split("/")]
        if path != route and _fits_segments(patterns, segments):
            return True
    if not route:
        return segments is not None and _fits_segments(patterns, segments)
    if path is not None and path != route and _is_only_a_mount(route, segments or []):
        return False
    return _fits_segments(patterns, route.strip("/").split("/"))


def _is_only_a_mount(route: str, segments: list[str]) -> bool:
    """The route describes the path's beginning, neither the whole of it nor its end.

    A segment that begins with a placeholder is taken to fit any other.
    """
    parts = route.strip("/").split("/")
    count = len(parts)
    if naive_template(route)[-1] == _REST or count >= len(segments):
        return False
    return _fits_loosely(parts, segments[:count]) and not _fits_loosely(parts, segments[-count:])


def _fits_loosely(parts: list[str], segments: list[str]) -> bool:
    return all(
        part == segment or part.startswith(("{", "<", ":", "("))
        for part, segment in zip(parts, segments, strict=True)
    )


def _url(attributes: Mapping[str, Any]) -> str:
    for name in ("url.full", "http.url", "http.target"):
        if name in attributes:
            return str(attributes[name])
    return ""


def _path(attributes: Mapping[str, Any]) -> str | None:
    if "url.path" in attributes:
        return str(attributes["url.path"])
    return urlsplit(_url(attributes)).path or None


def _query(attributes: Mapping[str, Any]) -> str:
    return str(attributes.get("url.query", urlsplit(_url(attributes)).query))


def _host(attributes: Mapping[str, Any]) -> str:
    return urlsplit(_url(attributes)).hostname or str(attributes.get("server.address", ""))
