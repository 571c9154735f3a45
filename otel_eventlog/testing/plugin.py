"""The pytest plugin. Loaded in every pytest run, so it imports nothing before it is needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

    from otel_eventlog.testing.events import EventLogs


@pytest.fixture
def event_logs_rules() -> Sequence[str]:
    """Rule files of the application; override it in your conftest.py."""
    return ()


@pytest.fixture
def event_logs_packs() -> Sequence[str]:
    """Built-in packs beyond the default ones; override it in your conftest.py."""
    return ()


@pytest.fixture
def event_logs_tracer_provider() -> TracerProvider | None:
    """Whose spans are looked at: the global provider's; override it in your conftest.py."""
    return None


@pytest.fixture
def event_logs(
    event_logs_rules: Sequence[str],
    event_logs_packs: Sequence[str],
    event_logs_tracer_provider: TracerProvider | None,
) -> Iterator[EventLogs]:
    """Yield the event logs that the test leaves; nothing is sent anywhere."""
    from otel_eventlog.testing.capturing import capture

    with capture(
        event_logs_tracer_provider, rules=event_logs_rules, packs=event_logs_packs
    ) as events:
        yield events
