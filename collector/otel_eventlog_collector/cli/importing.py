"""`otel-eventlog import`: event logs and traces from files."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from otel_eventlog_collector.cli import serve_options
from otel_eventlog_collector.cli.admin_client import open_admin
from otel_eventlog_collector.cli.options import AdminToken, AsJson, Served, ServedData
from otel_eventlog_collector.cli.output import note, print_json, progress
from otel_eventlog_collector.errors import CollectorError, ConfigError

CHUNK_BYTES = 256 * 1024
_GZIP_MAGIC = b"\x1f\x8b"


def import_file(  # noqa: PLR0913 - one argument for each option
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="JSON Lines of `otel-eventlog export`, or OTLP JSON, one request a line, as an "
            "OpenTelemetry Collector's file exporter writes it; also with gzip.",
        ),
    ],
    *,
    url: Served = None,
    data: ServedData = None,
    token: AdminToken = None,
    retention: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION",
            help="What is older is left out; only where no collector serves the directory. "
            "[default: 30d]",
        ),
    ] = None,
    rules: serve_options.Rules = None,
    pack: serve_options.Pack = None,
    no_default_packs: serve_options.NoDefaultPacks = None,
    as_json: AsJson = False,
) -> None:
    """Store the event logs of an export, or those of the spans in OTLP files.

    What is there already stays as it is, so a file can be imported again. Spans go through the
    same rules as if they had just arrived. If a collector serves the directory, it does the
    import, by its own rules and retention; else it is done here. What is wrong with a line is
    told, its neighbours are stored.

    For example:

    `otel-eventlog import week.jsonl --data DIR`

    `otel-eventlog import traces.json.gz --url http://127.0.0.1:4329`
    """
    own = {
        "retention": retention,
        "rules": rules,
        "pack": pack,
        "no_default_packs": no_default_packs,
    }
    with _opened(file) as stream, closing(open_admin(url, data, token, own)) as client:
        size = file.stat().st_size if file.is_file() else None
        with progress("Importing", size) as advance:
            answer = client.import_chunks(_chunks(stream, advance))
    found: dict[str, Any] = answer["imported"]
    if as_json:
        print_json([found])
    else:
        _tell(found)
    if found["rejected"]:
        raise CollectorError(
            f"{file}: {found['rejected']:,} were not stored", hint="the reasons stand above"
        )


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    """Open a file, or standard input for `-`; what is wrong with it while reading is told too."""
    try:
        if str(file) == "-":
            yield sys.stdin.buffer
        else:
            with file.open("rb") as stream:
                yield stream
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"{file}: cannot be read: {reason}", hint="name a file of JSON lines, or - for input"
        ) from None


def _chunks(stream: BinaryIO, advance: Callable[[int], None]) -> Iterator[bytes]:
    """Yield a file's bytes, unpacked; say how many of the file's own bytes were read."""
    counted = _Counted(stream, advance)
    buffered = io.BufferedReader(counted, CHUNK_BYTES)
    is_packed = buffered.peek(len(_GZIP_MAGIC))[: len(_GZIP_MAGIC)] == _GZIP_MAGIC
    reader: Any = gzip.GzipFile(fileobj=buffered) if is_packed else buffered
    while chunk := reader.read(CHUNK_BYTES):
        yield chunk


class _Counted(io.RawIOBase):
    """A stream that says how much of it was read."""

    def __init__(self, stream: BinaryIO, advance: Callable[[int], None]) -> None:
        super().__init__()
        self._stream = stream
        self._advance = advance

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        chunk = self._stream.read(len(buffer))
        buffer[: len(chunk)] = chunk
        self._advance(len(chunk))
        return len(chunk)


def _tell(found: Mapping[str, Any]) -> None:
    for mistake in found["mistakes"]:
        note(f"note: {mistake}")
    for reason, count in found["reasons"].items():
        note(f"{count:,} rejected: {reason}")
    parts = [
        f"{found['stored']:,} event logs stored",
        f"{found['duplicates']:,} were there already",
        *(
            f"{found[name]:,} {words}"
            for name, words in (
                ("replaced", "replaced"),
                ("conflicts", "differ from what is there, which stays"),
                ("outside", "are outside the times that are kept"),
                ("dropped", "spans, log records or metrics that are no auth calls"),
            )
            if found[name]
        ),
    ]
    note(", ".join(parts) + ".")
