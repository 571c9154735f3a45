"""Route templates in any dialect, and a trie that finds which of them a route or path fits.

Dialects: `{x}` `{x:path}` (FastAPI, OpenAPI), `<x>` `<int:x>` `<path:x>` (Flask, Django), `:x`
(Express), `x:verb` (Google APIs), `accounts/^confirm/(?P<x>…)/$` (Django's re_path, on its own or
under an include). A leading and a trailing slash are optional in all of them.

A span's own `http.route` is looked up raw: its placeholders equal no literal, so they fit only
placeholders of a rule. A path is split before it is percent-decoded, so `%2F` stays in its segment.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Generic, TypeVar
from urllib.parse import unquote

T = TypeVar("T")

TEMPLATES_REMEMBERED_MAX = 4096
SEGMENTS_MAX = 32
"""Routes and paths are judged by their first 32 segments; no known auth route has more than ten."""

_PLACEHOLDER = re.compile(
    r"""\{[^{}/]*\}        # {x}, {x:path}
      | <[^<>/]*>          # <x>, <int:x>
      | \(\?P<[^)]*\)[*+]? # (?P<x>[^/]+)
      | (?<![^/]):[A-Za-z_][A-Za-z0-9_]*   # :x, only at the start of a segment
    """,
    re.VERBOSE,
)
_REGEX_GROUP = re.compile(r"\(\?P<[^)]*\)")
_REGEX_LITERAL = re.compile(r"\\([.-])")
_CATCH_ALL = re.compile(r"\{[^{}/]*:path\}|<path:[^<>/]*>|\*|\*\*|\{\*[^{}/]*\}|\{[^{}/]*\.\.\.\}")


_NOT_LITERAL = re.compile(r"[^\w.~!,;=@-]")
"""In a span's `http.route`: anything else may be the syntax of some framework."""
_MAY_HOLD_SLASHES = re.compile(r"path|\*|\.\.\.|\(|\\|\[|\^|\$")
_WHOLE_PLACEHOLDER = re.compile(
    r"\{[A-Za-z_]\w*\}|<(?:(?:int|string|uuid|float|slug|str):)?[A-Za-z_]\w*>|:[A-Za-z_]\w*"
)


class _Any:
    """Marker: a segment that is one placeholder and nothing else."""


ANY = _Any()
_LITERAL = 2
_RANKS: dict[type, int] = {str: _LITERAL, _Any: 0}
Segment = str | _Any | re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Template:
    """A rule's route, split. `catch_all`: any further segments may follow."""

    segments: tuple[Segment, ...]
    catch_all: bool

    @property
    def specificity(self) -> tuple[int, tuple[int, ...]]:
        """Orders the templates of a pack: the greater one is asked first.

        More literal segments come first; among as many, the one that is literal earlier from left
        to right, where `{x}:verb` stands between a literal and a bare placeholder.
        """
        ranks = tuple(_RANKS.get(type(segment), 1) for segment in self.segments)
        return ranks.count(_LITERAL), ranks if self.catch_all else (*ranks, _LITERAL)


def split_route(text: str) -> list[str]:
    """Split a route of any dialect into its segments, not decoded.

    Not at slashes inside a regular expression: Django joins `path("api/", include(…))` and
    `re_path("^users/(?P<x>[^/]+)/$")` to `api/^users/(?P<x>[^/]+)/$`.
    """
    if "^" in text or "(?P<" in text:
        return _split_regex(text)[: SEGMENTS_MAX + 1]
    return text.strip("/").split("/", SEGMENTS_MAX)


def split_path(path: str) -> list[str]:
    """Split a path (without query) into decoded segments."""
    segments = path.strip("/").split("/", SEGMENTS_MAX)
    if "%" in path:
        return [unquote(segment, errors="replace") for segment in segments]
    return segments


def is_mount_prefix(route: str, where: str) -> bool:
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


def route_pattern(route: str) -> Callable[[str], object] | None:
    """Return what tells whether a path is just what a span's `http.route` describes.

    None where that cannot be told for sure: for anything but literals and whole placeholders.
    """
    parts = route.strip("/").split("/")
    if len(parts) > SEGMENTS_MAX:
        return None
    written = []
    for part in parts:
        if _WHOLE_PLACEHOLDER.fullmatch(part):
            written.append("[^/]+")
        elif not _NOT_LITERAL.search(part):
            written.append(re.escape(part))
        else:
            return None
    return re.compile("/?" + "/".join(written) + "/?").fullmatch


