"""`make bench`: every figure that is measured, each beside its bare limit of the same run.

make bench                               all of them, some ten minutes
make bench ARGS="application rules"      some of them
"""

from __future__ import annotations

import argparse

from benchmarks import (
    application_cost,
    application_throughput,
    import_time,
    rule_cost,
    store_ingest,
)

BENCHMARKS = {
    "application": ("what event logs cost a request's own thread", application_cost.main),
    "import": ("what `import otel_eventlog` costs beyond the SDK's own import", import_time.main),
    "rules": ("a look at the rules, with few and with many", rule_cost.main),
    "throughput": ("a small FastAPI application under load", application_throughput.main),
    "store": ("durable ingest beside bare executemany of two plain rows", store_ingest.main),
}


def main() -> None:
    """Run the benchmarks that are asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    names = parser.parse_args().names or list(BENCHMARKS)
    if unknown := set(names) - set(BENCHMARKS):
        parser.error(
            f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}"
        )
    for name in names:
        title, run = BENCHMARKS[name]
        print(f"\n{name}: {title}\n")
        run([])


if __name__ == "__main__":
    main()
