"""`otel-eventlog hash`: what to search for where a value is kept as a keyed hash."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from otel_eventlog.privacy import Privacy
from otel_eventlog.scrubbing import clean_text
from otel_eventlog_collector import defaults
from otel_eventlog_collector.errors import ConfigError
from otel_eventlog_collector.hash_keys import hash_keys


def hash_value(
    value: Annotated[
        str | None,
        typer.Argument(
            metavar="VALUE",
            help="A token, an e-mail address, a phone number or a client address. "
            "[default: asked for, or a line of standard input; no shell's history keeps either]",
        ),
    ] = None,
    *,
    hash_key_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar=[defaults.ENV_PREFIX + "HASH_KEY_FILE", "OTEL_EVENTLOG_HASH_KEY_FILE"],
            help="The key file of the applications and the collector.",
        ),
    ] = None,
) -> None:
    """Print the keyed hash of a value: what stands in event logs in its place.

    A key file with former keys gives a line for each key, the current one first: event logs from
    before a rotation carry the hash under the former key.

    For example: `otel-eventlog query --user-id "$(otel-eventlog hash --hash-key-file FILE)"`
    """
    try:
        keys = hash_keys(hash_key_file)
    except ValueError as error:
        raise ConfigError(str(error), hint="name the key file of the applications") from None
    if not keys:
        raise ConfigError(
            "hashes need a key",
            hint="give --hash-key-file FILE, the one that applications and collector have",
        )
    text = clean_text(_read() if value is None else value)
    if text is None:
        raise ConfigError(
            "there is nothing to hash", hint="write the value, or pipe it in as a line"
        )
    for key in keys:
        typer.echo(Privacy(key).keyed_hash(text))


def _read() -> str:
    if sys.stdin.isatty():
        entered: str = typer.prompt("Value", hide_input=True, err=True)
        return entered
    return sys.stdin.readline().rstrip("\r\n")
