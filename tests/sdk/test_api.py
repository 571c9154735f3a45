"""`action()`, `current_action()` and `record()`: the explicit way in."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from otel_eventlog import action, current_action, record
from otel_eventlog.model import Status
from otel_eventlog.privacy import Privacy
from tests.support.builders import rule_set
from tests.support.tracing import LOGIN, SERVER, tracing

NEWS = {"http.route": "/news", "url.path": "/news"}
REVOKED = ("SessionsRevoke start", "SessionsRevoke success")
FAILED = ("SessionsRevoke start", "SessionsRevoke error")


@action("SessionsRevoke")
def revoke(user: str, *, broken: bool = False) -> str:
    """Revoke a session."""
    current_action().set_user(user)
    if broken:
        raise PermissionError("not yours, token=abcdef")
    return f"revoked {user}"


def test_a_decorated_function_is_a_request_of_its_own() -> None:
    """It returns what it returns, keeps its name, and leaves start and outcome."""
    with tracing() as traced:
        assert revoke("u-1") == "revoked u-1"
        traced.events.assert_events(*REVOKED)
        assert traced.events.outcome().user_id == "u-1"
        assert revoke.__name__ == "revoke"


def test_an_exception_that_escapes_is_an_error() -> None:
    """It goes on to the caller, and the event log says which, without what looks like a secret."""
    with tracing() as traced:
        with pytest.raises(PermissionError):
            revoke("u-1", broken=True)
        traced.events.assert_events(*FAILED)
        outcome = traced.events.outcome()
        assert (outcome.outcome_source, outcome.error_type) == ("exception", "PermissionError")
        traced.events.assert_no_secret("abcdef")


def test_without_install_all_of_it_does_nothing() -> None:
    """The decorated function works, the current action is an object that ignores everything."""
    assert revoke("u-1") == "revoked u-1"
    record("EmailDelivery", message_status="bounced")
    with action("SessionsRevoke") as current:
        current.set_user("u").set("k", 1).fail("x").succeed(next_step="y").set_session(token="t")
        assert (current.is_active, current.action, current.request_id) == (False, None, None)
    assert current_action().is_active is False


def test_at_ratio_zero_explicit_actions_are_seen() -> None:
    """Sampling hides no explicit action, and exports none either."""
    with tracing(sampler=ALWAYS_OFF) as traced:
        revoke("u-1")
        traced.events.assert_events(*REVOKED)
        assert traced.exported == ()


@pytest.mark.parametrize("fails", [False, True])
def test_a_coroutine(fails: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """A decorated coroutine lasts until it has been awaited."""

    @action("SessionsRevoke")
    async def revoke_later() -> int:
        await asyncio.sleep(0)
        current_action().set_user("u-2")
        if fails:
            raise ValueError("late")
        return 7

    assert inspect.iscoroutinefunction(revoke_later)
    with tracing() as traced:
        if fails:
            with pytest.raises(ValueError, match="late"):
                asyncio.run(revoke_later())
        else:
            assert asyncio.run(revoke_later()) == 7
        traced.events.assert_events(*(FAILED if fails else REVOKED))
        assert traced.events.outcome().user_id == "u-2"


def test_a_generator_is_current_only_while_its_body_runs() -> None:
    """Sent values, thrown exceptions and the return value pass; the caller's code is outside."""

    @action("SessionsRevoke")
    def steps() -> Iterator[object]:
        got = yield current_action().action
        try:
            yield got
        except KeyError:
            current_action().set_user("u-3")
            yield "caught"
        return "end"

    with tracing() as traced:
        generator = steps()
        assert inspect.isgeneratorfunction(steps)
        assert next(generator) == "SessionsRevoke"
        assert current_action().is_active is False
        assert generator.send("hello") == "hello"
        assert generator.throw(KeyError()) == "caught"
        with pytest.raises(StopIteration, match="end"):
            next(generator)
        traced.events.assert_events(*REVOKED)
        assert traced.events.outcome().user_id == "u-3"


def test_a_generator_closed_early_has_not_failed() -> None:
    """A caller that needs no more items ends the action, and its cleanup runs inside of it."""
    seen = []

    @action("SessionsRevoke")
    def steps() -> Iterator[int]:
        try:
            yield 1
            yield 2
        finally:
            seen.append(current_action().action)

    with tracing() as traced:
        generator = steps()
        next(generator)
        generator.close()
        assert seen == ["SessionsRevoke"]
        traced.events.assert_events(*REVOKED)


