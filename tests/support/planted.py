"""Secrets that betray where they got to: every one is unique, and knows every form it may take."""

from __future__ import annotations

import base64
import logging
import random
import string
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote

_ALNUM = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Secret:
    """One planted secret: the text that was planted, and the part that must never be seen."""

    kind: str
    place: str
    core: str

    @property
    def forms(self) -> frozenset[str]:
        """The secret as it is, percent-encoded and in both alphabets of base64."""
        raw = self.core.encode()
        return frozenset(
            {
                self.core,
                self.core.lower(),
                quote(self.core, safe=""),
                base64.b64encode(raw).decode().rstrip("="),
                base64.urlsafe_b64encode(raw).decode().rstrip("="),
            }
        )


class Planter:
    """Makes secrets of any kind, and afterwards looks for them.

    Args:
        seed: where the randomness comes from.

    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.planted: list[Secret] = []
        self.span_ids: list[int] = []

    def opaque(self, chars: int) -> str:
        """Return random letters and digits, of each at least one of every sort."""
        chosen = self._random.choices(_ALNUM, k=chars - 4)
        chosen += ["q", "Z", "7", "4"]
        self._random.shuffle(chosen)
        return "".join(chosen)

    def letters(self, count: int) -> str:
        """Return random letters."""
        return "".join(self._random.choices(string.ascii_letters, k=count))

    def digits(self, count: int) -> str:
        """Return random digits."""
        return "".join(self._random.choices(string.digits, k=count))

    def number(self, below: int) -> int:
        """Return a number below another."""
        return self._random.randrange(below)

    def span_id(self) -> int:
        """Return a new span id, and remember it."""
        self.span_ids.append(self._random.randrange(1, 2**64))
        return self.span_ids[-1]

    def plant(self, kinds: Mapping[str, Kind], place: str) -> str:
        """Return the text of a secret, of a kind drawn by lot, that is planted at a place."""
        kind = self._random.choice(sorted(kinds))
        text, core = kinds[kind](self)
        self.planted.append(Secret(kind, place, core))
        return text

    def everywhere(self, kinds: Mapping[str, Kind], places: Iterable[str]) -> dict[str, Any]:
        """Return attributes of these names, each with a secret of its own."""
        return {place: self.plant(kinds, place) for place in places}

    def found_in(self, seen: bytes) -> list[Secret]:
        """Return the secrets that are in what was seen, whatever form they took."""
        return [
            secret for secret in self.planted if any(form.encode() in seen for form in secret.forms)
        ]


Kind = Callable[[Planter], tuple[str, str]]
"""Makes a secret: the text to plant, and the part of it that must never be seen."""


def _jwt(planter: Planter) -> tuple[str, str]:
    body, signature = planter.opaque(40), planter.opaque(43)
    return f"eyJhbGciOiJIUzI1NiJ9.eyJ{body}.{signature}", signature


def _bearer(planter: Planter) -> tuple[str, str]:
    core = planter.opaque(24)
    return f"Bearer {core}", core


def _session(planter: Planter) -> tuple[str, str]:
    core = planter.opaque(43)
    return core, core


def _cookie(planter: Planter) -> tuple[str, str]:
    core = planter.opaque(26)
    return f"sid={core}; Path=/; HttpOnly", core


def _vendor(planter: Planter) -> tuple[str, str]:
    core = planter.opaque(24)
    return f"sk_live_{core}", core


def _query(planter: Planter) -> tuple[str, str]:
    core = planter.opaque(12)
    return f"https://app.example/callback?ticket={core}&state=x", core


def _assigned(planter: Planter) -> tuple[str, str]:
    core = planter.opaque(9)
    return f"password={core}", core


def _password(planter: Planter) -> tuple[str, str]:
    core = planter.opaque(9) + "!"
    return core, core


def _code(planter: Planter) -> tuple[str, str]:
    core = planter.opaque(10).upper()  # digits alone are also parts of times
    return core, core


def _reset_path(planter: Planter) -> tuple[str, str]:
    core = planter.opaque(11)
    return f"/password/reset/{core}", core


def _card(planter: Planter) -> tuple[str, str]:
    core = f"4111 {planter.digits(4)} {planter.digits(4)} {planter.digits(4)}"
    return f"card {core} declined", core


def _email(planter: Planter) -> tuple[str, str]:
    core = f"{planter.opaque(10).lower()}@example.com"
    return core, core


def _email_in_path(planter: Planter) -> tuple[str, str]:
    text, core = _email(planter)
    return f"/users/{text.replace('@', '%40')}/verify", core


def _json(planter: Planter) -> tuple[str, str]:
    core = planter.opaque(9)
    return f'{{"user":"ada","new_password":"{core}"}}', core


def _sql(planter: Planter) -> tuple[str, str]:
    core = planter.letters(9)
    statement = "[SQL: INSERT INTO users VALUES (?)]"
    return f"failed {statement} [parameters: ('ada', '{core}')]", core


def _pydantic(planter: Planter) -> tuple[str, str]:
    core = planter.opaque(9)
    return f"Input should be valid [type=int, input_value='{core}', input_type=str]", core


def _int(planter: Planter) -> tuple[str, str]:
    core = "x" + planter.digits(9)
    return f"invalid literal for int() with base 10: '{core}'", core


def _user_of_url(planter: Planter) -> tuple[str, str]:
    core = planter.opaque(9) + "!"
    return f"cannot reach https://ada:{core}@db.example/x", core


CREDENTIALS: dict[str, Kind] = {
    "JWT": _jwt,
    "bearer value": _bearer,
    "session": _session,
    "cookie": _cookie,
    "vendor's token": _vendor,
    "code in a query": _query,
    "assigned password": _assigned,
}
"""What shows what it is wherever it stands."""

IN_PATHS: dict[str, Kind] = {
    **CREDENTIALS,
    "token in a path": _reset_path,
    "e-mail address": _email,
    "e-mail address in a path": _email_in_path,
}

IN_TEXT: dict[str, Kind] = {
    **IN_PATHS,
    "card number": _card,
    "password in JSON": _json,
    "password in SQL": _sql,
    "password in pydantic's error": _pydantic,
    "code in int()": _int,
    "password in a URL": _user_of_url,
}
"""What is recognised in free text as well."""

ANY: dict[str, Kind] = {**IN_TEXT, "password": _password, "one-time code": _code}
"""Also what nobody can tell from a harmless word: for places of which nothing is taken."""


class LogKeeper(logging.Handler):
    """Keeps every log line of every logger, formatted, tracebacks included."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line."""
        self.lines.append(self.format(record))

    def __enter__(self) -> Self:
        root = logging.getLogger()
        self._level = root.level
        root.setLevel(logging.DEBUG)
        root.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        root = logging.getLogger()
        root.removeHandler(self)
        root.setLevel(self._level)
