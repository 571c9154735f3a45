"""What the reading benchmark asks: every filter, plausible combinations, counts, single requests.

The values are those of `generator.py`: needles that one request has, values that millions have,
values that nobody has.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from benchmarks.generator import NEEDLES, Plan, needle_pair
from benchmarks.population import AGENTS, WRONG_PASSWORD
from otel_eventlog_collector.query import FILTER_FIELDS

MINUTE_NS = 60_000_000_000
DAY_NS = 1440 * MINUTE_NS

PAGE_MS, COUNT_MS, REQUEST_MS, RARE_MS = 50.0, 200.0, 5.0, 150.0
"""The goals of the specification, p95."""

MANY: Mapping[str, str] = {
    "phase": "end",
    "action": "SessionsAuthenticate",
    "category": "sessions",
    "status": "success",
    "outcome_source": "http",
    "next_step": "second_factor",
    "project": "acme",
    "environment": "production",
    "service": "shop",
    "service_version": "1.4.2",
    "user_id": "user-000000000000",
    "organization_id": "organization-00000000",
    "client_id": "web",
    "auth_method": "password",
    "auth_factor": "knowledge",
    "http_method": "POST",
    "http_route": "/login",
    "error_type": "invalid_credentials",
    "error_message": WRONG_PASSWORD[2],
    "client_address": "198.18.0.1",
    "user_agent": AGENTS[0],
    "message_status": "delivered",
    "http_status_code": "200",
}
"""A value of each field that many event logs have; ids have none such."""
FEW: Mapping[str, str] = {
    "action": "MagicLinksEmailRevokeInvite",
    "error_type": "unexpected_deadlock",
    "message_status": "complained",
    "http_route": "/settings/sso/{connection}",
    "user_id": "user-000000100007",
    "organization_id": "organization-00001999",
    "client_address": "198.18.57.57",
}
NOBODYS: Mapping[str, str] = {"http_status_code": "599", "outcome_source": "aborted"}
"""Values that no event log has, of fields in which not every text is allowed."""
HEX_IDS: Mapping[str, int] = {"trace_id": 32, "span_id": 16, "parent_span_id": 16}
UUIDS = ("event_id", "request_id")
CLOSED = ("phase", "status")
"""Fields whose every value many event logs have."""
RARE_KEYS = ("trace_id", "correlation_id", "client_address", "error_type", "session_token_hash")


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to ask.

    Attributes:
        group: questions with one goal, of which the worst is published.
        name: what is asked.
        path: of the API, parameters included.
        goal_ms: of the 95th percentile; None = there is no goal.
        found_min: at least so many event logs must be in the answer.
        found_max: at most so many.

    """

    group: str
    name: str
    path: str
    goal_ms: float | None
    found_min: int = 0
    found_max: int = 1000


def _events(group: str, name: str, pairs: Mapping[str, str], **limits: int) -> Question:
    return Question(group, name, f"/api/v1/events?{urlencode(pairs)}", PAGE_MS, **limits)


def all_questions(plan: Plan) -> list[Question]:
    """Return everything that is asked of a directory that a plan has filled."""
    return [
        *_single_filters(plan),
        *_patterns(),
        *_combinations(plan),
        *_counts(),
        *_rare_keys(plan),
        *_one_request(plan),
    ]


def needle_values(name: str, plan: Plan) -> dict[str, str]:
    """Return each field's value of a needle's outcome."""
    begins = {
        "oldest": plan.since_unix_nano,
        "newest": plan.until_unix_nano - MINUTE_NS,
    }
    outcome = needle_pair(name, begins[name]).event_logs()[1]
    values = {field: getattr(outcome, field) for field in FILTER_FIELDS}
    for field, digits in HEX_IDS.items():
        values[field] = f"{getattr(outcome, field):0{digits}x}"
    return {field: str(value) for field, value in values.items() if field not in CLOSED}


def nobodys_value(field: str, plan: Plan) -> str:
    """Return a well-formed value of a field that no event log has."""
    if field in HEX_IDS:
        digits = HEX_IDS[field]
        return f"{random.Random(field).getrandbits(4 * digits):0{digits}x}"
    if field in UUIDS:  # of the oldest day, but of another span
        value = needle_values("oldest", plan)[field]
        return f"{value[:-3]}{'4' if value[-3] == '0' else '0'}{value[-2:]}"
    return NOBODYS.get(field, f"nobody-{field}")


def _single_filters(plan: Plan) -> Iterator[Question]:
    for field in FILTER_FIELDS:
        if field not in CLOSED:
            nobodys = {field: nobodys_value(field, plan)}
            yield _events("filter, no hit", field, nobodys, found_max=0)
    for name in NEEDLES:
        for field, value in needle_values(name, plan).items():
            if field == "outcome_source":  # `rule` is the needles' own, both of them
                continue
            group = f"filter, one request, {name} day"
            yield _events(group, field, {field: value}, found_min=1, found_max=2)
    for field, value in MANY.items():
        for order, day in (("desc", "newest"), ("asc", "oldest")):
            pairs = {field: value, "order": order}
            yield _events(f"filter, many hits, {day} first", field, pairs, found_min=1)
    for field, value in FEW.items():
        yield _events("filter, few hits", field, {field: value})


