"""The one place where a span becomes event logs; the application and the collector share it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

from otel_eventlog import semconv
from otel_eventlog.actions import lookup
from otel_eventlog.model import (
    Attributes,
    AttributeValue,
    EventLog,
    Rank,
    SpanData,
    SpanKind,
    Status,
)
from otel_eventlog.outcome import ASKED, METHOD_NOT_ALLOWED, Annotations, Outcome, decide
from otel_eventlog.privacy import Privacy
from otel_eventlog.redaction import (
    clean_action,
    clean_identifier,
    clean_method,
    clean_name,
    clean_route,
    clean_user,
    clean_user_agent,
    clean_word,
    is_template,
    valid_correlation_id,
)
from otel_eventlog.request_facts import WHERE, first, first_text, integer
from otel_eventlog.rules import EVERY_ACTION, Match
from otel_eventlog.ruleset import RuleSet
from otel_eventlog.scrubbing import scrub

_NO_NOTES = Annotations()

MANY_VALUED: Mapping[str, tuple[str, ...]] = {
    "correlation_id": ("eventlog.correlation_id", *semconv.REQUEST_CORRELATION_ID),
    "flow_id": ("eventlog.flow_id",),
    "client_address": semconv.CLIENT_ADDRESS,
    "user_agent": semconv.USER_AGENT,
    "user_id": semconv.USER_ID,
    "organization_id": ("eventlog.organization_id",),
    "client_id": ("eventlog.client_id",),
    "session_token_hash": ("eventlog.session_token_hash",),
    "session_jwt_hash": ("eventlog.session_jwt_hash",),
    "error_message": ("eventlog.error_message",),
}
"""Fields that differ from request to request → where they stand on a span, most telling first.

