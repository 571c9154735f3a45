"""The running collector answers as its own OpenAPI description says, whatever it is asked.

schemathesis makes requests from the description, good ones and bad ones, and judges the answers.
The endless stream has tests of its own (test_api_stream.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from otel_eventlog_collector.api.access import SESSION_PATH
from otel_eventlog_collector.api.app import ADMIN_PATHS, PATHS, SESSION_METHODS
from otel_eventlog_collector.api.openapi import document
from tests.support.crowd import some_requests
from tests.support.service import RunningService, running_service

ENDLESS = "/api/v1/events/stream"
OPERATIONS = [
    f"{method.upper()} {path}"
    for path, methods in document()["paths"].items()
    for method in methods
    if path != ENDLESS
]
EXAMPLES = 8
"""Requests of each kind to each endpoint: some twenty seconds for all of them."""

# What the description cannot say: that since must lie before until, that a slice may not be too
# narrow for the time asked, and every way to write a time. `fields_are_to_blame` judges these.
UNSAID = [positive_data_acceptance, negative_data_rejection]


@schemathesis.serializer("application/x-ndjson")
def as_lines(_context: Any, value: Any) -> bytes:
    """Send what is imported as it is."""
    return str(value).encode("utf-8", "replace")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """A collector that holds the event logs of a crowd."""
    with running_service(tmp_path_factory.mktemp("contract") / "data") as running:
        running.write(some_requests(200, unfinished=5))
        yield running


@pytest.fixture(scope="module")
def described(running: RunningService) -> Any:
    """The API as the running collector describes it, ready to be called."""
    return schemathesis.openapi.from_url(f"{running.url}/api/v1/openapi.json")


def test_every_endpoint_is_described_and_nothing_else() -> None:
    """The description has the endpoints below /api that are routed, with their methods."""
    routed = {f"GET {path}" for path in PATHS if path.startswith("/api/")}
    routed |= {f"{method} {path}" for path, (method, _) in ADMIN_PATHS.items()}
    routed |= {f"{method} {SESSION_PATH}" for method in SESSION_METHODS}
    assert {*OPERATIONS, f"GET {ENDLESS}"} == {each.replace(":path}", "}") for each in routed}


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("operation", OPERATIONS)
def test_answers_are_as_described(
    running: RunningService, described: Any, operation: str, mode: GenerationMode
) -> None:
    """No request makes an error of ours, an undescribed answer, or one that blames nobody."""
    wanted = described.find_operation_by_label(operation)
    asked: list[int] = []

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        # Sixty filters take minutes to shrink, and a failure is read as well without.
        phases=[Phase.generate],
    )
    @given(wanted.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        response = case.call_and_validate(excluded_checks=UNSAID)
        asked.append(response.status_code)
        if response.status_code == 400:
            fields_are_to_blame(case, response.json())

    try:
        ask()
    except schemathesis.errors.InvalidSchema:
        raise
    except Exception as error:
        if mode is GenerationMode.NEGATIVE and "Unsatisfiable" in type(error).__name__:
            pytest.skip("this endpoint takes nothing that could be wrong")
        raise
    assert asked


def fields_are_to_blame(case: Any, content: dict[str, Any]) -> None:
    """Check that a refusal names parameters that were really sent, each with a sentence."""
    sent = {*(case.query or {}), *(case.path_parameters or {})}
    named = {mistake["field"] for mistake in content["errors"]}
    assert named <= sent, f"{named} were not among {sent}"
    assert all(mistake["message"] for mistake in content["errors"])
    if not case.operation.body:
        assert named
