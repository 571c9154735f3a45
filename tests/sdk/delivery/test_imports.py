"""Which thread imports what: an application that starts is importing, and must not be disturbed."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.support.fake_collector import FakeCollector

PROGRAM = """
import json, sys, threading
from opentelemetry.sdk.trace import TracerProvider
import otel_eventlog

imported = []

class Watcher:
    def find_spec(self, name, path=None, target=None):
        imported.append((threading.current_thread() is threading.main_thread(), name))

sys.meta_path.insert(0, Watcher())
assert "requests" not in sys.modules
provider = TracerProvider()
otel_eventlog.install(provider, endpoint=sys.argv[1])
with provider.get_tracer("t").start_as_current_span("x", attributes={"eventlog.action": "GetUser"}):
    pass
assert provider.force_flush(10_000)
json.dump(sorted({name for is_main, name in imported if not is_main}), sys.stdout)
"""


def test_the_delivery_imports_nothing_in_its_own_thread() -> None:
    """From a cold start to delivered event logs, packages are imported by the caller only.

    Imports that race with the application's own meet half imported modules: both break.
    """
    collector = FakeCollector()
    try:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, collector.url],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert sum(len(received.records) for received in collector.received) == 2
    finally:
        collector.stop()
    heavy = ("requests", "urllib3", "google", "opentelemetry", "otel_eventlog", "grpc", "charset")
    in_thread: list[str] = json.loads(done.stdout)
    assert [name for name in in_thread if name.startswith(heavy)] == []
