"""Runs of an action: every kind of function, many at once, left in other places than entered."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import gc
import inspect
import logging
import threading
from collections.abc import AsyncGenerator, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import Annotated, Any

import fastapi
import httpx
import pytest

from otel_eventlog import action, api, current_action
from tests.support.tracing import Tracing, tracing

REVOKED = ("SessionsRevoke start", "SessionsRevoke success")
FAILED = ("SessionsRevoke start", "SessionsRevoke error")


@pytest.fixture(autouse=True)
def _nothing_is_logged(caplog: pytest.LogCaptureFixture) -> Any:
    """Whatever is done here, neither OpenTelemetry nor we write to the application's log."""
    caplog.set_level(logging.WARNING)
    yield
    assert [record.getMessage() for record in caplog.records] == []


def users(traced: Tracing) -> list[tuple[str, str | None]]:
    """Return action and user of every outcome, sorted."""
    ended = [event for event in traced.events if event.outcome_source is not None]
    return sorted(((event.action, event.user_id) for event in ended), key=str)


def test_one_object_may_be_in_use_by_many_tasks() -> None:
    """`with` on a shared object ends in each task what that task began, in any order."""
    shared = action("SessionsRevoke")

    async def revoke(number: int, turns: int) -> None:
        with shared as current:
            current.set_user(f"u-{number}")
            for _ in range(turns):
                await asyncio.sleep(0)
            assert current_action().request_id == current.request_id
            with shared as again:
                assert again.request_id == current.request_id
        assert not current_action().is_active

    async def all_at_once() -> None:
        await asyncio.gather(*(revoke(number, 7 - number) for number in range(7)))

    with tracing() as traced:
        asyncio.run(all_at_once())
        traced.events.assert_no_unpaired_starts()
        assert users(traced) == [("SessionsRevoke", f"u-{number}") for number in range(7)]


def test_one_object_may_be_in_use_by_many_threads() -> None:
    """Threads share nothing of what is current."""
    shared = action("SessionsRevoke")
    barrier = threading.Barrier(4, timeout=30)

    def revoke(number: int) -> None:
        with shared as current:
            barrier.wait()
            assert current_action().request_id == current.request_id
            current.set_user(f"u-{number}")
            barrier.wait()

    with tracing() as traced, ThreadPoolExecutor(4) as pool:
        list(pool.map(revoke, range(4)))
        assert users(traced) == [("SessionsRevoke", f"u-{number}") for number in range(4)]


def test_actions_of_concurrent_tasks_inside_of_one_request() -> None:
    """Each task's own action is current in it; the same action as around them annotates."""

    @action("UsersSearch")
    async def search(user: str) -> None:
        await asyncio.sleep(0)
        current_action().set_user(user)

    @action("PasswordsAuthenticate")
    async def check() -> None:
        await asyncio.sleep(0)
        current_action().set_user("ada")

    async def both() -> None:
        await asyncio.gather(search("a"), search("b"), check())
        assert current_action().action == "PasswordsAuthenticate"

    with tracing() as traced:
        with traced.login():
            asyncio.run(both())
        assert users(traced) == [
            ("PasswordsAuthenticate", "ada"),
            ("UsersSearch", "a"),
            ("UsersSearch", "b"),
        ]


def test_a_block_left_in_another_thread_than_it_was_entered_in() -> None:
    """FastAPI enters and leaves a dependency that yields in threads of a pool."""

    def revoking() -> Any:
        with action("SessionsRevoke") as current:
            yield current.set_user("u-1")

    app = fastapi.FastAPI()

    def end(current: Any) -> str | None:
        request_id: str | None = current.request_id
        return request_id

    end.__annotations__["current"] = Annotated[Any, fastapi.Depends(revoking)]
    app.get("/end")(end)

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await asyncio.gather(*(client.get("/end") for _ in range(5)))

    with tracing() as traced:
        answers = asyncio.run(ask())
        assert {answer.json() for answer in answers} == {e.request_id for e in traced.events}
        traced.events.assert_no_unpaired_starts()
        assert len(traced.events) == 10
        assert not current_action().is_active


def test_values_and_exceptions_sent_into_an_asynchronous_generator() -> None:
    """`asend` and `athrow` reach the body; closing early runs its cleanup and is no failure."""
    cleaned: list[str | None] = []

    @action("SessionsRevoke")
    async def steps() -> AsyncGenerator[object, object]:
        try:
            got = yield 1
            try:
                yield got
            except KeyError:
                yield "caught"
            yield "never asked for"
        finally:
            await asyncio.sleep(0)
            cleaned.append(current_action().action)

    async def drive() -> None:
        async with aclosing(steps()) as generator:
            assert await anext(generator) == 1
            assert await generator.asend("hello") == "hello"
            assert await generator.athrow(KeyError()) == "caught"
            assert not current_action().is_active

    with tracing() as traced:
        asyncio.run(drive())
        assert cleaned == ["SessionsRevoke"]
        traced.events.assert_events(*REVOKED)


def test_cancelling_an_asynchronous_generator_is_an_error() -> None:
    """The consumer is cancelled while the body waits."""

    @action("SessionsRevoke")
    async def steps() -> AsyncGenerator[int]:
        yield 1
        await asyncio.Event().wait()

    async def consume() -> None:
        async for _ in steps():
            pass

    async def drive() -> None:
        task = asyncio.create_task(consume())
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with tracing() as traced:
        asyncio.run(drive())
        traced.events.assert_events(*FAILED)


