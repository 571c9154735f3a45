"""The explicit way in: `action()`, `current_action()` and `record()`.

Without an installed processor all of it does nothing.
"""

from __future__ import annotations

import functools
import inspect
import random
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, TypeVar, cast

from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from otel_eventlog import guard, semconv
from otel_eventlog.current import NO_ACTION, CurrentAction
from otel_eventlog.limits import IDENTIFIER_CHARS_MAX
from otel_eventlog.model import AttributeValue, SpanData, SpanKind, Status
from otel_eventlog.outcome import Annotations
from otel_eventlog.processor import EventLogSpanProcessor, active_processors
from otel_eventlog.readable import resource_attributes
from otel_eventlog.rules import Match
from otel_eventlog.snapshots import Recorded
from otel_eventlog.tracking import Request, RequestSlot, slot_of, with_slot

Function = TypeVar("Function", bound=Callable[..., Any])

_HTTP_ERROR_FROM = 400


class action:  # noqa: N801 - used as a decorator and in `with`, where a function is expected
    """Say that a function or a block is an auth call.

        @action("PasswordsAuthenticate")
        def login(…): …

        with action("SessionsRevoke") as current:
            current.set_user("u-1")

    Works on functions, coroutines, generators and async generators. Inside a request of the same
    action (a route that a rule knows, or an outer `action`) it annotates that request; otherwise it
    is a request of its own, with its own span. An exception that escapes makes it an error, unless
    `succeed()` or `fail()` said otherwise, or the exception stands for a redirect.

    Args:
        name: the action, in CamelCase.

    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._scopes: list[_Scope] = []

    def __enter__(self) -> CurrentAction:
        scope = _Scope(self._name)
        self._scopes.append(scope)
        scope.attach()
        return scope.current

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        scope = self._scopes.pop()
        scope.detach()
        scope.close(exception)

    def __call__(self, function: Function) -> Function:
        """Wrap a function of any of the four kinds; its signature stays what it was."""
        if inspect.isasyncgenfunction(function):
            wrapper: Callable[..., Any] = _around_async_generator(self._name, function)
        elif inspect.isgeneratorfunction(function):
            wrapper = _around_generator(self._name, function)
        elif inspect.iscoroutinefunction(function):
            wrapper = _around_coroutine(self._name, function)
        else:
            wrapper = _around_function(self._name, function)
        return cast("Function", functools.wraps(function)(wrapper))


def _around_function(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        with action(name):
            return function(*args, **kwargs)

    return call


def _around_coroutine(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> Any:
        with action(name):
            return await function(*args, **kwargs)

    return call


def _around_generator(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        inner = function(*args, **kwargs)
        scope = _Scope(name)
        step: Callable[[], Any] = functools.partial(next, inner)
        try:
            while True:
                # Attached only while the body runs: what the caller does between two items is
                # none of this action's business.
                with scope.attached():
                    item = step()
                try:
                    step = functools.partial(inner.send, (yield item))
                except GeneratorExit:
                    with scope.attached():
                        inner.close()
                    raise
                except BaseException as thrown:  # noqa: BLE001 - handed to the body, as `yield` does
                    step = functools.partial(inner.throw, thrown)
        except StopIteration as end:
            scope.close(None)
            return end.value
        except BaseException as exception:
            scope.close(exception)
            raise

    return call


def _around_async_generator(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        inner = function(*args, **kwargs)
        scope = _Scope(name)
        step: Callable[[], Any] = functools.partial(anext, inner)
        try:
            while True:
                with scope.attached():
                    item = await step()
                try:
                    step = functools.partial(inner.asend, (yield item))
                except GeneratorExit:
                    with scope.attached():
                        await inner.aclose()
                    raise
                except BaseException as thrown:  # noqa: BLE001 - handed to the body, as `yield` does
                    step = functools.partial(inner.athrow, thrown)
        except StopAsyncIteration:
            scope.close(None)
        except BaseException as exception:
            scope.close(exception)
            raise

    return call


class _Scope:
    """One run of an action: annotates the request it is part of, or opens one. Never raises."""

    def __init__(self, name: str) -> None:
        self.current = NO_ACTION
        self._own_span: trace.Span | None = None
        self._context: context_api.Context | None = None
        self._token: Any = None
        try:
            self._open(name[:IDENTIFIER_CHARS_MAX])
        except Exception:  # noqa: BLE001 - nothing of ours may reach the application
            guard.caught("action")

    def _open(self, name: str) -> None:
        found = _request_in_progress()
        if found is not None:
            processor, inside = found
            for request in inside.and_around():
                match = None if request.is_ended else processor.judge(request)
                if match is not None and match.action == name:
                    self.current = CurrentAction(request, processor.mapper.privacy)
                    return
        processors = active_processors()
        if not processors:
            return
        processor = processors[-1]
        provider = processor.tracer_provider or trace.get_tracer_provider()
        span = provider.get_tracer(semconv.SCOPE_NAME).start_span(
            name, attributes={semconv.EVENTLOG_ACTION: name}
        )
        own = processor.find(span.get_span_context().span_id)
        self._own_span = span
        self.current = CurrentAction(own, processor.mapper.privacy)
        slot = slot_of(None)
        correlation_id = None if slot is None else slot.correlation_id
        self._context = with_slot(RequestSlot(correlation_id, own), trace.set_span_in_context(span))

    def attach(self) -> None:
        """Make the action the current one."""
        if self._context is not None:
            self._token = context_api.attach(self._context)

    def detach(self) -> None:
        """Make current what was so before."""
        if self._token is not None:
            context_api.detach(self._token)
            self._token = None

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Make the action the current one for a while."""
        self.attach()
        try:
            yield
        finally:
            self.detach()

    def close(self, exception: BaseException | None) -> None:
        """End the run; an exception that escaped makes it an error."""
        try:
            failed = exception is not None and _is_failure(exception)
            if self._own_span is None:
                if failed and exception is not None:
                    self.current.failed_with(exception)
                return
            if failed and exception is not None:
                self._own_span.record_exception(exception, escaped=True)
                self._own_span.set_status(trace.StatusCode.ERROR, type(exception).__name__)
            self._own_span.end()
        except Exception:  # noqa: BLE001 - nothing of ours may reach the application
            guard.caught("action")


