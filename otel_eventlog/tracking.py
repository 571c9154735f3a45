"""What is known of the requests in progress, kept beside their spans and never on them.

Request       one auth call in progress: its span, its action, what the application said
RequestSlot   rides in the OpenTelemetry Context of one incoming request: finds its Request
              even where spans in between are not recorded
Table         Requests by span id, and which spans run inside of them; bounded
"""

from __future__ import annotations

from collections.abc import Iterator

from opentelemetry import context as context_api
from opentelemetry.sdk.trace import Span

from otel_eventlog.model import TAG_REQUEST, derived_id
from otel_eventlog.outcome import Annotations
from otel_eventlog.readable import SpanHead
from otel_eventlog.rules import Match

TRACKED_SPANS_MAX = 20_000
"""Most spans tracked at once; beyond, those that started first are forgotten (and counted)."""

ANCESTORS_MAX = 16
"""How many requests around a request are looked at."""

_NOTHING: frozenset[str] = frozenset()
_SLOT_KEY = context_api.create_key("otel-eventlog-request")


class Request:
    """One auth call in progress, or a span that cannot be judged before its end.

    Attributes:
        span: the running span.
        match: what it is; None as long as that cannot be said.
        parent: the request around it, in the same process.
        correlation_id: what the caller sent, not yet validated.
        location: the response's `Location` header, once it is known.
        content_type: the response's content type, likewise.
        is_started: whether its `start` has left; from then on it has an outcome too.
        is_ended: whether its span has ended.
        claimed: actions of the requests that ran inside of it.
        head: what its start was sent with.

    """

    __slots__ = (
        "_notes",
        "_request_id",
        "claimed",
        "content_type",
        "correlation_id",
        "head",
        "is_ended",
        "is_started",
        "location",
        "match",
        "parent",
        "span",
        "span_id",
    )

    def __init__(
        self, span: Span, span_id: int, match: Match | None, parent: Request | None
    ) -> None:
        self.span = span
        self.span_id = span_id
        self.match = match
        self.parent = parent
        self.correlation_id: str | None = None
        self.location: str | None = None
        self.content_type: str | None = None
        self.is_started = False
        self.is_ended = False
        self.claimed = _NOTHING
        self.head: SpanHead | None = None
        self._notes: Annotations | None = None
        self._request_id: str | None = None

    @property
    def notes(self) -> Annotations:
        """What the application says beside the span; made when first asked for."""
        notes = self._notes
        if notes is None:
            notes = self._notes = Annotations()
        return notes

    @property
    def notes_if_any(self) -> Annotations | None:
        """The notes, or None if nobody said anything."""
        return self._notes

    @property
    def request_id(self) -> str:
        """The request id, as in its event logs."""
        known = self._request_id
        if known is None:
            head = self.head
            start = self.span.start_time if head is None else head.start_unix_nano
            known = derived_id(start or 0, self.span_id, TAG_REQUEST)
            self._request_id = known
        return known

    def and_around(self) -> Iterator[Request]:
        """Yield the request itself and those around it, innermost first."""
        request: Request | None = self
        for _ in range(ANCESTORS_MAX):
            if request is None:
                return
            yield request
            request = request.parent


class RequestSlot:
    """The place in a Context where an incoming request's headers and `Request` are found.

    Attributes:
        correlation_id: what the caller sent, not yet validated.
        request: the request that the headers belong to, once its span has started.
        around: the request inside of which the headers were read once more.

    """

    __slots__ = ("around", "correlation_id", "request")

    def __init__(
        self,
        correlation_id: str | None = None,
        request: Request | None = None,
        around: Request | None = None,
    ) -> None:
        self.correlation_id = correlation_id
        self.request = request
        self.around = around


def slot_of(context: context_api.Context | None) -> RequestSlot | None:
    """Return the slot of a Context; None stands for the current one."""
    if context is None:
        context = context_api.get_current()
    return context.get(_SLOT_KEY)  # type: ignore[return-value] # the key is ours alone


def with_slot(slot: RequestSlot, context: context_api.Context | None = None) -> context_api.Context:
    """Return a Context with a slot in it; None stands for the current one."""
    if context is None:
        context = context_api.get_current()
    # As `set_value` does, which copies twice.
    return context_api.Context({**context, _SLOT_KEY: slot})


class Table:
    """Requests by the ids of their own spans and of the spans inside of them.

    Only operations that are atomic in themselves: no lock that a fork could leave locked.
    """

    def __init__(self, spans_max: int = TRACKED_SPANS_MAX) -> None:
        self.by_span: dict[int, Request] = {}
        """To look up, and to take out: every span of the application asks. `put` bounds it."""
        self._spans_max = spans_max
        self.evicted = 0
        """How many spans were forgotten because they never ended and room was needed."""

    def __len__(self) -> int:
        return len(self.by_span)

    def put(self, span_id: int, request: Request) -> None:
        """Track a span as a request, or as running inside of one."""
        by_span = self.by_span
        if len(by_span) >= self._spans_max:
            self._evict()
        by_span[span_id] = request

    def _evict(self) -> None:
        try:
            oldest = next(iter(self.by_span))
        except (StopIteration, RuntimeError):
            # Another thread emptied or changed it meanwhile; it will make room as well.
            return
        if self.by_span.pop(oldest, None) is not None:
            self.evicted += 1
