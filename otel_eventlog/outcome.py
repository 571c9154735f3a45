"""Success or error: the precedence of section 1 of the specification, one table, one function.

A wrong password leaves the span status unset in every framework, and HTML logins answer 200 or
302 to it, so neither status alone is ever enough. The first source that has an answer decides,
and the event log says which one it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from otel_eventlog import semconv
from otel_eventlog.model import (
    AttributeValue,
    OutcomeSource,
    SpanData,
    SpanEvent,
    SpanKind,
    SpanStatus,
    Status,
)
from otel_eventlog.request_facts import (
    RPC_STATUS_NAMES,
    first,
    first_text,
    integer,
    query_names,
    rpc_status,
    same_value,
)
from otel_eventlog.rules import Conclusion, OutcomeRule, Rule, When

ASKED = frozenset(
    {
        *semconv.HTTP_STATUS_CODE,
        *semconv.HTTP_METHOD,
        *semconv.RPC_SYSTEM,
        *semconv.RPC_SERVICE,
        *semconv.RPC_GRPC_STATUS_CODE,
        *semconv.RESPONSE_CONTENT_TYPE,
        *semconv.RESPONSE_LOCATION,
        *semconv.ERROR_TYPE,
        semconv.EVENTLOG_STATUS,
        "eventlog.next_step",
        "eventlog.error_type",
    }
)
"""Attributes that `decide` may ask for, beside those that the conditions of rules name."""

HTTP_ERROR_FROM = 400
METHOD_NOT_ALLOWED = 405
_RPC_UNKNOWN = RPC_STATUS_NAMES.index("UNKNOWN")

ERROR_TYPES_BY_HTTP_STATUS = {
    400: "invalid_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    410: "expired",
    422: "invalid_request",
    423: "locked",
    429: "rate_limited",
}
"""Reasons for where nobody said a better one; others become `http_<status>`."""


REFUSED = "refused"
"""Reason where all that is known is that a framework did not accept an attempt."""


@dataclass(slots=True)
class Annotations:
    """What only the application knows of a request, kept beside its span.

    `status` is the application's own word, `signal` the framework's; `location` and
    `content_type` are response headers, looked at and never stored. What a signal said beside its
    status stands apart (`signal_…`), because the application's word on the span outranks it.
    `signal_missing`: the framework would have sent a signal, had the request succeeded.
    """

    action: str | None = None
    status: Status | None = None
    signal: Status | None = None
    signal_missing: bool = False
    signal_error_type: str | None = None
    signal_next_step: str | None = None
    signal_user_id: str | None = None
    error_type: str | None = None
    error_message: str | None = None
    next_step: str | None = None
    user_id: str | None = None
    organization_id: str | None = None
    client_id: str | None = None
    correlation_id: str | None = None
    flow_id: str | None = None
    auth_method: str | None = None
    auth_factor: str | None = None
    message_status: str | None = None
    session_token_hash: str | None = None
    session_jwt_hash: str | None = None
    location: str | None = None
    content_type: str | None = None
    attributes: dict[str, AttributeValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a finished request came to."""

    status: Status
    source: OutcomeSource
    error_type: str | None = None
    next_step: str | None = None


@dataclass(slots=True)
class _Facts:
    """Everything the sources ask, read once from the span and its annotations."""

    span: SpanData
    rule: Rule | None
    notes: Annotations
    http_status: int | None
    rpc_status: int | None
    is_rpc: bool
    exception: SpanEvent | None
    outcome_rule: OutcomeRule | None = None


_Answer = Conclusion | None
_SUCCESS, _ERROR, _NONE = Conclusion.SUCCESS, Conclusion.ERROR, Conclusion.NONE


def decide(span: SpanData, rule: Rule | None, notes: Annotations | None = None) -> Outcome | None:
    """Return the outcome of a finished span, or None if nothing was attempted.

    Args:
        span: a finished span.
        rule: the rule that matched it, if one did.
        notes: what the application said beside the span.

    """
    facts = _facts(span, rule, notes or Annotations())
    for source, ask in _SOURCES:
        answer = ask(facts)
        if answer is _NONE:
            return None
        if answer is not None:
            return _outcome(facts, source, answer)
    return _outcome(facts, OutcomeSource.DEFAULT, _SUCCESS)


def _facts(span: SpanData, rule: Rule | None, notes: Annotations) -> _Facts:
    attributes = span.attributes
    exceptions = [event for event in span.events if event.name == semconv.EXCEPTION_EVENT]
    is_rpc = first(attributes, semconv.RPC_SYSTEM) is not None or "rpc.service" in attributes
    return _Facts(
        span=span,
        rule=rule,
        notes=notes,
        http_status=integer(first(attributes, semconv.HTTP_STATUS_CODE)),
        rpc_status=rpc_status(first(attributes, semconv.RPC_GRPC_STATUS_CODE)) if is_rpc else None,
        is_rpc=is_rpc,
        exception=exceptions[-1] if exceptions else None,
    )


def _app(facts: _Facts) -> _Answer:
    said = facts.notes.status or facts.span.attributes.get(semconv.EVENTLOG_STATUS)
    return _SUCCESS if said == "success" else _ERROR if said == "error" else None


def _signal(facts: _Facts) -> _Answer:
    said = facts.notes.signal
    return _SUCCESS if said == "success" else _ERROR if said == "error" else None


def _rule(facts: _Facts) -> _Answer:
    for outcome_rule in facts.rule.outcomes if facts.rule else ():
        if _holds(outcome_rule.when, facts):
            facts.outcome_rule = outcome_rule
            return outcome_rule.status
    return None


