"""How long we wait: never without end, never in circles, and not all clients at once."""

from __future__ import annotations

import pytest

from otel_eventlog.delivery.retry import (
    DELAY_S_MAX,
    REFUSED_DELAY_S_MAX,
    RETRY_AFTER_S_MAX,
    Backoff,
)
from otel_eventlog.delivery.sender import Answer, SendResult


def delays(result: SendResult, count: int = 12, jitter: float = 0.0) -> list[float]:
    """Return the waits after so many failures in a row."""
    backoff = Backoff(lambda: jitter)
    return [backoff.delay_s(result) for _ in range(count)]


@pytest.mark.parametrize("asked_s", [None, 0.0, 0.001])
def test_without_a_usable_hint_the_waits_double_up_to_five_seconds(asked_s: float | None) -> None:
    """Also a collector that asks for nothing is not asked again and again without a pause."""
    waits = delays(SendResult(Answer.UNAVAILABLE, retry_after_s=asked_s))
    assert waits[:4] == [0.1, 0.2, 0.4, 0.8]
    assert max(waits) == waits[-1] == DELAY_S_MAX


@pytest.mark.parametrize("asked_s", [31.0, 86_400.0, 1e9, float("inf")])
@pytest.mark.parametrize("jitter", [0.0, 1.0])
def test_an_absurd_hint_is_cut(asked_s: float, jitter: float) -> None:
    """Nobody makes us wait longer than half a minute."""
    result = SendResult(Answer.UNAVAILABLE, retry_after_s=asked_s)
    assert max(delays(result, jitter=jitter)) <= RETRY_AFTER_S_MAX + 0.25


def test_a_sensible_hint_is_the_least_we_wait() -> None:
    """What the collector asks for is what it gets, and a random part of a quarter of a second."""
    result = SendResult(Answer.UNAVAILABLE, retry_after_s=2.0)
    assert delays(result, count=3) == [2.0] * 3
    assert delays(result, count=3, jitter=1.0) == [2.25] * 3


def test_who_refuses_us_is_asked_twice_a_minute() -> None:
    """A wrong token is tried at most every half minute, but for ever."""
    assert delays(SendResult(Answer.REFUSED), count=20)[-1] == REFUSED_DELAY_S_MAX


def test_clients_do_not_come_back_at_once() -> None:
    """A random part of up to half is taken off."""
    result = SendResult(Answer.UNAVAILABLE)
    assert delays(result, count=3, jitter=1.0) == [0.05, 0.1, 0.2]
