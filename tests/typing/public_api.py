"""What users write, checked by mypy and never run: public names keep the types they promise."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Self, assert_type

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import Sampler

import otel_eventlog
from otel_eventlog import (
    CurrentAction,
    DeliveryStats,
    EventLog,
    EventLogSpanProcessor,
    Status,
    action,
)
from otel_eventlog.ruleset import RuleSet
from otel_eventlog.testing import EventLogs, capture


def installs_with_every_option(provider: TracerProvider) -> None:
    """`install` takes what the environment variables take, and answers with the processor."""
    otel_eventlog.install()
    processor = otel_eventlog.install(
        provider,
        endpoint="http://localhost:4328",
        rules=[Path("rules.toml"), "more.toml"],
        packs=["stytch"],
        spool_dir=Path("spool"),
    )
    assert_type(processor, EventLogSpanProcessor | None)
    if processor is not None:
        assert_type(processor.delivery.stats(), DeliveryStats)


def builds_a_provider_by_hand(
    sampler: Sampler, rules: RuleSet, processor: EventLogSpanProcessor
) -> TracerProvider:
    """The sampler and the processor fit the SDK's own types."""
    provider = TracerProvider(sampler=otel_eventlog.EventLogSampler(sampler, rules))
    provider.add_span_processor(processor)
    return provider


@action("PasswordsAuthenticate")
def function(user: str, *, remember: bool = False) -> int:
    """A decorated function keeps its signature."""
    return len(user) + remember


@action("SessionsAuthenticate")
async def coroutine(token: str) -> bool:
    """A decorated coroutine keeps its signature."""
    return bool(token)


@action("UsersSearch")
def generator(pages: int) -> Iterator[int]:
    """A decorated generator keeps its signature."""
    yield from range(pages)


@action("UsersSearch")
async def asynchronous_generator(pages: int) -> AsyncIterator[int]:
    """A decorated asynchronous generator keeps its signature."""
    for page in range(pages):
        yield page


class Shop:
    """Methods of every kind keep their signatures."""

    @action("SessionsRevoke")
    def method(self, user: str) -> int:
        """Revoke as a method."""
        return len(user)

    @staticmethod
    @action("SessionsRevoke")
    def static(user: str) -> int:
        """Revoke as a static method."""
        return len(user)

    @classmethod
    @action("SessionsRevoke")
    async def of_class(cls, user: str) -> Self:
        """Revoke as a class method."""
        del user
        return cls()


async def calls_methods(shop: Shop) -> None:
    """Bound methods are what they were."""
    assert_type(shop.method("ada"), int)
    assert_type(Shop.static("ada"), int)
    assert_type(await Shop.of_class("ada"), Shop)


async def calls_wrongly(shop: Shop) -> None:
    """A wrong call is found in spite of the decorator: without a complaint, this line is one."""
    function(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    function("ada", forget=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await coroutine()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    shop.method(user=None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    async for _ in asynchronous_generator("x"):  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        pass
    action(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    otel_eventlog.record("X", user_id={})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def calls_what_was_decorated() -> None:
    """Callers see the types that they saw before."""
    assert_type(function("ada", remember=True), int)
    assert_type(await coroutine("t"), bool)
    assert_type(generator(3), Iterator[int])
    assert_type(asynchronous_generator(3), AsyncIterator[int])


def says_what_happened() -> None:
    """Inside `action`, and wherever `current_action` is asked, outcome and details can be said."""
    with action("SessionsRevoke") as current:
        assert_type(current, CurrentAction)
        current.set_user("u-1").set("reason", "logout").succeed()
    otel_eventlog.current_action().fail("invalid_credentials")
    otel_eventlog.record(
        "EmailDelivery",
        message_status="bounced",
        user_id=None,
        attempts=3,
        event_key="evt-1",
        time_unix_nano=1_795_419_852_646_000_000,
    )


def asserts_in_tests(event_logs: EventLogs) -> None:
    """The fixture `event_logs` is a sequence of event logs."""
    assert_type(event_logs[0], EventLog)
    assert_type(event_logs.outcome("PasswordsAuthenticate").status, Status)
    event_logs.assert_events("PasswordsAuthenticate start", "PasswordsAuthenticate success")
    event_logs.assert_no_secret("hunter2", "correct horse")
    event_logs.assert_no_unpaired_starts()
    event_logs.wait_for(2, timeout_s=1.5)
    event_logs.assert_no_secret()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def catches_without_pytest(provider: TracerProvider) -> None:
    """`capture` yields what the fixture yields."""
    with capture(provider, rules=["rules.toml"], packs=("stytch",)) as event_logs:
        assert_type(event_logs, EventLogs)
