"""The catalogue: what each action is about. An open set; an unknown action is fine everywhere.

The data is `actions.tsv` beside this file, one action a line. `otel-eventlog actions` prints it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*")


@dataclass(frozen=True, slots=True)
class ActionInfo:
    """One action of the catalogue.

    Attributes:
        name: CamelCase name.
        category: the group it is filtered by, e.g. `passwords`.
        auth_method: how the user proves who they are (password, magic_link, otp_sms, …) or None.
        auth_factor: knowledge, possession, inherence, federation, … or None.
        meaning: one line for people.
        documented: whether the name stands on the reference's own page; others are derived.

    """

    name: str
    category: str
    auth_method: str | None
    auth_factor: str | None
    meaning: str
    documented: bool


@cache
def catalogue() -> dict[str, ActionInfo]:
    """Return all known actions by name, in the file's order."""
    text = (files("otel_eventlog") / "actions.tsv").read_text("utf-8")
    rows = (line.split("\t") for line in text.splitlines()[1:] if line)
    return {
        name: ActionInfo(
            name, category, method or None, factor or None, meaning, documented == "yes"
        )
        for name, category, method, factor, documented, meaning in rows
    }


@lru_cache(maxsize=1024)
def lookup(action: str) -> ActionInfo:
    """Return what is known of an action; for an unknown one, a category guessed from its name."""
    known = catalogue().get(action)
    if known is not None:
        return known
    words = _WORDS.findall(action)
    return ActionInfo(
        action, words[0].lower() if words else "other", None, None, "", documented=False
    )