def test_an_async_generator() -> None:
    """Its items pass, its failure is the action's, and between items nothing is current."""

    @action("SessionsRevoke")
    async def steps() -> AsyncIterator[str | None]:
        yield current_action().action
        raise RuntimeError("mid")

    async def consume() -> list[object]:
        found: list[object] = []
        try:
            async for item in steps():
                found += [item, current_action().is_active]
        except RuntimeError as error:
            found.append(str(error))
        return found

    assert inspect.isasyncgenfunction(steps)
    with tracing() as traced:
        assert asyncio.run(consume()) == ["SessionsRevoke", False, "mid"]
        traced.events.assert_events(*FAILED)


def test_cancelling_a_coroutine_is_an_error() -> None:
    """A request that was given up has not succeeded."""

    @action("SessionsRevoke")
    async def wait_for_ever() -> None:
        await asyncio.Event().wait()

    async def cancel() -> None:
        task = asyncio.create_task(wait_for_ever())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with tracing() as traced:
        asyncio.run(cancel())
        traced.events.assert_events(*FAILED)


def test_the_same_action_inside_its_own_server_span_annotates() -> None:
    """One pair, the server span's, with what the handler said."""
    with tracing() as traced:
        with traced.login(), action("PasswordsAuthenticate") as current:
            current.fail("invalid_credentials", "no such user ada@example.com")
        traced.events.assert_events("PasswordsAuthenticate start", "PasswordsAuthenticate error")
        outcome = traced.events.outcome()
        assert (outcome.outcome_source, outcome.error_type) == ("app", "invalid_credentials")
        assert outcome.http_route == "/login"
        assert len(traced.exported) == 1
        traced.events.assert_no_secret("ada@example.com")


def test_an_exception_inside_an_annotated_action_counts() -> None:
    """A handler that turns the failure of its action into a page with 200 is seen through."""
    with tracing() as traced:
        with traced.login(), pytest.raises(ValueError, match="no"), action("PasswordsAuthenticate"):
            raise ValueError("no")
        assert traced.events.outcome().error_type == "ValueError"


def test_an_exception_that_stands_for_a_redirect_is_no_failure() -> None:
    """Frameworks raise redirects: a status below 400 on the exception means success."""

    class Redirect(Exception):  # noqa: N818 - as frameworks name it
        status_code = 302

    with tracing() as traced:
        with pytest.raises(Redirect), action("SessionsRevoke"):
            raise Redirect
        traced.events.assert_events(*REVOKED)


def test_another_action_inside_is_a_request_of_its_own() -> None:
    """A login that ends other sessions leaves two pairs; inside, the inner one is current."""
    with tracing() as traced:
        with traced.login():
            with action("SessionsRevoke") as inner:
                assert current_action().request_id == inner.request_id
            assert current_action().action == "PasswordsAuthenticate"
        assert len({event.request_id for event in traced.events}) == 2
        assert traced.events.outcome("SessionsRevoke").status is Status.SUCCESS


def test_an_action_in_a_server_span_that_no_rule_wants() -> None:
    """The route is nobody's, the action says what it is: one pair, in the same trace."""
    with tracing() as traced:
        with traced.login(attributes=NEWS) as span, action("SessionsRevoke"):
            pass
        traced.events.assert_events(*REVOKED)
        assert traced.events[0].trace_id == span.get_span_context().trace_id


def test_an_action_inside_a_view_of_which_the_route_came_late() -> None:
    """Django: the view's own action is the server span's: it annotates, the start is live."""
    with tracing() as traced:
        with traced.tracer.start_as_current_span(
            "POST", kind=SERVER, attributes={"http.method": "POST"}
        ) as server:
            server.set_attribute("http.route", "accounts/login/")
            with action("PasswordsAuthenticate") as current:
                current.set_user("u-1")
                traced.events.assert_events("PasswordsAuthenticate start")
            server.set_attribute("http.status_code", 200)
        traced.events.assert_events("PasswordsAuthenticate start", "PasswordsAuthenticate success")
        assert traced.events.outcome().user_id == "u-1"


def test_everything_that_can_be_said() -> None:
    """Each method ends in its field; tokens end as keyed hashes; own attributes are bounded."""
    with tracing(privacy=Privacy(hash_key=b"k" * 16)) as traced:
        with traced.login():
            current = current_action()
            current.set_user(17).set_organization("o").set_client("c").set_flow("f")
            current.set_method("otp_sms", factor="possession").set_session(
                token="tok-1", jwt="j.w.t"
            )
            current.set("plan", "gold").set("password", "hunter2").succeed(
                next_step="second_factor"
            )
            for number in range(100):
                current.set(f"n{number}", number)
        event = traced.events.outcome()
    assert (event.user_id, event.organization_id, event.client_id) == ("17", "o", "c")
    assert (event.flow_id, event.auth_method, event.auth_factor) == ("f", "otp_sms", "possession")
    assert (event.next_step, event.outcome_source) == ("second_factor", "app")
    assert event.session_token_hash is not None
    assert event.session_jwt_hash is not None
    assert event.attributes["plan"] == "gold"
    assert len(event.attributes) <= 32
    traced.events.assert_no_secret("tok-1", "j.w.t", "hunter2")


