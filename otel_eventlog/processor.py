"""`EventLogSpanProcessor`: makes event logs of the spans that the rules want, as they happen.

In the request's thread it matches, marks the span and queues; the rest is the worker's. A span
that no rule wants costs one look-up. Whatever fails here is caught here.

One request of one action is one pair: where instrumentations are stacked, the outermost matched
span is the request, and matched spans of the same action inside of it are marked `eventlog.drop`.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from typing import Any, Protocol

from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from otel_eventlog import guard
from otel_eventlog.alike import Materialiser
from otel_eventlog.delivery.tally import DeliveryStats
from otel_eventlog.mapping import Mapper
from otel_eventlog.model import Attributes, SpanKind
from otel_eventlog.readable import (
    SPAN_ID_AT,
    at_end,
    at_start,
    attributes_of,
    end_of,
    head_of,
    kind_number,
    mark,
    new_tuple,
    peek,
)
from otel_eventlog.reported import REPORTED
from otel_eventlog.ruleindex import LATER, Entry, Later, Untold
from otel_eventlog.rules import Match
from otel_eventlog.semconv import EVENTLOG_ACTION, EVENTLOG_DROP
from otel_eventlog.settings import Settings, build_delivery, build_mapper
from otel_eventlog.snapshots import Ended, Recorded, Snapshot, Started
from otel_eventlog.tracking import TRACKED_SPANS_MAX, Request, RequestSlot, Table, slot_of

_SERVER = int(SpanKind.SERVER)


class SnapshotSink(Protocol):
    """What the processor needs of a delivery."""

    def put(self, item: Any, /) -> None:
        """Take a snapshot over; never blocks, never raises."""

    def force_flush(self, timeout_s: float) -> bool:
        """Send what is queued; whether that succeeded in time."""

    def shutdown(self) -> None:
        """Send what is queued, as far as possible, and end."""

    def stats(self) -> DeliveryStats:
        """Return what has become of the event logs of this process."""


class EventLogSpanProcessor(SpanProcessor):
    """Hands the start and the outcome of every auth call to a delivery.

    Args:
        mapper: rules and privacy; by default what the `OTEL_EVENTLOG_*` variables say.
        delivery: takes the snapshots and has event logs made of them (`Materialiser`) in its
            worker; by default one to the collector that the variables name.
        spans_max: most spans tracked at once.

    Raises:
        SettingsError: a variable is wrong; lists every mistake.
        RuleError: a rule file is wrong; lists every mistake.

    """

    def __init__(
        self,
        mapper: Mapper | None = None,
        delivery: SnapshotSink | None = None,
        *,
        spans_max: int = TRACKED_SPANS_MAX,
    ) -> None:
        if mapper is None or delivery is None:
            settings = Settings.from_env(os.environ)
            mapper = mapper or build_mapper(settings)
            delivery = delivery or build_delivery(settings, Materialiser(mapper))
        self.mapper = mapper
        self.delivery: SnapshotSink = delivery
        self.tracer_provider: trace.TracerProvider | None = None
        """Whose spans these are, where known: `api` opens its spans there."""
        self.on_request: Callable[[], None] | None = None
        """Called in the request's thread for every request that is tracked; must not raise."""
        self._glances, self._look = mapper.rules.glances, mapper.rules.after_glance
        self._judges_servers = _SERVER in mapper.rules.kinds
        self._table = Table(spans_max)
        self._tracked = self._table.by_span
        self._put: Callable[[Snapshot], None] = delivery.put
        self._is_shut_down = False
        _active.append(weakref.ref(self))

    # --- the SDK's side ---------------------------------------------------------------------------

    def on_start(self, span: Span, parent_context: context_api.Context | None = None) -> None:
        """Judge a span that starts; called in the request's thread."""
        try:
            if self._is_shut_down:
                return
            known: Any = span
            try:
                # `at_start` of `readable` and of the rule set written out: every span of the
                # application comes by here, and most go no further than the first `return`.
                attributes = known._attributes._dict  # noqa: SLF001
                kind, parent = known._kind._value_ + 1, known._parent  # noqa: SLF001
            except AttributeError:  # another SDK than those we know
                attributes, kind, parent = at_start(span)
            glance = self._glances.get(kind)
            found = None if glance is None else glance(attributes)
            is_judged = kind != _SERVER or "http.route" in attributes
            if found is None and is_judged and EVENTLOG_ACTION not in attributes:
                around = self._inside_of(parent) if self._tracked else None
                if around is not None:
                    self._table.put(span.context.span_id, around)
                return
            self._start(span, parent_context, attributes, kind, found)
        except Exception:  # noqa: BLE001 - nothing of ours may reach the request
            guard.caught("EventLogSpanProcessor.on_start")

    def on_end(self, span: ReadableSpan) -> None:
        """Hand over a request whose span ended; called in whichever thread ends it."""
        try:
            known: Any = span
            try:  # as above
                span_id, attributes = known._context[SPAN_ID_AT], known._attributes._dict  # noqa: SLF001
            except (AttributeError, TypeError):
                span_id, attributes = at_end(span)
            request = self._tracked.pop(span_id, None)
            if REPORTED.wanted:
                REPORTED.add(span_id)
            if request is not None or EVENTLOG_ACTION in attributes:
                self._end(span, span_id, request, attributes)
        except Exception:  # noqa: BLE001 - nothing of ours may reach the request
            guard.caught("EventLogSpanProcessor.on_end")

    def shutdown(self) -> None:
        """Deliver what is queued, as far as possible, and take nothing more."""
        if self._is_shut_down:
            return
        self._is_shut_down = True
        try:
            self.delivery.shutdown()
        except Exception:  # noqa: BLE001 - nothing of ours may reach the application
            guard.caught("EventLogSpanProcessor.shutdown")

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Deliver what is queued; whether that succeeded in time."""
        try:
            return self.delivery.force_flush(timeout_millis / 1_000)
        except Exception:  # noqa: BLE001 - nothing of ours may reach the application
            guard.caught("EventLogSpanProcessor.force_flush")
            return False

    # --- for propagation and api ------------------------------------------------------------------

    @property
    def is_active(self) -> bool:
        """Whether event logs still leave."""
        return not self._is_shut_down

    @property
    def spans_evicted(self) -> int:
        """How many spans were forgotten because they never ended and room was needed."""
        return self._table.evicted

    def find(self, span_id: int) -> Request | None:
        """Return the request in progress that a span is, or is inside of."""
        return self._tracked.get(span_id)

    def judge(self, request: Request) -> Match | None:
        """Judge a running span again that could not be judged at its start.

        By the time its handler runs, Django has set the route: the start leaves now, and what the
        application says is about this request.
        """
        if request.match is None and not request.is_ended:
            match = self._match(request.span)
            if match is not None:
                request.match = match
                self._announce(request, is_starting=False)
        return request.match

    def divert(self, delivery: SnapshotSink) -> SnapshotSink:
        """Hand event logs to another delivery from now on, and return the one before."""
        before, self.delivery, self._put = self.delivery, delivery, delivery.put
        return before

    def switch(self, *, on: bool) -> None:
        """Stop making event logs, or go on, without ending the delivery."""
        self._is_shut_down = not on

    def record(self, snapshot: Recorded) -> None:
        """Hand over what the application reported without a span."""
        self._put(snapshot)

    # --- inside -----------------------------------------------------------------------------------

    def _start(
        self,
        span: Span,
        parent_context: context_api.Context | None,
        attributes: Attributes,
        kind: int,
        found: Entry | Later | Untold | None,
    ) -> None:
        """Track a span that is an auth call, or may turn out to be one."""
        match = self._look(found, kind, attributes)
        if match is LATER:
            match = self._look(found, kind, attributes, _scope_name(span))
        parent = span.parent
        around = self._inside_of(parent)
        has_late_route = kind == _SERVER and "http.route" not in attributes and self._judges_servers
        if match is not None or has_late_route:
            slot = slot_of(parent_context)
            if around is None and slot is not None:
                around = _from_slot(slot, parent)
            if isinstance(match, Match):
                self._begin(span, match, around, slot)
            else:
                # Where the route comes late (Django), the path alone may have been misleading, and
                # looking again is cheaper than recording was.
                self._track(span, None, around, slot)
        elif around is not None:
            self._table.put(span.context.span_id, around)

    def _inside_of(self, parent: trace.SpanContext | None) -> Request | None:
        """Return the request in progress that a span's parent is, or is inside of."""
        if parent is None or parent.is_remote:
            return None
        return self._tracked.get(parent.span_id)

    def _begin(
        self,
        span: Span,
        match: Match,
        around: Request | None,
        slot: RequestSlot | None,
    ) -> None:
        """Take a span as the request it is, or as part of the one around it."""
        same = None if around is None else self._same_request(around, match.action)
        if same is None:
            self._announce(self._track(span, match, around, slot), is_starting=True)
        else:
            if slot is not None and slot.request is None:
                slot.request = same
            self._table.put(span.context.span_id, same)
            span.set_attribute(EVENTLOG_DROP, True)

    def _match(self, span: ReadableSpan) -> Match | None:
        return self.mapper.rules.match(kind_number(span.kind), peek(span), _scope_name(span))

    def _track(
        self,
        span: Span,
        match: Match | None,
        around: Request | None,
        slot: RequestSlot | None,
    ) -> Request:
        span_id = span.context.span_id
        request = Request(span, span_id, match, around)
        if slot is not None:
            request.correlation_id = slot.correlation_id
            if slot.request is None or slot.request.is_ended:
                slot.request = request
        self._table.put(span_id, request)
        if self.on_request is not None:
            self.on_request()
        return request

    def _announce(self, request: Request, *, is_starting: bool) -> None:
        """Let the start go, and mark the span with action and request id.

        A request that may come to nothing leaves no mark and has no start before its end.
        """
        match = request.match
        if match is None:
            return
        if request.parent is not None:
            for around in request.parent.and_around():
                around.claimed |= {match.action}
        if match.holds_start:
            return
        request.is_started = True
        span = request.span
        head = request.head = head_of(span)
        told = head, attributes_of(span), match, request.correlation_id
        self._put(new_tuple(Started, told))
        mark(span, match.action, request.request_id, is_starting=is_starting)

    def _same_request(self, around: Request, action: str) -> Request | None:
        """Return the request of this action in progress around a span, if there is one."""
        for request in around.and_around():
            if not request.is_ended:
                match = self.judge(request)
                if match is not None and match.action == action:
                    return request
        return None

    def _end(
        self, span: ReadableSpan, span_id: int, request: Request | None, attributes: Attributes
    ) -> None:
        if self._is_shut_down:
            return
        if request is not None and request.span_id == span_id:
            request.is_ended = True
            match = request.match
            if request.is_started and match is not None:
                self._put(_ended(span, match, request, with_start=False))
                return
            around = request.parent
        elif EVENTLOG_ACTION not in attributes:
            return
        else:
            # No rule fitted at its start. It has said meanwhile what it is.
            around, request = request, None
        self._end_unannounced(span, request, around)

    def _end_unannounced(
        self, span: ReadableSpan, request: Request | None, around: Request | None
    ) -> None:
        """Report start and outcome of a span that was held back, or is recognised only now."""
        match = self._match(span)
        if match is None:
            return
        if request is not None and match.action in request.claimed:
            return
        if around is not None and any(
            other.match is not None and other.match.action == match.action
            for other in around.and_around()
        ):
            return
        self._put(_ended(span, match, request, with_start=True))


