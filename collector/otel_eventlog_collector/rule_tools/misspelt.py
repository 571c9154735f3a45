"""Actions of a rule file that look like one of the catalogue, misspelt. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from otel_eventlog.actions import catalogue
from otel_eventlog.rules import EVERY_ACTION, RuleGroup

_ALIKE = 0.92
"""One letter too many in `PasswordAuthenticate` is alike; `VaultOpen` is nothing like it."""


@dataclass(frozen=True, slots=True)
class Misspelt:
    """An action that nobody else knows, where it stands, and what was probably meant."""

    action: str
    meant: str
    where: str
    """The rule, or `[keep]`."""
    line: int | None = None


def misspelt(group: RuleGroup) -> tuple[Misspelt, ...]:
    """Return the actions that look misspelt, each once; names of one's own are no mistake."""
    known = tuple(catalogue())
    places = {rule.action: (f"rule {rule.name!r}", rule.line) for rule in reversed(group.rules)}
    kept = [action for action in group.keep if action not in places and action != EVERY_ACTION]
    asked = [*reversed(places.items()), *((action, ("[keep]", None)) for action in kept)]
    found = []
    for action, (where, line) in asked:
        near = [] if action in known else get_close_matches(action, known, 1, _ALIKE)
        if action and near:
            found.append(Misspelt(action, near[0], where, line))
    return tuple(found)