They are copied and cleaned; nothing else of an event log depends on them. In the order of `Pair`.
"""

FEW_VALUED: frozenset[str] = frozenset(
    {
        *(f"eventlog.{field}" for field in ("auth_method", "auth_factor", "category")),
        "eventlog.message_status",
        *semconv.HTTP_METHOD,
        *semconv.HTTP_ROUTE,
        *semconv.HTTP_STATUS_CODE,
        semconv.EVENTLOG_STATUS,
    }
)
"""Attributes that the other fields are read from, beside what `RuleSet` and `decide` ask for."""
_RESOURCE_FIELDS = (
    ("project", semconv.SERVICE_NAMESPACE),
    ("environment", semconv.DEPLOYMENT_ENVIRONMENT),
    ("service", semconv.SERVICE_NAME),
    ("service_version", semconv.SERVICE_VERSION),
)


class Mapper:
    """Spans to event logs, by a rule set and a privacy policy. Thread-safe.

    Args:
        rules: which span is which action.
        privacy: what may leave.
        rank: APP in the application, DERIVED in the collector.

    """

    def __init__(self, rules: RuleSet, privacy: Privacy, rank: Rank) -> None:
        """Keep the parts."""
        self.rules = rules
        self._keep, self._keep_always = _keep_by_action(rules)
        self.privacy = privacy
        self.rank = rank
        self._resource_memo: tuple[Attributes | None, Mapping[str, str]] = (None, {})
        self.cleaners = _cleaners(privacy)
        telling = FEW_VALUED | ASKED | rules.outcome_attributes
        self.where = WHERE - telling
        """Attributes that differ from request to request, and of which only matter which rule they
        make fit, and which query parameters are there."""
        self.few_valued = (telling | rules.asked_attributes) - self.where
        """Attributes on which the action, the outcome and the few-valued fields depend."""
        kept = [self._keep_always, *self._keep.values(), *(rule.keep for rule in rules.rules)]
        read = self.few_valued | self.where
        self.many_valued = frozenset(chain(*MANY_VALUED.values(), *kept)) - read
        """Attributes that are only copied, into a field or because a rule keeps them."""

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
        notes = notes or _NO_NOTES
        decided = decide(span, match.rule, notes)
        if decided is None:
            return ()
        shared = self._shared(span, match, notes)
        return _start(span, shared), self._outcome(span, match, notes, decided, shared)

    def start(self, span: SpanData, match: Match, notes: Annotations | None = None) -> EventLog:
        """Return the start of a span that runs or has run.

        It holds what is known when a request begins, so that the start made from the finished
        span equals the one made live.
        """
        return _start(span, self._shared(span, match, notes or _NO_NOTES))

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
        return self._outcome(span, match, notes, decided, self._shared(span, match, notes))

    def _outcome(
        self,
        span: SpanData,
        match: Match,
        notes: Annotations,
        decided: Outcome,
        shared: Mapping[str, Any],
    ) -> EventLog:
        attributes, clean = span.attributes, self.cleaners
        # The wall clock may step back while a request runs; the order of the two halves may not.
        time_unix_nano = max(span.end_unix_nano, span.start_unix_nano)
        is_error = decided.status is Status.ERROR
        return EventLog(
            status=decided.status,
            time_unix_nano=time_unix_nano,
            duration_ns=time_unix_nano - span.start_unix_nano,
            outcome_source=decided.source,
            next_step=clean_word(decided.next_step),
            error_type=clean_word(decided.error_type),
            error_message=clean["error_message"](_error_message(span, notes)) if is_error else None,
            http_status_code=integer(first(attributes, semconv.HTTP_STATUS_CODE)),
            user_id=clean["user_id"](
                notes.user_id or _many(attributes, "user_id") or notes.signal_user_id
            ),
            organization_id=clean["organization_id"](
                notes.organization_id or _many(attributes, "organization_id")
            ),
            client_id=clean["client_id"](notes.client_id or _many(attributes, "client_id")),
            session_token_hash=clean["session_token_hash"](
                notes.session_token_hash or _many(attributes, "session_token_hash")
            ),
            session_jwt_hash=clean["session_jwt_hash"](
                notes.session_jwt_hash or _many(attributes, "session_jwt_hash")
            ),
            message_status=clean_word(_said(notes.message_status, attributes, "message_status")),
            attributes=self._kept(span, match, notes, shared["action"]),
            **shared,
        )

    def _shared(self, span: SpanData, match: Match, notes: Annotations) -> dict[str, Any]:
        """Return the fields that both halves of a request have in common."""
        attributes, resource = span.attributes, span.resource
        action = clean_action(notes.action or match.action) or ""
        info = lookup(action)
        clean = self.cleaners
        return {
            "action": action,
            "span_id": span.span_id,
            "start_unix_nano": span.start_unix_nano,
            "trace_id": span.trace_id,
            "parent_span_id": span.parent_span_id,
            "trace_sampled": span.trace_sampled,
            "category": clean_word(attributes.get("eventlog.category")) or info.category,
            **self._of_resource(resource),
            "correlation_id": clean["correlation_id"](
                notes.correlation_id or _many(attributes, "correlation_id")
            ),
            "flow_id": clean["flow_id"](notes.flow_id or _many(attributes, "flow_id")),
            "auth_method": clean_word(_said(notes.auth_method, attributes, "auth_method"))
            or info.auth_method,
            "auth_factor": clean_word(_said(notes.auth_factor, attributes, "auth_factor"))
            or info.auth_factor,
            "http_method": clean_method(first_text(attributes, semconv.HTTP_METHOD)),
            "http_route": _route(attributes, match),
            "client_address": clean["client_address"](_many(attributes, "client_address")),
            "user_agent": clean["user_agent"](_many(attributes, "user_agent")),
            "rank": self.rank,
        }

    def _of_resource(self, resource: Attributes) -> Mapping[str, str]:
        """Return the fields that a resource tells; most spans have the one of the span before."""
        known, told = self._resource_memo
        if known is not resource:
            told = {
                field: clean_name(first_text(resource, names)) or ""
                for field, names in _RESOURCE_FIELDS
            }
            self._resource_memo = (resource, told)
        return told

    def _kept(
        self, span: SpanData, match: Match, notes: Annotations, action: str
    ) -> dict[str, AttributeValue]:
        """Return what the allow-lists of the rule and of the action name, and what was set."""
        names = self.kept_names(match, action)
        if not names and not notes.attributes:
            return {}
        attributes = span.attributes
        found = [(name, attributes[name]) for name in names if name in attributes]
        return self.privacy.attributes([*found, *notes.attributes.items()])

    def kept_names(self, match: Match, action: str) -> tuple[str, ...]:
        """Return the attributes that the allow-lists of a match's rule and of its action name."""
        names = self._keep.get(action, self._keep_always)
        if match.rule is not None and match.rule.keep:
            return (*match.rule.keep, *names)
        return names