def _scope_name(span: ReadableSpan) -> str:
    scope = span.instrumentation_scope
    return "" if scope is None else scope.name


def _ended(span: ReadableSpan, match: Match, request: Request | None, *, with_start: bool) -> Ended:
    attributes, end, status, events = end_of(span)
    if request is None:
        return Ended(head_of(span), attributes, end, status, events, match, with_start)
    told = (
        request.head or head_of(span),
        attributes,
        end,
        status,
        events,
        match,
        with_start,
        request.correlation_id,
        request.notes_if_any,
        request.location,
        request.content_type,
    )
    ended: Ended = new_tuple(Ended, told)
    return ended


def _from_slot(slot: RequestSlot, parent: trace.SpanContext | None) -> Request | None:
    """Return the request around a span whose parent was not recorded, or is the caller's."""
    is_child = parent is not None and not parent.is_remote
    request = slot.request if is_child else slot.around
    return None if request is None or request.is_ended else request


_active: list[weakref.ref[EventLogSpanProcessor]] = []
"""Every processor of this process; usually one."""


def active_processors() -> list[EventLogSpanProcessor]:
    """Return the processors that still take event logs, oldest first."""
    found = [processor for ref in _active if (processor := ref()) is not None]
    if len(found) != len(_active):
        _active[:] = [weakref.ref(processor) for processor in found]
    return [processor for processor in found if processor.is_active]


def find_request(span_id: int) -> Request | None:
    """Return the request in progress, of any processor, that a span id belongs to."""
    for ref in _active:
        processor = ref()
        if processor is not None:
            request = processor.find(span_id)
            if request is not None:
                return request
    return None
