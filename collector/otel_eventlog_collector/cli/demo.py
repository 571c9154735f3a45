"""`otel-eventlog demo`: the collector, two small auth apps, and people who use them.

Starting and stopping is in `otel_eventlog_collector.demo`; here is what a person sees of it.
"""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event
from typing import Annotated, TypeAlias
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from otel_eventlog_collector.demo.crowd.crowd import Crowd, Place
from otel_eventlog_collector.demo.crowd.ledger import Ledger
from otel_eventlog_collector.demo.crowd.mobile_visits import MOBILE_VISITS
from otel_eventlog_collector.demo.crowd.shop_visits import SHOP_VISITS
from otel_eventlog_collector.demo.processes import Interrupted, answers
from otel_eventlog_collector.demo.stage import (
    MOBILE,
    SHOP,
    Listeners,
    Stage,
    check_packages,
    listener,
)
from otel_eventlog_collector.errors import CollectorError, ConfigError

FIRST_ROUND_TIMEOUT_S = 90.0
REFRESH_S = 0.25
PLAIN_LINE_EVERY_S = 5.0
JAEGER_PORT = 4318
SHOP_PEOPLE = 3
MOBILE_PEOPLE = 2


_Duration: TypeAlias = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS", min=0, help="End by itself after so long; without it, at Ctrl-C."
    ),
]
_Data: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Keep the event logs in this directory. Without it they are removed at the end.",
    ),
]
_OtlpHttp: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="HOST:PORT", help="OTLP/HTTP listener [127.0.0.1:4328, if free]."),
]
_OtlpGrpc: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="HOST:PORT", help="OTLP/gRPC listener [127.0.0.1:4327, if free]."),
]
_Http: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="HOST:PORT", help="Dashboard and API [127.0.0.1:4329, if free]."),
]
_Jaeger: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Send the apps' traces there as well, e.g. http://localhost:4318.",
    ),
]
_Ledger: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Write down what every simulated user wanted and got, as JSON lines.",
    ),
]


def demo(
    duration: _Duration = None,
    data: _Data = None,
    otlp_http: _OtlpHttp = None,
    otlp_grpc: _OtlpGrpc = None,
    http: _Http = None,
    jaeger: _Jaeger = None,
    ledger: _Ledger = None,
) -> None:
    """Show everything at once: the collector, two small auth apps, and people who use them.

    A Flask shop and a FastAPI mobile API run under the ordinary OpenTelemetry instrumentations.
    Simulated people register, log in with right and wrong passwords, magic links, codes and OAuth,
    check sessions, log out. One worker is killed in the middle of a request.
    """
    check_packages()
    console = Console(soft_wrap=True, highlight=False, markup=False)
    notes: list[str] = []
    listeners = Listeners(
        otlp_http=listener(otlp_http, "OTLP/HTTP", 4328, notes),
        otlp_grpc=listener(otlp_grpc, "OTLP/gRPC", 4327, notes),
        http=listener(http, "the dashboard", 4329, notes),
    )
    if jaeger is not None:
        _check_jaeger(jaeger, notes)
    with ExitStack() as stack:
        interrupted = stack.enter_context(_signals())
        work = stack.enter_context(_work_directory())
        book = Ledger(_ledger_file(ledger))
        stack.callback(book.close)
        place = data.absolute() if data else work / "data"
        free = Listeners(*(asked or "127.0.0.1:0" for asked in (otlp_http, otlp_grpc, http)))
        stage = Stage(listeners, place, work, fallback=free, jaeger=jaeger, interrupted=interrupted)
        console.print("Starting the collector and the apps …")
        try:
            with stage:
                _introduce(console, stage, place, notes, kept=data is not None)
                _run(console, stage, book, duration, interrupted)
                console.print("Stopping …")
                stage.stop_apps()
                _conclude(console, stage, book)
        except Interrupted:
            console.print("Stopped.")
            return
        if data is None:
            console.print("The event logs were removed; --data DIR keeps them.")
        else:
            console.print(f"The event logs are in {data}; read them with:")
            console.print(f"  otel-eventlog query --data {data}")


def _run(
    console: Console, stage: Stage, book: Ledger, duration: float | None, interrupted: Event
) -> None:
    """Let the crowd loose until the time is up (and everything was done once) or Ctrl-C."""
    shop, doomed, mobile = stage.app_urls()
    crowd = Crowd(
        [
            Place(SHOP, shop, SHOP_VISITS, SHOP_PEOPLE),
            Place(MOBILE, mobile, MOBILE_VISITS, MOBILE_PEOPLE),
        ],
        Place(SHOP, doomed, (), 1),
        book,
        kill=stage.kill_worker,
        revive=stage.revive_worker,
    )
    began = time.monotonic()
    crowd.start()
    try:
        with _progress(console, book) as show:
            while not interrupted.wait(REFRESH_S):
                elapsed = time.monotonic() - began
                show.update(elapsed, duration)
                stage.check()
                if crowd.failures:
                    raise CollectorError(f"demo: a simulated user failed: {crowd.failures[0]!r}")
                if duration is None or elapsed < duration:
                    continue
                if crowd.has_done_everything:
                    break
                if elapsed > duration + FIRST_ROUND_TIMEOUT_S:
                    raise CollectorError("demo: the apps are too slow: not everything was done")
    finally:
        crowd.stop()


