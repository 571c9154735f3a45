"""The search language of `q`: `key:value -key:value "free text"`.

action:PasswordsAuthenticate status:error     both must hold
user_id:u-1 user_id:u-2                       one of them
action:Passwords*                             begins with
-status:start                                 not
10.1.2.3  "reset password"  -bot              free text: contained in a user, address, action
                                              or message, or an id begins with it (8 digits
                                              and more); with - in none of them
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
    \s*
    (?P<minus>-)?
    (?:(?P<key>[A-Za-z_]+)(?P<operator>!=|!:|:|=))?
    (?: "(?P<quoted>(?:[^"\\]|\\.)*)(?P<close>"|$) | (?P<bare>\S+) )?
    """,
    re.VERBOSE,
)
_ESCAPE = re.compile(r'\\(["\\])')


@dataclass(frozen=True, slots=True)
class Token:
    """One piece of `q`. `key` is None for free text."""

    key: str | None
    value: str
    negated: bool
    quoted: bool


def tokens(text: str) -> Iterator[Token]:
    """Split the text of `q` into its pieces.

    Raises:
        ValueError: a quotation is not closed, or a key has no value.

    """
    position = 0
    end = len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position, end)
        if match is None or match.end() == position:  # pragma: no cover - the pattern is total
            raise ValueError(f"{text[position:]!r} cannot be read")
        position = match.end()
        yield _token(match)


def _token(match: re.Match[str]) -> Token:
    key, quoted, bare = match["key"], match["quoted"], match["bare"]
    if quoted is not None and match["close"] != '"':
        raise ValueError(f'the quotation that begins with "{quoted[:40]} is not closed; add a "')
    value = _ESCAPE.sub(r"\1", quoted) if quoted is not None else bare or ""
    if not value:
        piece = match.group().strip()
        raise ValueError(f"{piece!r} has nothing to look for; write it as key:value or a word")
    negated = bool(match["minus"]) != (match["operator"] in ("!=", "!:"))
    return Token(key, value, negated, quoted is not None)
