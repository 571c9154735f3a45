"""Rules as data: which span is which action, and what its outcome was.

Rule files become `Rule`s in `rulefile.py`, many of them are compiled into a `RuleSet` in
`ruleset.py`, their outcome conditions are judged in `outcome.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from otel_eventlog.model import AttributeValue, SpanKind

KINDS: Mapping[str, frozenset[int]] = {
    "server": frozenset({SpanKind.SERVER, SpanKind.CONSUMER}),
    "client": frozenset({SpanKind.CLIENT, SpanKind.PRODUCER}),
    "internal": frozenset({SpanKind.INTERNAL}),
    "any": frozenset(SpanKind),
}
"""The words a rule may use for `kind`, and the span kinds that they mean."""


EVERY_ACTION = "*"
"""The key of a `[keep]` table that stands for all actions."""


class Conclusion(StrEnum):
    """What a rule's own condition may conclude."""

    SUCCESS = "success"
    ERROR = "error"
    NONE = "none"
    """Nothing was attempted: no event log."""


@dataclass(frozen=True, slots=True)
class When:
    """Condition on a finished span; every part given must hold, an empty one always holds.

    Attributes:
        status: HTTP status codes, one of which must be the span's.
        location: glob patterns for the captured `Location` response header; each is tried on the
            whole value and on its path alone.
        content_type: prefixes of the captured content type, without parameters.
        query: names of query parameters, or `name=value`, all of which must be in the request.
        attributes: attribute equals value (compared as text).
        rpc_status: gRPC codes, as number or name.
        exception: True = an exception event is there, False = none is, or the exception types,
            one of which must be there.

    """

    status: frozenset[int] = frozenset()
    location: tuple[str, ...] = ()
    content_type: tuple[str, ...] = ()
    query: tuple[str, ...] = ()
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)
    rpc_status: frozenset[int] = frozenset()
    exception: bool | tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class OutcomeRule:
    """One `[[rule.outcome]]`: a condition and what it concludes."""

    when: When
    status: Conclusion
    error_type: str | None = None
    next_step: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One `[[rule]]`: what a span must look like, and the action it then is.

    Attributes:
        name: unique in its file.
        action: CamelCase action; empty exactly when `drop`.
        drop: matches, and is no auth call: no later rule is asked.
        kind: a key of KINDS.
        methods: upper-case HTTP methods; empty = any but HEAD and OPTIONS.
        route: route template in any dialect, or a path; None for rpc and attribute-only rules.
        host: glob patterns for the server's name (client rules: the called host), without port.
        query: query parameter names, or `name=value`, that must be present.
        scope: glob patterns for the instrumentation scope's name.
        attributes: attribute equals value; value True also stands for "is present".
        keep: span attributes that the event log carries in `attributes`.
        source: where it was written, for messages: file or pack name.
        line: on which line of it; 0 if unknown.

    """

    name: str
    action: str = ""
    drop: bool = False
    kind: str = "server"
    methods: frozenset[str] = frozenset()
    route: str | None = None
    host: tuple[str, ...] = ()
    query: tuple[str, ...] = ()
    scope: tuple[str, ...] = ()
    rpc_service: str | None = None
    rpc_method: str | None = None
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)
    keep: tuple[str, ...] = ()
    outcomes: Sequence[OutcomeRule] = ()
    source: str = ""
    line: int = field(default=0, compare=False)

    @property
    def holds_start(self) -> bool:
        """Whether the start waits for the end, because the rule may conclude "nothing attempted".

        Its requests stay invisible when the process dies in the middle of them.
        """
        return any(outcome.status is Conclusion.NONE for outcome in self.outcomes)


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """The rules of one file or one pack.

    `literal_first`: within packs the rule with more literal segments wins; within users' files
    the first one does. `keep`: span attributes that event logs of an action carry, whichever rule
    made them; EVERY_ACTION stands for all.
    """

    source: str
    rules: Sequence[Rule]
    literal_first: bool = False
    keep: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Match:
    """What a span was recognised as.

    Attributes:
        action: the action; what the span itself said, or else the rule's.
        rule: the rule that fits the span, for outcome conditions and kept attributes; None when
            only the span itself says that it is an auth call.
        holds_start: whether the start must wait for the end (see `Rule.holds_start`).

    """

    action: str
    rule: Rule | None
    holds_start: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        # Once here, because it is asked in every request.
        if self.rule is not None and self.rule.holds_start:
            object.__setattr__(self, "holds_start", True)