def test_generators_that_are_forgotten() -> None:
    """Begun and dropped, a generator ends with the garbage; never begun, it leaves nothing."""

    @action("SessionsRevoke")
    def steps() -> Generator[int]:
        yield 1

    @action("SessionsRevoke")
    async def steps_later() -> AsyncGenerator[int]:
        yield 1

    async def drop(traced: Tracing) -> None:
        steps_later()
        await anext(steps_later())
        gc.collect()
        async with asyncio.timeout(30):  # the loop closes what was dropped in a task of its own
            while len(traced.events) < 4:  # noqa: ASYNC110 - nothing tells when
                await asyncio.sleep(0)

    with tracing() as traced:
        steps()
        gc.collect()
        assert len(traced.events) == 0
        next(steps())
        gc.collect()
        traced.events.assert_events(*REVOKED)
        asyncio.run(drop(traced))
        traced.events.assert_events(*REVOKED, *REVOKED)


def test_blocks_left_elsewhere_are_not_kept() -> None:
    """A generator with a block in it, closed by another thread, leaves nothing for ever."""

    def steps() -> Generator[int, None, None]:
        with action("SessionsRevoke"):
            yield 1

    def leave_elsewhere() -> int:
        for _ in range(3):
            started = steps()
            next(started)
            closing = threading.Thread(target=started.close)
            closing.start()
            closing.join()
        with action("SessionsRevoke"):
            return len(api._entered.get())

    with tracing():
        # In a context of its own: what the blocks made current stays so in it.
        assert contextvars.copy_context().run(leave_elsewhere) == 1


def test_an_exception_in_a_generator_reaches_the_caller_as_it_is() -> None:
    """Thrown in and not caught, or of its own; each is an error."""

    @action("SessionsRevoke")
    def steps() -> Generator[int]:
        yield 1
        raise RuntimeError("own")

    with tracing() as traced:
        with pytest.raises(RuntimeError, match="own"):
            list(steps())
        generator = steps()
        next(generator)
        with pytest.raises(KeyError, match="thrown"):
            generator.throw(KeyError("thrown"))
        traced.events.assert_events(*FAILED, *FAILED)


class Revoking:
    """Methods of every kind, and an object that is called like a function."""

    @action("SessionsRevoke")
    def method(self, user: str) -> str:
        """Revoke as a method."""
        current_action().set_user(user)
        return user

    @action("SessionsRevoke")
    @staticmethod
    def static(user: str) -> str:
        """Revoke as a static method."""
        current_action().set_user(user)
        return user

    @action("SessionsRevoke")
    @classmethod
    def of_class(cls, user: str) -> str:
        """Revoke as a class method."""
        current_action().set_user(f"{cls.__name__}-{user}")
        return user

    async def __call__(self, user: str) -> str:
        """Revoke by calling the object."""
        await asyncio.sleep(0)
        current_action().set_user(user)
        return user


def test_methods_of_every_kind() -> None:
    """Also through `staticmethod` and `classmethod`, in either order."""
    with tracing() as traced:
        assert [Revoking().method("a"), Revoking.static("b"), Revoking.of_class("c")] == list("abc")
        assert [user for _, user in users(traced)] == ["Revoking-c", "a", "b"]


def test_wrong_arguments_of_a_coroutine_end_its_run() -> None:
    """Python refuses them when the function is called, before there is anything to await."""

    @action("SessionsRevoke")
    async def revoke(user: str) -> str:
        return user

    wrong: Any = revoke
    with tracing() as traced:
        with pytest.raises(TypeError):
            asyncio.run(wrong())
        traced.events.assert_events(*FAILED)


def test_what_is_asynchronous_without_looking_so() -> None:
    """A callable object, a partial, a wrapper: the action lasts until the result was awaited."""

    async def revoke(prefix: str, user: str) -> str:
        await asyncio.sleep(0)
        if user == "bad":
            raise ValueError(user)
        current_action().set_user(prefix + user)
        return user

    def wrapper(user: str) -> Any:
        return revoke("w-", user)

    async def drive() -> None:
        assert await action("SessionsRevoke")(Revoking())("a") == "a"
        partial = action("SessionsRevoke")(functools.partial(revoke, "p-"))
        assert inspect.iscoroutinefunction(partial)
        assert await partial("b") == "b"
        assert await action("SessionsRevoke")(wrapper)("c") == "c"
        with pytest.raises(ValueError, match="bad"):
            await action("SessionsRevoke")(wrapper)("bad")

    with tracing() as traced:
        asyncio.run(drive())
        assert [user for _, user in users(traced) if user] == ["a", "p-b", "w-c"]
        traced.events.assert_no_unpaired_starts()
        assert [event.status.value for event in traced.events][-1] == "error"


def test_the_current_action_in_other_threads() -> None:
    """`asyncio.to_thread` takes it along, a bare thread does not."""
    seen: dict[str, bool] = {}

    @action("SessionsRevoke")
    async def revoke() -> None:
        await asyncio.to_thread(lambda: current_action().set_user("u-1"))
        thread = threading.Thread(target=lambda: seen.update(bare=current_action().is_active))
        thread.start()
        thread.join(30)

    with tracing() as traced:
        asyncio.run(revoke())
        assert seen == {"bare": False}
        assert traced.events.outcome().user_id == "u-1"