def _split_regex(text: str) -> list[str]:
    """Split at slashes, except inside a group; drop the anchors that includes leave anywhere."""
    guarded = _REGEX_GROUP.sub(lambda group: group.group().replace("/", "\0"), text)
    segments = guarded.strip("/").removesuffix("/?$").split("/")
    bare = "/".join(segment.removeprefix("^").removesuffix("$") for segment in segments)
    return [
        _REGEX_LITERAL.sub(r"\1", segment).replace("\0", "/")
        for segment in bare.strip("/").split("/")
    ]


@lru_cache(TEMPLATES_REMEMBERED_MAX)
def parse_template(text: str) -> Template:
    """Compile a rule's route of any dialect; each is asked for several times at start-up.

    Raises:
        ValueError: more than SEGMENTS_MAX segments.

    """
    raw = _split_regex(text)
    if len(raw) > SEGMENTS_MAX:
        msg = f"route {text!r} has more than {SEGMENTS_MAX} segments"
        raise ValueError(msg)
    catch_all = bool(raw) and _CATCH_ALL.fullmatch(raw[-1]) is not None
    if catch_all:
        raw.pop()
    return Template(tuple(_segment(segment) for segment in raw), catch_all)


def _segment(text: str) -> Segment:
    parts = _PLACEHOLDER.split(text)
    if len(parts) == 1:
        return unquote(text)
    if not any(parts):
        return ANY
    return re.compile(".+".join(re.escape(part) for part in parts), re.DOTALL)


@dataclass(slots=True)
class _Node(Generic[T]):
    literals: dict[str, _Node[T]] = field(default_factory=dict)
    any: _Node[T] | None = None
    # Tuples, mostly the empty one: the garbage collector would have to visit thousands of lists.
    partial: tuple[tuple[re.Pattern[str], _Node[T]], ...] = ()
    here: tuple[T, ...] = ()
    below: tuple[T, ...] = ()


class TemplateTrie(Generic[T]):
    """Values filed under templates; a look-up visits each node at most once."""

    def __init__(self) -> None:
        """Start empty."""
        self._root: _Node[T] = _Node()

    def add(self, template: Template, value: T) -> None:
        """File a value under a template."""
        node = self._root
        for segment in template.segments:
            node = _child(node, segment)
        if template.catch_all:
            node.below += (value,)
        else:
            node.here += (value,)

    def begins(self) -> frozenset[str] | None:
        """Return the first segments of all templates; None if one of them begins with anything."""
        root = self._root
        if root.any is not None or root.partial or root.below:
            return None
        return frozenset(root.literals) | ({""} if root.here else frozenset())

    def find(self, segments: Sequence[str]) -> list[T]:
        """Return the values of all templates that fit, in no particular order."""
        found: list[T] = []
        depth_max = len(segments)
        waiting = [(self._root, 0)]
        while waiting:
            node, depth = waiting.pop()
            if node.below:
                found += node.below
            if depth == depth_max:
                found += node.here
                continue
            segment = segments[depth]
            depth += 1
            child = node.literals.get(segment)
            if child is not None:
                waiting.append((child, depth))
            for pattern, child in node.partial:
                if pattern.fullmatch(segment):
                    waiting.append((child, depth))
            if node.any is not None and segment:
                waiting.append((node.any, depth))
        return found

    def may_fit(self, route: Sequence[str]) -> bool:
        """Whether any template fits some path that a route describes.

        Args:
            route: a span's `http.route`, split; what is not plainly literal in it stands for
                anything.

        """
        waiting = [(self._root, 0)]
        while waiting:
            node, depth = waiting.pop()
            if node.below or (depth == len(route) and node.here):
                return True
            if depth == len(route):
                continue
            segment = route[depth]
            is_literal = not _NOT_LITERAL.search(segment)
            if _MAY_HOLD_SLASHES.search(segment) or depth == SEGMENTS_MAX:
                return True
            for literal, child in node.literals.items():
                if literal == segment or not is_literal:
                    waiting.append((child, depth + 1))
            for pattern, child in node.partial:
                if not is_literal or pattern.fullmatch(segment):
                    waiting.append((child, depth + 1))
            if node.any is not None:
                waiting.append((node.any, depth + 1))
        return False


def _child(node: _Node[T], segment: Segment) -> _Node[T]:
    if isinstance(segment, str):
        return node.literals.setdefault(segment, _Node())
    if isinstance(segment, re.Pattern):
        for pattern, child in node.partial:
            if pattern.pattern == segment.pattern:
                return child
        child = _Node[T]()
        node.partial += ((segment, child),)
        return child
    if node.any is None:
        node.any = _Node()
    return node.any
