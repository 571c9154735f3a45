"""What importing the application part costs, beyond what the SDK costs that is there anyway.

Whole processes in turn: one imports the SDK, its OTLP/HTTP exporter aside; the other imports
`otel_eventlog` and what `install()` uses as well. Medians of the processor time.

    python -m benchmarks.import_time [--rounds 15]
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys

SDK = "import opentelemetry.sdk.trace, opentelemetry.sdk.resources"
STATEMENTS = {
    "import otel_eventlog": f"{SDK}; import otel_eventlog",
    "… and all that install() imports": f"{SDK}; import otel_eventlog; otel_eventlog.install",
}
GOAL_MS = 30


def cost_ms(statement: str) -> float:
    """Return the processor time of a process that runs a statement, in milliseconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", statement], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1_000


def main(arguments: list[str] | None = None) -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args(arguments)
    for statement in (SDK, *STATEMENTS.values()):
        cost_ms(statement)
    print(f"{'ms of processor time':34} the SDK alone   added     goal")
    for title, statement in STATEMENTS.items():
        measured = [(cost_ms(SDK), cost_ms(statement)) for _ in range(options.rounds)]
        bare = statistics.median(pair[0] for pair in measured)
        added = statistics.median(ours - sdk for sdk, ours in measured)
        goal = str(GOAL_MS) if title == "import otel_eventlog" else "-"
        print(f"{title:34} {bare:13.0f} {added:7.0f} {goal:>8}", flush=True)


if __name__ == "__main__":
    main()
