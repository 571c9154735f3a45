"""The one place where a span becomes event logs; the application and the collector share it."""

from __future__ import annotations

from collections.abc import Mapping

from otel_eventlog import semconv
from otel_eventlog.actions import lookup
from otel_eventlog.limits import IDENTIFIER_CHARS_MAX, KEPT_ATTRIBUTES_MAX
from otel_eventlog.model import AttributeValue, EventLog, Rank, SpanData, SpanKind, Status
from otel_eventlog.outcome import METHOD_NOT_ALLOWED, Annotations, decide
from otel_eventlog.privacy import (
    Privacy,
    clean_text,
    clean_value,
    is_blocked_name,
    scrub,
    valid_correlation_id,
)
from otel_eventlog.request_facts import first, first_text, integer
from otel_eventlog.rules import Match
from otel_eventlog.ruleset import RuleSet

_NO_NOTES = Annotations()


class Mapper:
    """Spans to event logs, by a rule set and a privacy policy. Stateless, thread-safe.

    Args:
        rules: which span is which action.
        privacy: what may leave.
        rank: APP in the application, DERIVED in the collector.

    """

    def __init__(self, rules: RuleSet, privacy: Privacy, rank: Rank) -> None:
        """Keep the parts."""
        self.rules = rules
        self.privacy = privacy
        self.rank = rank

    def match(self, span: SpanData) -> Match | None:
        """Return what a span is, or None if it is no auth call."""
        return self.rules.match(span.kind, span.attributes, span.scope_name)

    def map_span(self, span: SpanData, notes: Annotations | None = None) -> tuple[EventLog, ...]:
        """Return start and outcome of a finished span, or nothing if it is no auth call."""
        match = self.match(span)
        return () if match is None else self.pair(span, match, notes)

    def pair(
        self, span: SpanData, match: Match, notes: Annotations | None = None
    ) -> tuple[EventLog, ...]:
        """Return start and outcome of a finished span whose start has not left yet.

        Nothing if nothing was attempted, or a server answered 405.
        """
        if _never_reached_a_handler(span, match):
            return ()
        outcome = self.outcome(span, match, notes)
        return () if outcome is None else (self.start(span, match, notes), outcome)

    def start(self, span: SpanData, match: Match, notes: Annotations | None = None) -> EventLog:
        """Return the start of a span that runs or has run.

        It holds what is known when a request begins, so that the start made from the finished
        span equals the one made live.
        """
        return self._half(span, match, notes or _NO_NOTES, Status.START, span.start_unix_nano)

    def outcome(
        self, span: SpanData, match: Match, notes: Annotations | None = None
    ) -> EventLog | None:
        """Return the outcome of a finished span; None if nothing was attempted.

        A request whose start has left ends somehow: a 405 is an error here.
        """
        notes = notes or _NO_NOTES
        decided = decide(span, match.rule, notes)
        if decided is None:
            return None
        event = self._half(span, match, notes, decided.status, span.end_unix_nano)
        # The wall clock may step back while a request runs; the order of the two halves may not.
        event.time_unix_nano = max(span.end_unix_nano, span.start_unix_nano)
        event.duration_ns = event.time_unix_nano - span.start_unix_nano
        event.outcome_source = decided.source
        event.next_step = clean_text(decided.next_step, IDENTIFIER_CHARS_MAX)
        event.error_type = clean_text(decided.error_type, IDENTIFIER_CHARS_MAX)
        event.http_status_code = integer(first(span.attributes, semconv.HTTP_STATUS_CODE))
        self._say_who(event, span.attributes, notes)
        if decided.status is Status.ERROR:
            event.error_message = _error_message(span, notes)
        event.attributes = self._kept(span, match, notes)
        return event

    def _half(
        self, span: SpanData, match: Match, notes: Annotations, status: Status, time_unix_nano: int
    ) -> EventLog:
        """Return what both halves of a request have in common."""
        attributes, resource = span.attributes, span.resource
        action = clean_text(notes.action or match.action, IDENTIFIER_CHARS_MAX) or ""
        info = lookup(action)
        return EventLog(
            status=status,
            action=action,
            span_id=span.span_id,
            start_unix_nano=span.start_unix_nano,
            time_unix_nano=time_unix_nano,
            trace_id=span.trace_id,
            parent_span_id=span.parent_span_id,
            trace_sampled=span.trace_sampled,
            category=_own_text(attributes, "category") or info.category,
            project=_text_of(resource, semconv.SERVICE_NAMESPACE) or "",
            environment=_text_of(resource, semconv.DEPLOYMENT_ENVIRONMENT) or "",
            service=_text_of(resource, semconv.SERVICE_NAME) or "",
            service_version=_text_of(resource, semconv.SERVICE_VERSION) or "",
            correlation_id=valid_correlation_id(
                notes.correlation_id
                or first_text(attributes, ("eventlog.correlation_id",))
                or first_text(attributes, semconv.REQUEST_CORRELATION_ID)
            ),
            flow_id=_said(notes.flow_id, attributes, "flow_id"),
            auth_method=_said(notes.auth_method, attributes, "auth_method") or info.auth_method,
            auth_factor=_said(notes.auth_factor, attributes, "auth_factor") or info.auth_factor,
            http_method=_text_of(attributes, semconv.HTTP_METHOD),
            http_route=_route(attributes, match),
            client_address=self.privacy.client_address(
                first_text(attributes, semconv.CLIENT_ADDRESS)
            ),
            user_agent=_text_of(attributes, semconv.USER_AGENT),
            rank=self.rank,
        )

    def _say_who(
        self, event: EventLog, attributes: Mapping[str, AttributeValue], notes: Annotations
    ) -> None:
        event.user_id = self.privacy.identifier(
            notes.user_id or first_text(attributes, semconv.USER_ID)
        )
        event.organization_id = _said(notes.organization_id, attributes, "organization_id")
        event.client_id = _said(notes.client_id, attributes, "client_id")
        event.session_token_hash = _said(notes.session_token_hash, attributes, "session_token_hash")
        event.session_jwt_hash = _said(notes.session_jwt_hash, attributes, "session_jwt_hash")
        event.message_status = _said(notes.message_status, attributes, "message_status")

    def _kept(self, span: SpanData, match: Match, notes: Annotations) -> dict[str, AttributeValue]:
        kept: dict[str, AttributeValue] = {}
        if match.rule is not None and match.rule.keep:
            kept = self.privacy.kept(match.rule.keep, span.attributes)
        for name, said in notes.attributes.items():
            if len(kept) >= KEPT_ATTRIBUTES_MAX:
                break
            value = None if is_blocked_name(name) else clean_value(said)
            key = clean_text(name, IDENTIFIER_CHARS_MAX)
            if value is not None and key is not None:
                kept[key] = value
        return kept


