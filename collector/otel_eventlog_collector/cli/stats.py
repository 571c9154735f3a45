"""`otel-eventlog stats`: how much there is, and how it spreads over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Annotated, Any

import typer
from rich.table import Table

from otel_eventlog_collector.cli.client import open_client
from otel_eventlog_collector.cli.options import (
    AccessToken,
    AsJson,
    Data,
    Search,
    Since,
    Until,
    Url,
    given,
    with_filters,
)
from otel_eventlog_collector.cli.output import (
    console,
    note,
    print_json,
    safe,
    status_text,
    time_text,
)

_BARS = " ▁▂▃▄▅▆▇█"
_FACETS = ("action", "user_id", "error_type", "service")
_FACET_VALUES = 5
_BYTES_PER_UNIT = 1000
_NS_PER_DAY = 86_400_000_000_000


@with_filters
def stats(  # noqa: PLR0913 - one argument for each option
    *,
    url: Url = None,
    data: Data = None,
    token: AccessToken = None,
    since: Since = None,
    until: Until = None,
    q: Search = None,
    rejected: Annotated[
        bool,
        typer.Option(
            "--rejected",
            help="List instead the records that the running collector rejected last, and why.",
        ),
    ] = False,
    as_json: AsJson = False,
    filters: list[tuple[str, str]],
) -> None:
    """Show how many event logs there are, over time and by action, user, reason and service.

    Looks at the last day unless --since says otherwise.

    For example:

    `otel-eventlog stats --since -7d --status error`

    `otel-eventlog stats --rejected`
    """
    parameters = [*filters, *given(since=since, until=until, q=q)]
    with closing(open_client(url, data, token)) as client:
        if rejected:
            _show_rejected(client.ask("rejected", [])["rejected"], as_json=as_json)
            return
        store = client.status()["store"]
        histogram = client.ask("histogram", parameters)
        facets = client.ask(
            "facets",
            [*parameters, *(("field", name) for name in _FACETS), ("limit", str(_FACET_VALUES))],
        )["facets"]
    buckets: list[dict[str, Any]] = histogram["buckets"]
    if as_json:
        del histogram["ok"]
        print_json([{"store": store, "histogram": histogram, "facets": facets}])
        return
    out = console()
    out.print(_store_line(store))
    for file in store.get("set_aside", ()):
        out.print(safe(f"set aside, not read: {file['name']}: {file['reason']}"))
    out.print()
    out.print(f"{time_text(histogram['since'])} to {time_text(histogram['until'])}")
    out.print(_status_table(buckets))
    for name in _FACETS:
        if facets[name]:
            out.print()
            out.print(_facet_table(name, facets[name]))


def _show_rejected(records: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json(records)
        return
    if not records:
        note("The collector has rejected nothing since it started.")
        return
    table = Table("TIME", "SIGNAL", "SERVICE", "SPAN", "WHY", box=None, pad_edge=False)
    for each in records:
        table.add_row(
            time_text(each["time"]),
            safe(each["signal"]),
            safe(each["service"] or ""),
            safe(each["span_id"] or ""),
            safe(each["message"]),
        )
    console().print(table)


def _store_line(store: Mapping[str, Any]) -> str:
    newest = f", newest {time_text(store['newest'])}" if store["newest"] else ""
    return (
        f"{store['events']:,} event logs, {_size(store['bytes_on_disk'])} on disk, kept for "
        f"{store['retention_ns'] / _NS_PER_DAY:g} days{newest}"
    )


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < _BYTES_PER_UNIT:
            return f"{count:.3g} {unit}"
        count /= _BYTES_PER_UNIT
    return f"{count:,.3g} TB"


def _status_table(buckets: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column(no_wrap=True)
    most = max((sum(bucket["counts"].values()) for bucket in buckets), default=0)
    for status in ("start", "success", "error"):
        counts = [bucket["counts"][status] for bucket in buckets]
        bars = "".join(
            _BARS[-(-count * (len(_BARS) - 1) // most)] if most else " " for count in counts
        )
        table.add_row(status_text(status), f"{sum(counts):,}", bars)
    return table


def _facet_table(name: str, values: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(name.replace("_", " ").upper())
    table.add_column("COUNT", justify="right")
    for each in values:
        table.add_row(safe(each["value"]), f"{each['count']:,}")
    return table
