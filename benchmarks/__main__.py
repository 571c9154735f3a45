"""`make bench`: every figure that is measured, each beside its bare limit of the same run.

make bench                               all but the long ones, some fifteen minutes
make bench ARGS="application rules"      some of them
make bench ARGS="soak --minutes 30"      one of them, with its own options
"""

from __future__ import annotations

import argparse
import signal
import sys

from benchmarks import (
    application_cost,
    application_throughput,
    dashboard,
    decode_cost,
    freshness,
    import_time,
    ingest,
    purge,
    reading,
    rule_cost,
    small_requests,
    soak,
    store_ingest,
)

BENCHMARKS = {
    "application": ("what event logs cost a request's own thread", application_cost.main),
    "import": ("what `import otel_eventlog` costs beyond the SDK's own import", import_time.main),
    "rules": ("a look at the rules, with few and with many", rule_cost.main),
    "throughput": ("a small FastAPI application under load", application_throughput.main),
    "store": ("durable ingest beside bare executemany of two plain rows", store_ingest.main),
    "decode": ("from a span's bytes to what the store writes", decode_cost.main),
    "ingest": ("what a collector takes in, durably, over OTLP/HTTP", ingest.main),
    "listener": ("what the listener costs a small request, beside uvicorn", small_requests.main),
    "purge": ("what the purge of a day costs the requests meanwhile", purge.main),
    "freshness": ("how soon a completed request is visible", freshness.main),
    "reading": ("how fast ten million event logs are read", reading.main),
    "dashboard": ("how soon the dashboard shows something", dashboard.main),
    "soak": ("whether a collector stays small and quick", soak.main),
}
LONG = ("dashboard", "reading", "soak")
"""Only when they are asked for."""


def main() -> None:
    """Run the benchmarks that are asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", epilog="the options of a single NAME may follow it"
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    # Only what stands before the first option is a name: an option's value is none.
    arguments = sys.argv[1:]
    first = next((n for n, word in enumerate(arguments) if word.startswith("--")), len(arguments))
    names, rest = arguments[:first], arguments[first:]
    if rest and len(names) != 1:
        parser.parse_args(rest)
        parser.error(f"{' '.join(rest)}: options belong to one benchmark; name it first")
    if unknown := set(names) - set(BENCHMARKS):
        parser.error(
            f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}"
        )
    # So that what was started ends as well when somebody ends this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    for name in names or [name for name in BENCHMARKS if name not in LONG]:
        title, run = BENCHMARKS[name]
        print(f"\n{name}: {title}\n")
        run(rest)


if __name__ == "__main__":
    main()