def test_what_is_said_too_late_changes_nothing() -> None:
    """After the request's end its object does nothing more."""
    with tracing() as traced:
        with traced.login():
            current = current_action()
        current.fail("too_late")
        assert not current.is_active
        assert traced.events.outcome().status is Status.SUCCESS


def test_a_record_is_one_event_log_of_its_own() -> None:
    """It has the named fields, keeps the others as attributes, and links to the trace around it."""
    with tracing() as traced:
        with traced.login() as span:
            record("EmailDelivery", message_status="bounced", user_id="u-1", mailbox="full")
        sent = traced.events.of("EmailDelivery")
    (event,) = sent
    assert (event.status, event.message_status, event.user_id) == ("success", "bounced", "u-1")
    assert event.attributes == {"mailbox": "full"}
    assert event.trace_id == span.get_span_context().trace_id
    assert event.span_id != span.get_span_context().span_id
    assert (event.duration_ns, event.service) == (0, "shop")


def test_a_record_outside_of_any_request() -> None:
    """A webhook's worker has no span; its records have ids all the same, and may be errors."""
    with tracing() as traced:
        record(
            "CreatePublicToken", error_type="forbidden", time_unix_nano=1_700_000_000_000_000_000
        )
        record("CreatePublicToken", status="error")
        first, second = traced.events
    assert (first.status, first.error_type, first.trace_id) == ("error", "forbidden", 0)
    assert first.time_unix_nano == 1_700_000_000_000_000_000
    assert second.status == "error"
    assert first.event_id != second.event_id


def test_a_record_with_a_key_is_the_same_whenever_it_is_made() -> None:
    """A webhook delivered twice, to two processes, is one event log; another key is another."""
    moment = 1_700_000_000_000_000_000
    with tracing() as traced:
        for key in ("evt-1", "evt-1", "evt-2"):
            record("EmailDelivery", event_key=key, time_unix_nano=moment, message_status="opened")
        record("SMSDelivery", event_key="evt-1", time_unix_nano=moment)
        record("EmailDelivery", event_key="", time_unix_nano=moment)
        ids = [event.event_id for event in traced.events]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 4
    assert ids[0] == "018bcfe5-6800-766d-bdec-fd48f7c1a802"  # in every process
    traced.events.assert_no_secret("evt-1")


def test_a_record_with_nonsense_does_not_raise() -> None:
    """A status that does not exist is our fault to swallow, not the webhook's to fail on."""
    with tracing() as traced, pytest.MonkeyPatch.context() as patch:
        patch.delenv("OTEL_EVENTLOG_RAISE")
        record("EmailDelivery", status="perhaps")
        assert len(traced.events) == 0


def test_the_notes_of_a_held_request_count() -> None:
    """What a handler says of a request whose start is held back is in its event logs."""
    rules = rule_set(
        '[[rule]]\nname = "x"\naction = "PasswordsAuthenticate"\nroute = "/login"\n'
        '[[rule.outcome]]\nwhen = { status = [204] }\nstatus = "none"'
    )
    with tracing(rules) as traced:
        with traced.login():
            current_action().fail("locked")
        assert traced.events.outcome().error_type == "locked"


def test_nonsense_said_of_an_action_does_not_raise() -> None:
    """A key that is none, and texts that cannot be written out."""

    class MuteError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

        def __bool__(self) -> bool:
            raise RuntimeError

    odd: Any = MuteError()
    key: Any = ["a"]
    with tracing() as traced, pytest.MonkeyPatch.context() as patch:
        patch.delenv("OTEL_EVENTLOG_RAISE")
        with action("SessionsRevoke") as current:
            current.set(key, 1).succeed(next_step=odd).fail("locked", odd)
        with action("SessionsRevoke") as current:
            current.failed_with(odd)
        assert [e.error_type for e in traced.events if e.outcome_source] == [
            "locked",
            f"{__name__}.{MuteError.__qualname__}",
        ]


def test_actions_survive_a_provider_without_our_processor() -> None:
    """Spans of another provider are not ours: nothing is current in them."""
    with tracing() as traced:
        from opentelemetry.sdk.trace import TracerProvider

        other = TracerProvider(shutdown_on_exit=False).get_tracer("x")
        with other.start_as_current_span("x", kind=SERVER, attributes=LOGIN):
            assert current_action().is_active is False
        assert list(traced.events) == []
        assert trace.get_current_span() is trace.INVALID_SPAN
