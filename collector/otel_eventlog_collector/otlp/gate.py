"""One regular expression over encoded spans that finds whatever a rule may want.

Most spans of a busy application are no auth calls, and they must cost next to nothing. Of all that
a rule can ask for, at least one thing must stand in a span that it fits: a route or path that
begins as the rule's template does, a call of a host that it names, an RPC, an attribute. The
expression is made from the rules and looks for these among the raw bytes; a span in which it finds
nothing is no auth call, whatever its kind and scope.

It errs on one side only. It looks for what is suspicious, so a text that somebody made up can add
a finding and send its span the longer way, but never take one away. What is not encoded as every
encoder does it, not plain ASCII, or percent-encoded is suspicious as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from otel_eventlog.request_facts import WHERE
from otel_eventlog.rules import Rule
from otel_eventlog.templates import Segment, parse_template

_KEY_BYTES_MAX = 127
_HEAD = (
    rb"\x12(?:[\x00-\x7f]\n[\x00-\x7f]"
    rb"|[\x80-\xff][\x00-\x7f]\n(?:[\x00-\x7f]|[\x80-\xff][\x00-\x7f]))"
)
"""What stands between an attribute's name and its text of up to 16 KiB."""

_PLAIN = rb"(?=[A-Za-z0-9_.~-])"
"""How a segment begins that needs no closer look."""

_ENCODED = rb"[^/%]{0,64}+%"
"""A segment with a percent sign: decoded, it may be any."""

_Tree: TypeAlias = "dict[bytes | None, _Tree | None]"
"""Segments, None for any, → what may follow; None where a template ends."""


def suspicion(rules: Iterable[Rule]) -> re.Pattern[bytes] | None:
    """Return what finds all that some rule may want in encoded spans; None if nothing tells.

    Args:
        rules: all that will be asked.

    """
    anywhere: _Tree = {}
    on_any_host: _Tree = {}
    hosts: set[str] = set()
    names = {"eventlog.action"}
    for rule in rules:
        if rule.route is not None:
            segments = parse_template(rule.route).segments
            if not segments or not isinstance(segments[0], str) or not segments[0]:
                return None
            _plant(anywhere, segments)
            ends = [glob.removeprefix("*") for glob in rule.host]
            if ends and not any(not end or _WILDCARD.search(end) for end in ends):
                hosts.update(end.lower() for end in ends)
            else:
                _plant(on_any_host, segments)
        elif rule.rpc_service is not None or rule.rpc_method is not None:
            names.add("rpc.method")
        elif rule.attributes:
            names.add(next(iter(rule.attributes)))
        else:
            return None
    if any(len(name.encode()) > _KEY_BYTES_MAX for name in names):
        return None
    return _compiled(anywhere, on_any_host, hosts, names)


_WILDCARD = re.compile(r"[*?\[\]]")


def _compiled(
    anywhere: _Tree, on_any_host: _Tree, hosts: set[str], names: set[str]
) -> re.Pattern[bytes]:
    """Return the expression: what asks for a look, and what tells unless its text is harmless."""
    no_host = b"".join(rb"(?<!" + re.escape(host.encode()) + rb")" for host in sorted(hosts))
    url = rb"https?://[a-z0-9._-]++" + no_host + rb"(?::[0-9]++)?/" + _PLAIN
    path = _HEAD + rb"/?" + _PLAIN + rb"(?!" + _pattern(anywhere) + rb")"
    asked = [re.escape(name.encode()) for name in sorted(names)]
    parts = [
        *asked,
        rb"(?:http\.(?:route|target)|url\.path)(?!" + path + rb")",
        rb"http\.target(?!" + _HEAD + rb"/)",  # else it is a whole URL, or an authority
        rb"(?:url\.full|http\.url)(?!" + _HEAD + url + rb"(?!" + _pattern(on_any_host) + rb"))",
    ]
    # The set of lengths in front is for speed: few bytes behind a tag pass it.
    lengths = sorted({len(name.encode()) for name in (*names, *WHERE, "http.route")})
    one_of = b"".join(b"\\x%02x" % length for length in lengths)
    return re.compile(rb"\n[" + one_of + rb"](?:" + b"|".join(parts) + rb")")


def _plant(tree: _Tree, segments: Sequence[Segment]) -> None:
    """Add a template's segments; what lies below the end of another template is found with it."""
    for segment in segments[:-1]:
        branch = tree.setdefault(_segment(segment), {})
        if branch is None:
            return
        tree = branch
    tree[_segment(segments[-1])] = None


def _segment(segment: Segment) -> bytes | None:
    return segment.encode() if isinstance(segment, str) else None


def _pattern(tree: _Tree) -> bytes:
    """Return an expression that fits whatever begins as a template does."""
    literal = {}
    parts = [_ENCODED]
    for segment, below in tree.items():
        rest = b"" if below is None else rb"/" + _pattern(below)
        if segment is None:
            parts.append(rb"[^/]*+" + rest)
        else:
            literal[segment] = rest
    return rb"(?:" + b"|".join([*_by_first_byte(literal), *parts]) + rb")"


def _by_first_byte(rests: Mapping[bytes, bytes]) -> list[bytes]:
    """Return an alternative for each first byte of texts that are followed by their expression."""
    groups: dict[bytes, dict[bytes, bytes]] = {}
    found = []
    for text, rest in rests.items():
        if text:
            groups.setdefault(text[:1], {})[text[1:]] = rest
        else:
            found.append(rest)
    for first, those in groups.items():
        if len(those) == 1:
            ((text, rest),) = those.items()
            found.append(re.escape(first + text) + rest)
        else:
            found.append(re.escape(first) + rb"(?:" + b"|".join(_by_first_byte(those)) + rb")")
    return found
