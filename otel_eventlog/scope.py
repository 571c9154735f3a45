"""One run of an action: a block, or one call of a function of any kind."""

from __future__ import annotations

import contextvars
import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry import context as context_api
from opentelemetry import trace

from otel_eventlog import guard, semconv
from otel_eventlog.current import NO_ACTION, CurrentAction
from otel_eventlog.in_progress import request_in_progress
from otel_eventlog.limits import IDENTIFIER_CHARS_MAX
from otel_eventlog.processor import EventLogSpanProcessor, active_processors
from otel_eventlog.tracking import RequestSlot, slot_of, with_slot

_HTTP_ERROR_FROM = 400


class Scope:
    """One run of an action: annotates the request it is part of, or opens one. Never raises."""

    def __init__(self, name: str) -> None:
        self.current = NO_ACTION
        self._own_span: trace.Span | None = None
        self._context: context_api.Context | None = None
        self._before: context_api.Context | None = None
        self._token: Any = None
        self.is_closed = False
        try:
            self._open(name[:IDENTIFIER_CHARS_MAX])
        except Exception:  # noqa: BLE001 - nothing of ours may reach the application
            guard.caught("action")

    def _open(self, name: str) -> None:
        found = request_in_progress()
        processor: EventLogSpanProcessor | None = None
        if found is not None:
            processor, inside = found
            for request in inside.and_around():
                match = None if request.is_ended else processor.judge(request)
                if match is not None and match.action == name:
                    self.current = CurrentAction(request, processor.mapper.privacy)
                    return
        if processor is None:
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
            self._before = context_api.get_current()
            self._token = context_api.attach(self._context)

    def detach(self) -> None:
        """Make current what was so before."""
        token, self._token = self._token, None
        if token is None:
            return
        if not isinstance(token, contextvars.Token):
            context_api.detach(token)
            return
        # Not by OpenTelemetry's `detach`, which logs an error if the block is left in another
        # context than it was entered in: by a thread pool, or by a garbage collector.
        try:
            token.var.reset(token)
        except ValueError:
            if self._before is not None and context_api.get_current() is self._context:
                context_api.attach(self._before)

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
        self.is_closed = True
        try:
            failed = exception is not None and is_failure(exception)
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


def is_failure(exception: BaseException) -> bool:
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


def around(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function whose every call is an action; its signature stays what it was.

    Args:
        name: the action.
        function: a function, coroutine function, generator function or asynchronous one.

    """
    if inspect.isasyncgenfunction(function):
        wrapper: Callable[..., Any] = _around_async_generator(name, function)
    elif inspect.isgeneratorfunction(function):
        wrapper = _around_generator(name, function)
    elif inspect.iscoroutinefunction(function):
        wrapper = _around_coroutine(name, function)
    else:
        wrapper = _around_function(name, function)
    return functools.wraps(function)(wrapper)


def _around_function(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        scope = Scope(name)
        try:
            with scope.attached():
                result = function(*args, **kwargs)
        except BaseException as exception:
            scope.close(exception)
            raise
        if inspect.iscoroutine(result):
            # No coroutine function and still asynchronous: a wrapper, an object with `__call__`.
            return _awaited(scope, lambda: result)
        scope.close(None)
        return result

    return call


async def _awaited(scope: Scope, begin: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    try:
        with scope.attached():
            value = await begin()
    except BaseException as exception:
        scope.close(exception)
        raise
    scope.close(None)
    return value


def _around_coroutine(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> Any:
        # Called inside: wrong arguments end the run as well.
        return await _awaited(Scope(name), functools.partial(function, *args, **kwargs))

    return call


def _around_generator(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        inner = function(*args, **kwargs)
        scope = Scope(name)
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
        scope = Scope(name)
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
