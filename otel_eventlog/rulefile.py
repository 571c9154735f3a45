"""Rule files (TOML) to rules; reports every mistake at once, each with its line and a hint.

The format is section 5 of the specification; `docs/rules.md` explains it to users.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from functools import partial
from importlib.resources import files
from pathlib import Path

from otel_eventlog.errors import RuleError
from otel_eventlog.rulecheck import Complaints, keep_from, outcome_from, rule_from
from otel_eventlog.rules import Rule, RuleGroup
from otel_eventlog.ruleset import RuleSet

COMMON_PACK = "common"
DEFAULT_PACKS = (
    "stytch",
    "auth0",
    "clerk",
    "cognito",
    "django_allauth_headless",
    "firebase",
    "keycloak",
    "kratos",
    "supabase",
    "workos",
    COMMON_PACK,
)
"""Packs that cannot misfire on other people's routes, and `common`.

They are bound to a vendor's host, an RPC service, or a prefix that only one product has.
"""

RULE_FILE_BYTES_MAX = 4 * 1024 * 1024


def parse_rules(text: str, source: str, *, literal_first: bool = False) -> RuleGroup:
    """Compile the text of one rule file.

    Args:
        text: TOML.
        source: what messages call it, such as its path.
        literal_first: order as in a pack (see `RuleGroup`).

    Raises:
        RuleError: with every mistake found.

    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RuleError([f"{source}: not valid TOML: {error}"]) from None
    complaints = Complaints(source, text)
    # Tests may stand beside the rules (docs/rules.md); they are no concern of an application.
    complaints.unknown_keys(document, ("keep", "rule", "test"), where="")
    keep = keep_from(document.get("keep", {}), complaints)
    rules = list(_rules(document.get("rule", []), complaints))
    check_names(document.get("rule", []), complaints)
    if complaints.found:
        raise RuleError(complaints.in_order())
    return RuleGroup(source, tuple(rules), literal_first=literal_first, keep=keep)


def _rules(tables: object, complaints: Complaints) -> Iterator[Rule]:
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        complaints.add("rule", "must be written [[rule]], once for each rule")
        return
    for number, table in enumerate(tables):
        outcomes = []
        written = table.get("outcome", [])
        if isinstance(written, list):
            for position, outcome in enumerate(written):
                outcomes.append(outcome_from(outcome, complaints, (number, position)))
        else:
            complaints.add("outcome", "must be written [[rule.outcome]]", (number, None))
        yield from rule_from(table, [o for o in outcomes if o is not None], complaints, number)


def check_names(tables: object, complaints: Complaints, word: str = "rule") -> None:
    """Complain of every table whose name an earlier one has."""
    seen: set[str] = set()
    for number, table in enumerate(tables if isinstance(tables, list) else ()):
        name = table.get("name") if isinstance(table, dict) else None
        if isinstance(name, str) and name in seen:
            complaints.add(
                "name", f"{name!r} is taken by an earlier {word}; names are unique", (number, None)
            )
        elif isinstance(name, str):
            seen.add(name)


def load_rule_file(path: str | Path) -> RuleGroup:
    """Read and compile one rule file.

    Raises:
        RuleError: it cannot be read, or with every mistake in it.

    """
    return parse_rules(read_rule_text(path), str(path))


def read_rule_text(path: str | Path) -> str:
    """Read one file of rules or of their tests.

    Raises:
        RuleError: it cannot be read, or is too large, or no text.

    """
    try:
        with Path(path).open("rb") as file:
            raw = file.read(RULE_FILE_BYTES_MAX + 1)
        if len(raw) > RULE_FILE_BYTES_MAX:
            msg = f"{path}: larger than {RULE_FILE_BYTES_MAX} bytes; is it a rule file?"
            raise RuleError([msg])
        return raw.decode("utf-8")
    except OSError as error:
        raise RuleError([f"{path}: cannot be read: {error.strerror or error}"]) from None
    except UnicodeDecodeError as error:
        raise RuleError([f"{path}: not UTF-8 text: {error}"]) from None


def pack_names() -> tuple[str, ...]:
    """Return the names of all built-in packs, sorted."""
    folder = files("otel_eventlog") / "packs"
    return tuple(
        sorted(
            entry.name.removesuffix(".toml")
            for entry in folder.iterdir()
            if entry.name.endswith(".toml")
        )
    )


def load_pack(name: str) -> RuleGroup:
    """Compile one built-in pack.

    Raises:
        RuleError: there is no pack of this name.

    """
    if name not in pack_names():
        known = ", ".join(pack_names())
        raise RuleError([f"pack {name!r} does not exist; there are: {known}"])
    text = (files("otel_eventlog") / "packs" / f"{name}.toml").read_text("utf-8")
    return parse_rules(text, f"pack {name}", literal_first=True)


def load_rule_set(
    rule_files: Sequence[str | Path] = (),
    packs: Sequence[str] = (),
    *,
    default_packs: bool = True,
) -> RuleSet:
    """Compile users' files and packs in their order of precedence.

    Args:
        rule_files: paths, the first one asked first.
        packs: names of built-in packs to add; they are asked before the default ones.
        default_packs: whether DEFAULT_PACKS are on.

    Raises:
        RuleError: with every mistake in every file.

    """
    groups: list[RuleGroup] = []
    mistakes: list[str] = []
    names = list(dict.fromkeys((*packs, *(DEFAULT_PACKS if default_packs else ()))))
    if COMMON_PACK in names:
        names.remove(COMMON_PACK)
        names.append(COMMON_PACK)
    loaders = [partial(load_rule_file, path) for path in rule_files]
    for load in (*loaders, *(partial(load_pack, name) for name in names)):
        try:
            groups.append(load())
        except RuleError as error:
            mistakes += error.mistakes
    if mistakes:
        raise RuleError(mistakes)
    return RuleSet(groups)