def _cleaners(privacy: Privacy) -> Mapping[str, Callable[[object], str | None]]:
    """Return what is taken over, and hashed where configured, of a text given for a field."""

    def hashed(clean: Callable[[object], str | None]) -> Callable[[object], str | None]:
        identifier = privacy.identifier
        return (lambda value: identifier(clean(value))) if privacy.hash_identifiers else clean

    return {
        "correlation_id": hashed(valid_correlation_id),
        "flow_id": hashed(clean_identifier),
        "client_address": privacy.client_address,
        "user_agent": clean_user_agent,
        "user_id": (lambda value: privacy.user(clean_user(value)))
        if privacy.hash_identifiers
        else clean_user,
        "organization_id": hashed(clean_identifier),
        "client_id": hashed(clean_identifier),
        "session_token_hash": privacy.token_hash,
        "session_jwt_hash": privacy.token_hash,
        "error_message": scrub,
    }


def _keep_by_action(
    rules: RuleSet,
) -> tuple[Mapping[str, tuple[str, ...]], tuple[str, ...]]:
    """Return the attributes that `[keep]` tables allow: by action, and for all others."""
    by_action: dict[str, dict[str, None]] = {}
    for group in rules.groups:
        for action, names in group.keep.items():
            by_action.setdefault(action, {}).update(dict.fromkeys(names))
    always = tuple(by_action.pop(EVERY_ACTION, {}))
    return {action: (*names, *always) for action, names in by_action.items()}, always


def _start(span: SpanData, shared: Mapping[str, Any]) -> EventLog:
    return EventLog(status=Status.START, time_unix_nano=span.start_unix_nano, **shared)


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


def _many(attributes: Mapping[str, AttributeValue], field: str) -> str | None:
    return first_text(attributes, MANY_VALUED[field])


def _said(note: str | None, attributes: Mapping[str, AttributeValue], field: str) -> object:
    """Return the application's word beside the span, or else the one on the span."""
    return note or attributes.get(semconv.EVENTLOG_PREFIX + field)


def _route(attributes: Mapping[str, AttributeValue], match: Match) -> str | None:
    """Return a template, never a path: paths hold reset tokens and e-mail addresses.

    The rule's own template stands for a mount prefix, which says less, and for a route that is
    really a path (of a 404, below a mount): the rule has a placeholder there, the route has not.
    """
    route = first_text(attributes, semconv.HTTP_ROUTE)
    of_rule = match.rule.route if match.rule is not None else None
    if of_rule is None or of_rule == route:
        return clean_route(route)
    if route is None or (is_template(of_rule) and not is_template(route)):
        return clean_route(of_rule)
    is_prefix = len(of_rule) > len(route) + 1 and of_rule.startswith(route)
    return clean_route(of_rule if is_prefix else route)


def _error_message(span: SpanData, notes: Annotations) -> str | None:
    """Return the most telling text about what went wrong, not yet scrubbed."""
    said = notes.error_message or _many(span.attributes, "error_message")
    if said is None:
        for event in reversed(span.events):
            if event.name == semconv.EXCEPTION_EVENT:
                said = first_text(event.attributes, (semconv.EXCEPTION_MESSAGE,))
                break
    return said or span.span_status_message
