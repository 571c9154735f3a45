"""Workers that are replaced while the server runs take nothing with them."""

from __future__ import annotations

import time

import httpx
import pytest

from tests.support.otlp_sink import OtlpSink
from tests.support.processes import free_port, running
from tests.support.ways_in import DEADLINE_S, INSTRUMENT, RIGHT, WAYS, Answer, Visitor, gunicorn

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

REQUESTS_MAX = 2
GENERATIONS = 3
_UVICORN_WORKER = ("--worker-class", "uvicorn.workers.UvicornWorker")


@pytest.mark.parametrize(
    ("framework", "options"),
    [("flask", ()), ("flask", ("--preload",)), ("fastapi", _UVICORN_WORKER)],
    ids=["gunicorn", "gunicorn-preload", "uvicorn-worker"],
)
def test_a_recycled_worker_has_sent_everything(framework: str, options: tuple[str, ...]) -> None:
    """`gunicorn --max-requests`: each worker answers two logins and ends; every pair arrives.

    A worker that ends may drop a connection that it has just accepted: the visitor tries again, and
    that request may or may not have begun.
    """
    port, way = free_port(), WAYS["env"]
    command = gunicorn(*options, "--max-requests", str(REQUESTS_MAX))(port, f"shop_{framework}")
    answers: list[Answer] = []
    dropped = 0
    with OtlpSink() as traces, OtlpSink() as collector:
        environment = way.environment(port, traces.url, collector.url)
        with running([INSTRUMENT, *command], port, environment, end_with=way.ends_with):
            visitor, deadline = Visitor(port), time.monotonic() + DEADLINE_S
            while len({answer.pid for answer in answers}) < GENERATIONS:
                assert time.monotonic() < deadline, "no worker was recycled"
                try:
                    answers.append(visitor.login(RIGHT))
                except httpx.TransportError:
                    dropped += 1
            collector.wait_for_events(2 * len(answers), DEADLINE_S)
        seen = [(event.request_id, str(event.status)) for event in collector.events]
    assert len(seen) == len(set(seen)), "something came twice"
    answered = {
        (answer.request_id, status) for answer in answers for status in ("start", "success")
    }
    assert answered <= set(seen)
    assert len(seen) - len(answered) <= 2 * dropped
