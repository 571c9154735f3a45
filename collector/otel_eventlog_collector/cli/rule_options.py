"""Options that several `rules` commands share: which rules are asked, and spans from files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from otel_eventlog.model import SpanData
from otel_eventlog.rulefile import pack_names
from otel_eventlog_collector.errors import ConfigError
from otel_eventlog_collector.limits import BODY_BYTES_MAX
from otel_eventlog_collector.rule_tools.spans import spans_from_json

WHICH_RULES = "Which rules"

Rules: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="Rule file; repeat for more.", rich_help_panel=WHICH_RULES),
]
Packs: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help=f"Built-in rules to add: {', '.join(pack_names())}.",
        rich_help_panel=WHICH_RULES,
    ),
]
NoDefaultPacks: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--no-default-packs",
        help="Leave out the packs that are on by default.",
        rich_help_panel=WHICH_RULES,
    ),
]


def read_text(path: Path, option: str) -> str:
    """Read a file that an option names, or standard input for `-`.

    Raises:
        ConfigError: it cannot be read, or is too large, or no text.

    """
    try:
        if str(path) == "-":
            raw = sys.stdin.buffer.read(BODY_BYTES_MAX + 1)
        else:
            with path.open("rb") as file:
                raw = file.read(BODY_BYTES_MAX + 1)
        if len(raw) > BODY_BYTES_MAX:
            msg = f"{option} {path}: larger than {BODY_BYTES_MAX} bytes"
            raise ConfigError(msg, hint="give a part of it")
        return raw.decode("utf-8-sig")
    except OSError as error:
        msg = f"{option} {path}: cannot be read: {error.strerror or error}"
        raise ConfigError(msg, hint="name a file, or - for standard input") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{option} {path}: not UTF-8 text", hint="name a JSON file") from None


def read_spans(path: Path, option: str) -> list[SpanData]:
    """Read the spans of a JSON file, or of standard input for `-`.

    Raises:
        ConfigError: it cannot be read, or holds no spans.

    """
    text = read_text(path, option)
    try:
        return spans_from_json(text)
    except ValueError as error:
        raise ConfigError(f"{option} {path}: {error}") from None