def _is_failure(exception: BaseException) -> bool:
    """Whether an exception that escapes an action means that it failed.

    A generator closed early has not failed, and frameworks raise exceptions for redirects.
    """
    if isinstance(exception, GeneratorExit):
        return False
    for name in ("status_code", "code"):
        status = getattr(exception, name, None)
        if isinstance(status, int) and not isinstance(exception, SystemExit):
            return status >= _HTTP_ERROR_FROM
    return True


def current_action() -> CurrentAction:
    """Return the auth call in progress; an object that does nothing if there is none."""
    try:
        found = _request_in_progress()
        if found is not None:
            processor, request = found
            processor.judge(request)
            return CurrentAction(request, processor.mapper.privacy)
    except Exception:  # noqa: BLE001 - nothing of ours may reach the application
        guard.caught("current_action")
    return NO_ACTION


def _request_in_progress() -> tuple[EventLogSpanProcessor, Request] | None:
    """Return the innermost request around the running code, and whose it is."""
    processors = active_processors()
    if not processors:
        return None
    span_id = trace.get_current_span().get_span_context().span_id
    for processor in processors:
        request = processor.find(span_id)
        if request is not None and not request.is_ended:
            return processor, request
    slot = slot_of(None)
    if slot is None or slot.request is None or slot.request.is_ended:
        return None
    for processor in processors:
        if processor.find(slot.request.span_id) is slot.request:
            return processor, slot.request
    return None


def record(
    action: str,
    *,
    status: str | None = None,
    time_unix_nano: int | None = None,
    **fields: AttributeValue | None,
) -> None:
    """Record something that happened at one moment: an e-mail bounced, an admin made a key.

        record("EmailDelivery", message_status="bounced", user_id="u-1", error_type="bounced")

    It is one event log, a request of its own. Named fields of an event log (`user_id`,
    `organization_id`, `client_id`, `correlation_id`, `flow_id`, `auth_method`, `auth_factor`,
    `message_status`, `next_step`, `error_type`, `error_message`) go there, all others into its
    attributes.

    Args:
        action: what happened, in CamelCase.
        status: `success` or `error`; when absent, `error` if there is an `error_type`.
        time_unix_nano: when it happened; now when absent.
        fields: see above.

    """
    try:
        processors = active_processors()
        if processors:
            _record(processors[-1], action[:IDENTIFIER_CHARS_MAX], status, time_unix_nano, fields)
    except Exception:  # noqa: BLE001 - nothing of ours may reach the application
        guard.caught("record")


_NAMED_FIELDS = frozenset(
    {
        "auth_factor",
        "auth_method",
        "client_id",
        "correlation_id",
        "error_message",
        "error_type",
        "flow_id",
        "message_status",
        "next_step",
        "organization_id",
        "user_id",
    }
)


def _record(
    processor: EventLogSpanProcessor,
    action: str,
    status: str | None,
    time_unix_nano: int | None,
    fields: dict[str, AttributeValue | None],
) -> None:
    given = {name: value for name, value in fields.items() if value is not None}
    notes = Annotations(
        status=Status(status or ("error" if "error_type" in given else "success")),
        attributes={name: value for name, value in given.items() if name not in _NAMED_FIELDS},
    )
    for name in _NAMED_FIELDS.intersection(given):
        setattr(notes, name, str(given[name]))
    slot = slot_of(None)
    if notes.correlation_id is None and slot is not None:
        notes.correlation_id = slot.correlation_id
    around = trace.get_current_span().get_span_context()
    provider = processor.tracer_provider or trace.get_tracer_provider()
    now = time.time_ns() if time_unix_nano is None else time_unix_nano
    span = SpanData(
        trace_id=around.trace_id,
        span_id=_random_span_id(),
        parent_span_id=around.span_id,
        name=action,
        kind=SpanKind.INTERNAL,
        start_unix_nano=now,
        end_unix_nano=now,
        attributes={},
        resource=(
            resource_attributes(provider.resource) if isinstance(provider, TracerProvider) else {}
        ),
        scope_name=semconv.SCOPE_NAME,
        trace_sampled=around.trace_flags.sampled if around.is_valid else None,
    )
    processor.record(Recorded(span, Match(action, None), notes))


def _random_span_id() -> int:
    # Not a secret; as the SDK makes its span ids. Zero would be no id.
    return random.getrandbits(64) or 1
