"""`make bench`: every figure that is measured, each beside its bare limit of the same run."""

from __future__ import annotations

from benchmarks import store_ingest

if __name__ == "__main__":
    print("store: durable ingest against bare executemany of two plain rows a span")
    store_ingest.main()