class _Progress:
    """What the simulated users have done so far: a table that stays in place, or plain lines."""

    def __init__(self, console: Console, book: Ledger, live: Live | None) -> None:
        self._console = console
        self._book = book
        self._live = live
        self._last_line_s = 0.0

    def update(self, elapsed_s: float, duration: float | None) -> None:
        """Show the present state, if it is time to."""
        clock = f"{elapsed_s:.0f} s" + (f" of {duration:.0f} s" if duration is not None else "")
        if self._live:
            self._live.update(self._table(clock), refresh=True)
        elif elapsed_s - self._last_line_s >= PLAIN_LINE_EVERY_S:
            self._last_line_s = elapsed_s
            self._console.print(f"{clock}: {_summary(self._book)}")

    def _table(self, clock: str) -> Table:
        table = Table(title=f"What the simulated users did, {clock}", title_justify="left")
        table.add_column("action")
        for name, style in (("success", "green"), ("error", "yellow"), ("crash", "red")):
            table.add_column(name, justify="right", style=style)
        counts = self._book.counts()
        for action in sorted({action for action, _ in counts if action}):
            ends = (counts[action, expected] for expected in ("success", "error", "crash"))
            table.add_row(action, *(str(number or "") for number in ends))
        pages = counts["", ""]
        table.add_row(Text("pages: no auth calls, no event logs", style="dim"), str(pages or ""))
        return table


@contextmanager
def _progress(console: Console, book: Ledger) -> Iterator[_Progress]:
    if not console.is_terminal:
        yield _Progress(console, book, None)
        return
    with Live(console=console, auto_refresh=False, transient=False) as live:
        refreshing = _Progress(console, book, live)
        yield refreshing


def _summary(book: Ledger) -> str:
    return (
        f"{book.auth_requests()} auth requests ({book.auth_requests('error')} of them refused, "
        f"{book.auth_requests('crash')} lost in a crash) and {book.counts()['', '']} page views"
    )


def _introduce(console: Console, stage: Stage, data: Path, notes: list[str], *, kept: bool) -> None:
    shop, _, mobile = stage.app_urls()
    command = how_to_call()
    for note in notes:
        console.print(f"note: {note}")
    console.print(
        f"""
  Dashboard   {stage.http_url}/
  Collector   OTLP/HTTP {stage.otlp_http_url}, OTLP/gRPC {stage.otlp_grpc_address}
  Apps        shop (Flask) {shop}, mobile API (FastAPI) {mobile}
  Event logs  {data} ({"kept" if kept else "removed when the demo ends; --data DIR keeps them"})

Try, in another terminal:

  {command} tail --url {stage.http_url}
  {command} query --url {stage.http_url} --status error
  {command} query --url {stage.http_url} --action SSOAuthenticate --since -15m
  {command} show REQUEST_ID --url {stage.http_url}
""",
        soft_wrap=True,  # a command that is cut in two cannot be pasted
    )


def how_to_call() -> str:
    """Return what to type in another terminal: the name, or the path where no PATH leads to it."""
    name = "otel-eventlog"
    called = Path(sys.argv[0])
    found = shutil.which(name)
    if called.name != name or not called.exists() or (found and called.samefile(found)):
        return name
    return str(called)


def _conclude(console: Console, stage: Stage, book: Ledger) -> None:
    """Say what was done and what the collector has of it; they should agree."""
    stored = stage.stored_events()
    console.print(f"Done: {_summary(book)} gave {stored} event logs.")
    for entry in book.surprises():
        console.print(
            f"warning: {entry.service}: {entry.method} {entry.path} was answered with "
            f"{entry.status_code}, which the simulated user did not expect"
        )
    expected = 2 * book.auth_requests() - book.auth_requests("crash")
    if stored != expected:
        console.print(f"warning: {expected} event logs were expected; the apps printed:")
        console.print(stage.app_logs())


def _ledger_file(path: Path | None) -> Path | None:
    if path is None or (path.absolute().parent.is_dir() and not path.is_dir()):
        return path
    raise ConfigError(
        f"--ledger {path}: this is not a file in an existing directory",
        hint="name a file; its directory must exist",
    )


def _check_jaeger(url: str, notes: list[str]) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            f"--jaeger {url!r}: this is not the address of an OTLP/HTTP receiver",
            hint="write for example --jaeger http://localhost:4318",
        )
    if not answers(parts.hostname, parts.port or JAEGER_PORT):
        notes.append(f"nobody listens at {url}: traces get lost there, event logs do not")


@contextmanager
def _work_directory() -> Iterator[Path]:
    """Yield a directory for databases and logs of the apps; it is removed afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="otel-eventlog-demo-"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _signals() -> Iterator[Event]:
    """Yield an event that is set by Ctrl-C, SIGTERM and the closing of the terminal."""
    interrupted = Event()
    names = ("SIGINT", "SIGTERM") if sys.platform == "win32" else ("SIGINT", "SIGTERM", "SIGHUP")
    numbers = [getattr(signal, name) for name in names]
    before = [signal.signal(number, lambda *_: interrupted.set()) for number in numbers]
    try:
        yield interrupted
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