def _exception(facts: _Facts) -> _Answer:
    if facts.exception is None:
        return None
    return _ERROR if facts.is_rpc or facts.span.span_status == SpanStatus.ERROR else None


def _http_error(facts: _Facts) -> _Answer:
    return _ERROR if (facts.http_status or 0) >= HTTP_ERROR_FROM else None


def _span(facts: _Facts) -> _Answer:
    # An RPC's own status code stands for the span's: gRPC servers leave the latter unset.
    return _ERROR if facts.span.span_status == SpanStatus.ERROR or facts.rpc_status else None


def _aborted(facts: _Facts) -> _Answer:
    span = facts.span
    if span.kind != SpanKind.SERVER or facts.is_rpc or facts.http_status is not None:
        return None
    is_http = first(span.attributes, semconv.HTTP_METHOD) is not None
    return _ERROR if is_http else None


def _signal_missing(facts: _Facts) -> _Answer:
    # Only where all else would say success: whatever shows a failure says more than silence.
    return _ERROR if facts.notes.signal_missing else None


def _http_success(facts: _Facts) -> _Answer:
    return _SUCCESS if facts.http_status is not None else None


_SOURCES: tuple[tuple[OutcomeSource, Callable[[_Facts], _Answer]], ...] = (
    (OutcomeSource.APP, _app),
    (OutcomeSource.SIGNAL, _signal),
    (OutcomeSource.RULE, _rule),
    (OutcomeSource.EXCEPTION, _exception),
    (OutcomeSource.HTTP, _http_error),
    (OutcomeSource.SPAN, _span),
    (OutcomeSource.ABORTED, _aborted),
    (OutcomeSource.SIGNAL, _signal_missing),
    (OutcomeSource.HTTP, _http_success),
)


def _holds(when: When, facts: _Facts) -> bool:
    """Judge a condition; a part that is not given holds."""
    attributes = facts.span.attributes
    return (
        (not when.status or facts.http_status in when.status)
        and (not when.rpc_status or facts.rpc_status in when.rpc_status)
        and (not when.location or _location_fits(when.location, facts))
        and (not when.content_type or _content_type_fits(when.content_type, facts))
        and (not when.query or query_names(attributes).issuperset(when.query))
        and (when.exception is None or _exception_fits(when.exception, facts.exception))
        and all(same_value(value, attributes.get(key)) for key, value in when.attributes.items())
    )


def _content_type_fits(prefixes: tuple[str, ...], facts: _Facts) -> bool:
    captured = facts.notes.content_type or first_text(
        facts.span.attributes, semconv.RESPONSE_CONTENT_TYPE
    )
    return (captured or "").lower().startswith(prefixes)


def _location_fits(globs: tuple[str, ...], facts: _Facts) -> bool:
    whole = facts.notes.location or first_text(facts.span.attributes, semconv.RESPONSE_LOCATION)
    if not whole:
        return False
    path = whole.partition("#")[0].partition("?")[0]
    if "://" in path or path.startswith("//"):  # a whole URL, or one without its scheme
        path = "/" + path.partition("//")[2].partition("/")[2]
    return any(fnmatchcase(whole, glob) or fnmatchcase(path, glob) for glob in globs)


def _exception_fits(wanted: bool | tuple[str, ...], exception: SpanEvent | None) -> bool:  # noqa: FBT001 - a rule's own value
    if isinstance(wanted, bool):
        return wanted == (exception is not None)
    kind = exception.attributes.get(semconv.EXCEPTION_TYPE) if exception else None
    # A rule may name the bare class; the attribute has the module too.
    return isinstance(kind, str) and any(
        kind == name or kind.endswith("." + name) for name in wanted
    )


def _outcome(facts: _Facts, source: OutcomeSource, answer: Conclusion) -> Outcome:
    attributes, notes, chosen = facts.span.attributes, facts.notes, facts.outcome_rule
    if answer is _SUCCESS:
        next_step = notes.next_step or first_text(attributes, ("eventlog.next_step",))
        if next_step is None and source is OutcomeSource.SIGNAL:
            next_step = notes.signal_next_step
        if next_step is None and chosen is not None:
            next_step = chosen.next_step
        return Outcome(Status.SUCCESS, source, next_step=next_step)
    error_type = notes.error_type or first_text(attributes, ("eventlog.error_type",))
    if error_type is None and source is OutcomeSource.SIGNAL:
        error_type = notes.signal_error_type or REFUSED
    if error_type is None and chosen is not None:
        error_type = chosen.error_type
    return Outcome(Status.ERROR, source, error_type=error_type or _generic_reason(facts, source))


def _generic_reason(facts: _Facts, source: OutcomeSource) -> str:
    """Return the reason when nobody gave one: what the span shows, most telling first."""
    if source is OutcomeSource.ABORTED:
        return "aborted"
    # A gRPC handler that aborts raises a bare Exception; one that crashes leaves the code UNKNOWN.
    if facts.rpc_status and facts.rpc_status != _RPC_UNKNOWN:
        return _rpc_reason(facts.rpc_status)
    if facts.exception is not None:
        kind = facts.exception.attributes.get(semconv.EXCEPTION_TYPE)
        if isinstance(kind, str) and kind:
            return kind
    own = first_text(facts.span.attributes, semconv.ERROR_TYPE)
    if own is not None and not own.isdigit():
        return own
    if (facts.http_status or 0) >= HTTP_ERROR_FROM:
        status = facts.http_status or 0
        return ERROR_TYPES_BY_HTTP_STATUS.get(status, f"http_{status}")
    return _rpc_reason(facts.rpc_status) if facts.rpc_status else "error"


def _rpc_reason(code: int) -> str:
    names = RPC_STATUS_NAMES
    return names[code].lower() if code < len(names) else f"rpc_{code}"
