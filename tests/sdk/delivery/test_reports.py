"""What people see of the delivery: counters, and a rare line in the log."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import fields

import pytest
from opentelemetry.sdk.trace import TracerProvider

import otel_eventlog
from otel_eventlog.delivery.sender import Transport
from otel_eventlog.delivery.tally import Drop
from otel_eventlog.installation import uninstall
from tests.support import repository
from tests.support.builders import event_log
from tests.support.delivering import MakeDelivery, put_all, some
from tests.support.fake_collector import FakeCollector, Reply
from tests.support.waiting import eventually


@pytest.mark.usefixtures("hurried")
def test_trouble_is_logged_once_a_minute(
    collector: FakeCollector, make_delivery: MakeDelivery, caplog: pytest.LogCaptureFixture
) -> None:
    """Many failed attempts make one line, and that line holds no header."""
    ahead_s = [0.0]
    collector.judge = lambda _records, _size: Reply(503)
    transport = Transport(base_url=collector.url, headers=(("authorization", "Bearer s3cret"),))
    delivery = make_delivery(transport, clock=lambda: time.monotonic() + ahead_s[0])
    delivery.put(event_log())
    assert eventually(lambda: delivery.stats().retried >= 3)
    lines = [line for line in caplog.messages if "cannot be delivered" in line]
    assert len(lines) == 1
    assert f"127.0.0.1:{collector.port}" in lines[0]
    assert "503" in lines[0]
    ahead_s[0] = 61.0
    tries = delivery.stats().retried
    assert eventually(lambda: delivery.stats().retried > tries + 1)
    assert sum("cannot be delivered" in line for line in caplog.messages) == 2
    assert "s3cret" not in caplog.text


def test_drops_are_logged_once_a_minute_and_every_one_of_them(
    collector: FakeCollector, make_delivery: MakeDelivery, caplog: pytest.LogCaptureFixture
) -> None:
    """The lines about drops come a minute apart at least, and their figures add up to the count."""
    ahead_s = [0.0]
    collector.judge = lambda _records, _size: Reply(503)
    delivery = make_delivery(queue_events_max=10, clock=lambda: time.monotonic() + ahead_s[0])
    put_all(delivery, some(100))
    assert eventually(lambda: "queue_full" in caplog.text, within_s=30)
    put_all(delivery, some(100, first=101))
    tries = delivery.stats().retried
    assert eventually(lambda: delivery.stats().retried > tries + 1, within_s=30)
    assert len(reported(caplog)) == 1
    ahead_s[0] = 61.0
    assert eventually(lambda: len(reported(caplog)) == 2, within_s=30)
    collector.judge = lambda _records, _size: None
    put_all(delivery, some(100, first=201))
    delivery.shutdown()
    assert sum(reported(caplog)) == delivery.stats().dropped["queue_full"]


def reported(caplog: pytest.LogCaptureFixture) -> list[int]:
    """Return the numbers of event logs that did not fit, as the log lines say them."""
    lines = [line for line in caplog.messages if "queue_full: " in line]
    return [int(line.partition("queue_full: ")[2].partition(")")[0]) for line in lines]


def test_applications_can_read_the_counters(collector: FakeCollector) -> None:
    """`install()` answers with the processor, whose delivery says what became of the event logs."""
    provider = TracerProvider(shutdown_on_exit=False)
    processor = otel_eventlog.install(provider, endpoint=collector.url)
    assert processor is not None
    try:
        with provider.get_tracer("tests").start_as_current_span(
            "x", attributes={"eventlog.action": "GetUser"}
        ):
            pass
        assert processor.force_flush(30_000)
        again = otel_eventlog.install(provider)
        assert again is processor
        assert again.delivery.stats() == otel_eventlog.DeliveryStats(delivered=2)
    finally:
        uninstall(provider)


def test_every_counter_and_every_reason_is_documented() -> None:
    """People who look at the counters find each of them, and each reason, in the documentation."""
    page = (repository.ROOT / "docs" / "delivery.md").read_text(encoding="utf-8")
    names = {item.name for item in fields(otel_eventlog.DeliveryStats)}
    reasons = {value for name, value in vars(Drop).items() if name.isupper()}
    assert len(reasons) >= 8
    assert sorted(name for name in names | reasons if f"`{name}`" not in page) == []


LOSING = """
import sys
from opentelemetry.sdk.trace import TracerProvider
import otel_eventlog
{configuration}
processor = otel_eventlog.install(TracerProvider(), endpoint=sys.argv[1])
for number in range(10_050):
    otel_eventlog.record("EmailDelivery", user_id=str(number))
processor.shutdown()
assert sum(processor.delivery.stats().dropped.values()) > 10_000, processor.delivery.stats()
"""


def run_losing(configuration: str, url: str) -> str:
    """Run a program that loses event logs; return what it wrote to standard error."""
    done = subprocess.run(
        [sys.executable, "-c", LOSING.format(configuration=configuration), url],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    return done.stderr


def test_an_application_without_logging_sees_no_output_of_ours(collector: FakeCollector) -> None:
    """Losses never print by themselves: not even through Python's handler of last resort."""
    collector.stop()
    assert run_losing("", collector.url) == ""


def test_an_application_with_logging_sees_outage_and_drops(collector: FakeCollector) -> None:
    """With the plainest logging configuration there is, outage and losses are there to be read."""
    collector.stop()
    lines = run_losing("import logging; logging.basicConfig()", collector.url).splitlines()
    assert [line for line in lines if line.startswith("WARNING:otel_eventlog:Event logs cannot be")]
    assert [line for line in lines if "Event logs were dropped (" in line and "shutdown:" in line]
    assert len(lines) <= 3
