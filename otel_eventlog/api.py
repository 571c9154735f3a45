"""The explicit way in: `action()`, `current_action()` and `record()`.

Without an installed processor all of it does nothing.
"""

from __future__ import annotations

import contextvars
import hashlib
import random
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar, cast

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from otel_eventlog import guard, semconv
from otel_eventlog.current import NO_ACTION, CurrentAction
from otel_eventlog.in_progress import request_in_progress
from otel_eventlog.limits import IDENTIFIER_CHARS_MAX
from otel_eventlog.model import AttributeValue, SpanData, SpanKind, Status
from otel_eventlog.outcome import Annotations
from otel_eventlog.processor import EventLogSpanProcessor, active_processors
from otel_eventlog.readable import resource_attributes
from otel_eventlog.rules import Match
from otel_eventlog.scope import Scope, around
from otel_eventlog.snapshots import Recorded
from otel_eventlog.tracking import slot_of

Function = TypeVar("Function", bound=Callable[..., Any])

_entered: contextvars.ContextVar[tuple[Scope, ...]] = contextvars.ContextVar(
    "otel-eventlog-entered", default=()
)
"""The `with action(…)` blocks around the running code, outermost first."""


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
        self._scopes: list[Scope] = []

    def __enter__(self) -> CurrentAction:
        scope = Scope(self._name)
        self._scopes.append(scope)
        scope.attach()
        # Those closed in another context than this one are still in it.
        _entered.set((*(other for other in _entered.get() if not other.is_closed), scope))
        return scope.current

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        scope = self._leave()
        if scope is not None:
            scope.detach()
            scope.close(exception)

    def _leave(self) -> Scope | None:
        """Return the scope that this block entered: one object may be in use by many tasks."""
        mine = [scope for scope in _entered.get() if scope in self._scopes]
        try:
            # None of them: entered in another thread, as FastAPI does with its dependencies.
            scope = mine[-1] if mine else self._scopes[-1]
            self._scopes.remove(scope)
        except (IndexError, ValueError):
            return None
        _entered.set(tuple(other for other in _entered.get() if other is not scope))
        return scope

    def __call__(self, function: Function) -> Function:
        """Wrap a function of any of the four kinds; its signature stays what it was."""
        if isinstance(function, (staticmethod, classmethod)):
            return cast("Function", type(function)(self(function.__func__)))
        return cast("Function", around(self._name, function))


def current_action() -> CurrentAction:
    """Return the auth call in progress; an object that does nothing if there is none."""
    try:
        found = request_in_progress()
        if found is not None:
            processor, request = found
            processor.judge(request)
            return CurrentAction(request, processor.mapper.privacy)
    except Exception:  # noqa: BLE001 - nothing of ours may reach the application
        guard.caught("current_action")
    return NO_ACTION


def record(
    action: str,
    *,
    status: str | None = None,
    time_unix_nano: int | None = None,
    event_key: str | None = None,
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
        event_key: what tells this event from all others of the action, for example the id that a
            mail provider gives it. With the same key and time, both from the provider, it is the
            same event log, however often it is recorded and in whichever process.
        fields: see above.

    """
    try:
        processors = active_processors()
        if processors:
            name = action[:IDENTIFIER_CHARS_MAX]
            span_id = _random_span_id() if event_key is None else _span_id_of(name, event_key)
            _record(processors[-1], name, span_id, status, time_unix_nano, fields)
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
    span_id: int,
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
        span_id=span_id,
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


def _span_id_of(action: str, event_key: str) -> int:
    # Not keyed: processes without the key, and a restarted one, must come to the same id.
    text = f"{action}\0{event_key}".encode(errors="surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8, person=b"eventlog").digest()) or 1
