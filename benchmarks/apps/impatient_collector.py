"""`otel-eventlog`, but it looks for expired days every two seconds in place of every hour."""

from __future__ import annotations

from otel_eventlog_collector import retention
from otel_eventlog_collector.cli.main import run

PURGE_INTERVAL_S = 2.0

if __name__ == "__main__":
    defaults = retention.keep_retention.__kwdefaults__
    if not defaults or "interval_s" not in defaults:
        raise SystemExit("keep_retention() has no interval_s any more; this benchmark needs one")
    defaults["interval_s"] = PURGE_INTERVAL_S
    run()
