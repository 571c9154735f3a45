"""The delivery in real processes: fork, the end of the interpreter, a silent standard error."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from otel_eventlog.delivery.delivery import Delivery
from otel_eventlog.delivery.spool import Spool
from tests.support.fake_collector import FakeCollector
from tests.support.programs import HEAD, ROOT, run_program
from tests.support.waiting import eventually


def test_a_script_that_just_ends_has_delivered(collector: FakeCollector) -> None:
    """Event logs put right before the end of the interpreter arrive."""
    run_program("for number in range(1, 101): delivery.put(event_log(span_id=number))\n", collector)
    assert sorted(collector.accepted) == list(range(1, 101))


def test_spans_that_end_with_the_interpreter_are_delivered(collector: FakeCollector) -> None:
    """The tracer provider ends after us and still hands over the spans of its batch."""
    run_program(
        "from opentelemetry.sdk.trace import TracerProvider\n"
        "from opentelemetry.sdk.trace.export import BatchSpanProcessor\n"
        "from opentelemetry.trace import SpanKind\n"
        "from otel_eventlog.exporter import EventLogSpanExporter\n"
        "os.environ['OTEL_EVENTLOG_ENDPOINT'] = sys.argv[1]\n"
        "provider = TracerProvider()\n"
        "provider.add_span_processor(BatchSpanProcessor(EventLogSpanExporter()))\n"
        "attributes = {'http.request.method': 'POST', 'http.route': '/login'}\n"
        "tracer = provider.get_tracer('tests')\n"
        "tracer.start_span('login', kind=SpanKind.SERVER, attributes=attributes).end()\n",
        collector,
    )
    assert len(collector.accepted) == 2


def test_zero_code_exporter(collector: FakeCollector) -> None:
    """With `OTEL_TRACES_EXPORTER=eventlog` an unchanged program yields both event logs."""
    program = (
        "from opentelemetry import trace\n"
        "attributes = {'http.request.method': 'POST', 'http.route': '/login'}\n"
        "tracer = trace.get_tracer('tests')\n"
        "tracer.start_span('login', kind=trace.SpanKind.SERVER, attributes=attributes).end()\n"
    )
    environ = {
        "OTEL_TRACES_EXPORTER": "eventlog",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_EVENTLOG_ENDPOINT": collector.url,
        # The span processor would do the same, and the exporter would leave the span to it.
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "eventlog",
    }
    command = [Path(sys.executable).parent / "opentelemetry-instrument", sys.executable]
    finished = subprocess.run(
        [*command, "-c", program],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert len(collector.accepted) == 2


def test_nothing_is_printed_when_the_collector_is_down(collector: FakeCollector) -> None:
    """An application without a logging configuration stays silent, and ends soon."""
    collector.stop()
    run_program(
        "delivery.put(event_log())\n"
        "assert not delivery.force_flush(0.5)\n"
        "import time; before = time.monotonic()\n"
        "delivery.shutdown()\n"
        "assert time.monotonic() - before < 3\n",
        collector,
    )


@pytest.mark.parametrize("has_spool", [False, True])
def test_a_forked_child_sends_its_own_and_the_parent_its_own(
    has_spool: bool,  # noqa: FBT001 - the parameter of a test
    collector: FakeCollector,
    tmp_path: Path,
) -> None:
    """What waits in the parent at the fork is sent once, by the parent; children send theirs."""
    collector.stop()
    script = (
        "delivery.put(event_log(span_id=1))\n"
        "assert not delivery.force_flush(0.3)\n"  # the parent holds it, with a thread running
        "children = []\n"
        "for number in (2, 3, 4):\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        assert delivery.stats().queued == 0\n"
        "        delivery.put(event_log(span_id=number))\n"
        "        delivered = delivery.force_flush(20)\n"
        "        delivery.shutdown()\n"
        "        os._exit(0 if delivered else 1)\n"
        "    children.append(child)\n"
        "open(sys.argv[3], 'w').close()\n"
        "for child in children:\n"
        "    assert os.waitpid(child, 0)[1] == 0\n"
        "delivery.put(event_log(span_id=5))\n"
        "assert delivery.force_flush(20)\n"
    )
    spool = str(tmp_path / "spool") if has_spool else ""
    forked = tmp_path / "forked"
    script = script.replace("sys.argv[3]", repr(str(forked)))
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", HEAD + script, collector.url, spool], cwd=ROOT
    )
    try:
        assert eventually(forked.exists, within_s=20)
        collector.start()
        assert process.wait(40) == 0
    finally:
        process.kill()
        process.wait()
    assert sorted(collector.accepted) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("has_spool", [False, True])
def test_forks_amid_traffic_never_block(
    has_spool: bool,  # noqa: FBT001 - the parameter of a test
    collector: FakeCollector,
    make_delivery: Callable[..., Delivery],
    tmp_path: Path,
) -> None:
    """Fifty forks while eight threads put, the first during imports: every child delivers.

    With a spool this holds even for children that end without waiting.
    """
    script = (
        "stop = threading.Event()\n"
        "def traffic():\n"
        "    while not stop.is_set():\n"
        "        delivery.put(event_log(span_id=1))\n"
        "        time.sleep(0.002)\n"
        "threads = [threading.Thread(target=traffic, daemon=True) for _ in range(8)]\n"
        "for thread in threads: thread.start()\n"
        "for number in range(2, 52):\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        delivery.put(event_log(span_id=number))\n"
        "        ok = number > 11 or delivery.force_flush(20)\n"
        "        os._exit(0 if ok else 1)\n"
        "    assert os.waitpid(child, 0)[1] == 0, number\n"
        "stop.set()\n"
        "for thread in threads: thread.join()\n"
        "assert delivery.force_flush(20)\n"
    )
    run_program(script, collector, str(tmp_path / "spool") if has_spool else "", timeout_s=90)
    assert set(collector.accepted) >= set(range(1, 12))
    if has_spool:
        heir = make_delivery(spool=Spool(tmp_path / "spool"))
        heir.start()
        assert eventually(lambda: set(collector.accepted) >= set(range(1, 52)), within_s=20)