def _patterns() -> Iterator[Question]:
    for field, value in (
        ("user_id", "user-00000000000*"),
        ("action", "Passwords*"),
        ("client_address", "203.0.113.*"),
        ("error_type", "unexpected_*"),
        ("http_route", "/oauth*"),
        ("session_token_hash", "needle-*"),
        ("correlation_id", "nobody-*"),
    ):
        yield _events("filter, prefix", f"{field}={value}", {field: value})
    for field, value in (
        ("status!", "start"),
        ("service!", "shop"),
        ("category!", "sessions"),
        ("project!", "acme"),
        ("user_id!", "*"),
        ("correlation_id!", "*"),
    ):
        yield _events("filter, not", f"{field}={value}", {field: value})
    for text in ("needle-user-oldest", "nothing like this", "user-000000000000"):
        asked = urlencode({"q": f'"{text}"'})
        yield Question("free text", text, f"/api/v1/events?{asked}", None)


def _combinations(plan: Plan) -> Iterator[Question]:
    oldest = plan.since_unix_nano
    of_oldest_day = {"since": str(oldest), "until": str(oldest + DAY_NS)}
    user, failed = {"user_id": MANY["user_id"]}, {"status": "error"}
    organization = {"organization_id": MANY["organization_id"]}
    address = {"client_address": MANY["client_address"]}
    password = {"action": "PasswordsAuthenticate"}
    for name, pairs in (
        ("a user, last day", {**user, "since": "-24h"}),
        ("a user's failures", {**user, **failed}),
        ("a rare user's failures", {"user_id": FEW["user_id"], **failed}),
        ("failed log-ins, last hour", {**password, **failed, "since": "-1h"}),
        ("failed log-ins, oldest day", {**password, **failed, **of_oldest_day}),
        ("an organization's failures", {**organization, **failed}),
        ("an address's failures", {**address, **failed}),
        ("an action's rare error", {**password, "error_type": FEW["error_type"]}),
        ("a service's 500s", {"service": "shop", "http_status_code": "500"}),
        ("an organization's SSO", {**organization, "action": "SSOAuthenticate"}),
        ("rare user, wrong action", {"user_id": FEW["user_id"], "action": "CreatePublicToken"}),
        ("bounced mails of a user", {**user, "message_status": "bounced"}),
    ):
        yield _events("combination", name, pairs)


def _counts() -> Iterator[Question]:
    month = {"since": "-30d"}
    fields = ["action", "status", "service", "error_type", "category", "http_status_code"]
    for name, filters in (
        ("everything", {}),
        ("errors", {"status": "error"}),
        ("an action's errors", {"action": "PasswordsAuthenticate", "status": "error"}),
        ("a service", {"service": "shop"}),
        ("an error type", {"error_type": "expired"}),
    ):
        histogram = f"/api/v1/histogram?{urlencode({**month, **filters})}"
        yield Question("histogram, 30 days", name, histogram, COUNT_MS)
        asked = urlencode([*month.items(), *filters.items(), *(("field", f) for f in fields)])
        yield Question("facets, 30 days", name, f"/api/v1/facets?{asked}", COUNT_MS)
    for name, filters in (
        ("a user", {"user_id": MANY["user_id"]}),
        ("an organization", {"organization_id": MANY["organization_id"]}),
    ):
        for kind in ("histogram", "facets"):
            asked = urlencode([*month.items(), *filters.items()])
            more = f"&{urlencode([('field', f) for f in fields])}" if kind == "facets" else ""
            path = f"/api/v1/{kind}?{asked}{more}"
            yield Question(f"{kind}, 30 days, of a user or organization", name, path, COUNT_MS)
    yield Question("actions, 30 days", "all", "/api/v1/actions?since=-30d", COUNT_MS)


def _rare_keys(plan: Plan) -> Iterator[Question]:
    """Keys without an index on the day that is still written to."""
    today = plan.until_unix_nano // DAY_NS * DAY_NS
    values = needle_values("newest", plan)
    for field in RARE_KEYS:
        for name, value, *found in (
            ("there", values[field], 1, 2),
            ("not there", nobodys_value(field, plan), 0, 0),
        ):
            path = f"/api/v1/events?{urlencode({field: value, 'since': str(today)})}"
            title = f"{field}, {name}"
            yield Question("rare key, unsealed day", title, path, RARE_MS, *found)


def _one_request(plan: Plan) -> Iterator[Question]:
    for name in NEEDLES:
        values = needle_values(name, plan)
        for kind in ("request", "event"):
            path = f"/api/v1/{kind}s/{values[f'{kind}_id']}"
            yield Question(f"one {kind}", f"on the {name} day", path, REQUEST_MS)