def _never_reached_a_handler(span: SpanData, match: Match) -> bool:
    """Whether a server answered 405: the route is there, but not for this method.

    Only for what a rule recognised; a start that was sent already gets its outcome all the same.
    """
    return (
        match.rule is not None
        and span.kind == SpanKind.SERVER
        and semconv.EVENTLOG_STATUS not in span.attributes
        and integer(first(span.attributes, semconv.HTTP_STATUS_CODE)) == METHOD_NOT_ALLOWED
    )


def _text_of(attributes: Mapping[str, AttributeValue], names: tuple[str, ...]) -> str | None:
    return clean_text(first_text(attributes, names))


def _own_text(attributes: Mapping[str, AttributeValue], field: str) -> str | None:
    return clean_text(attributes.get(semconv.EVENTLOG_PREFIX + field), IDENTIFIER_CHARS_MAX)


def _said(note: str | None, attributes: Mapping[str, AttributeValue], field: str) -> str | None:
    """Return the application's word beside the span, or else the one on the span."""
    return clean_text(note, IDENTIFIER_CHARS_MAX) or _own_text(attributes, field)


def _route(attributes: Mapping[str, AttributeValue], match: Match) -> str | None:
    """Return a template, never a path: paths hold reset tokens and e-mail addresses.

    A mount prefix says less than the rule's own template, which then stands for it.
    """
    route = first_text(attributes, semconv.HTTP_ROUTE)
    of_rule = match.rule.route if match.rule is not None else None
    if of_rule is not None and (
        route is None or (len(of_rule) > len(route) + 1 and of_rule.startswith(route))
    ):
        route = of_rule
    return clean_text(route)


def _error_message(span: SpanData, notes: Annotations) -> str | None:
    """Return the most telling text about what went wrong, scrubbed and bounded."""
    said = notes.error_message or first_text(span.attributes, ("eventlog.error_message",))
    if said is None:
        for event in reversed(span.events):
            if event.name == semconv.EXCEPTION_EVENT:
                said = first_text(event.attributes, (semconv.EXCEPTION_MESSAGE,))
                break
    return scrub(said or span.span_status_message)
