"""Who logs in where: the realistic, skewed population that all loads and stores are made from.

Deterministic by the random generator that is handed in. A few users, organizations and addresses
are hot, most are rare; one request in ten fails; a third carries a correlation id.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from otel_eventlog.actions import lookup
from otel_eventlog.model import EventLog, OutcomeSource, Rank, Status

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000
FAILED_SHARE = 0.1
CORRELATED_SHARE = 1 / 3
PARENT_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that people do: an action at a route, how often, and how it fails."""

    action: str
    route: str
    weight: float
    failures: tuple[tuple[int, str, str], ...] = ((401, "invalid_credentials", ""),)
    """Each: HTTP status code, error type, error message."""

    @property
    def category(self) -> str:
        """The action's category."""
        return lookup(self.action).category


WRONG_PASSWORD = (401, "invalid_credentials", "The e-mail address or the password is wrong")
UNKNOWN_USER = (401, "user_not_found", "Nobody is registered under this e-mail address")
EXPIRED = (401, "expired", "The session has ended; please sign in again")
LIMITED = (429, "rate_limited", "Too many attempts; try again in a minute")
BROKEN = (500, "internal_error", "The account service did not answer in time")
TAKEN = (409, "already_exists", "Somebody is registered under this e-mail address")

DEEDS = (
    Deed("SessionsAuthenticate", "/api/auth/refresh", 50, (EXPIRED, EXPIRED, EXPIRED, BROKEN)),
    Deed("PasswordsAuthenticate", "/login", 26, (WRONG_PASSWORD,) * 6 + (UNKNOWN_USER, LIMITED)),
    Deed("IDPOAuthToken", "/oauth/token", 10, (EXPIRED, LIMITED)),
    Deed("SessionsRevoke", "/logout", 7, (EXPIRED,)),
    Deed("CreateUser", "/register", 3, (TAKEN, TAKEN, LIMITED)),
    Deed("PasswordsEmailResetStart", "/forgot-password", 2.5, (UNKNOWN_USER, LIMITED)),
    Deed("PasswordsEmailReset", "/reset-password", 1.5, (EXPIRED,)),
)
"""Each route is one of pack `common`, so that any collector derives the action from a span."""
_DEED_WEIGHTS = tuple(deed.weight for deed in DEEDS)


@dataclass(frozen=True, slots=True)
class Service:
    """One program that people log in to."""

    name: str
    version: str
    scope: str
    """Instrumentation scope of its server spans."""
    stable_names: bool
    """Whether its attributes have the stable semantic conventions' names, or the old ones."""


SERVICES = (
    Service("shop", "1.4.2", "opentelemetry.instrumentation.fastapi", stable_names=True),
    Service("accounts", "7.0.1", "opentelemetry.instrumentation.flask", stable_names=False),
    Service("mobile-gateway", "2026.11.3", "@opentelemetry/instrumentation-http", True),
    Service("back-office", "0.9", "opentelemetry.instrumentation.django", stable_names=False),
)
SERVICE_WEIGHTS = (55, 25, 17, 3)
PROJECT, ENVIRONMENT = "acme", "production"

_SYSTEMS = (
    "Windows NT 10.0; Win64; x64",
    "Macintosh; Intel Mac OS X 10_15_7",
    "X11; Linux x86_64",
    "iPhone; CPU iPhone OS 19_1 like Mac OS X",
    "Linux; Android 16; K",
)
AGENTS = tuple(
    f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.{minor}.0"
    " Safari/537.36"
    for major in range(128, 148)
    for minor, system in enumerate(_SYSTEMS)
) + tuple(f"acme-mobile/{n // 20}.{n % 20} (build {4200 + n})" for n in range(200))
"""Three hundred user agents."""

USERS = 200_000
ORGANIZATIONS = 3_000


def _rank(rng: random.Random, most: int, shape: float, scale: float) -> int:
    """Return a number below `most`; small ones are drawn far more often (Pareto)."""
    return int((rng.paretovariate(shape) - 1) * scale) % most


def user_id(rng: random.Random) -> str:
    """Return a user; the most active one makes a request in six hundred."""
    return f"user-{_rank(rng, USERS, 0.5, 300):012d}"


def organization_id(rng: random.Random) -> str:
    """Return an organization; three of them make half of all requests."""
    return f"organization-{_rank(rng, ORGANIZATIONS, 1.0, 3):08d}"


def client_address(rng: random.Random) -> str:
    """Return an address of the documentation's networks, a few of them busy gateways."""
    rank = _rank(rng, 60_000, 0.4, 50)
    return f"198.{18 + rank // 30_000}.{rank // 250 % 120}.{rank % 250 + 1}"


def user_agent(rng: random.Random) -> str:
    """Return one of some hundred user agents."""
    return AGENTS[_rank(rng, len(AGENTS), 0.7, 5)]


def correlation_id(rng: random.Random) -> str | None:
    """Return what a third of the callers send as X-Request-Id."""
    return f"{rng.getrandbits(128):032x}" if rng.random() < CORRELATED_SHARE else None


def duration_ns(rng: random.Random) -> int:
    """Return how long a request took: some tens of milliseconds, now and then seconds."""
    return min(int(rng.lognormvariate(3.4, 0.8) * NS_PER_MS), 30 * NS_PER_S)


def request_pair(
    rng: random.Random, at_unix_nano: int, service: Service | None = None, span_id: int = 0
) -> tuple[EventLog, EventLog]:
    """Return both event logs of one request, as the application makes them.

    Args:
        rng: decides everything else.
        at_unix_nano: start of the request.
        service: where it is made; one of all when absent.
        span_id: its span; a new one when absent.

    """
    if service is None:
        [service] = rng.choices(SERVICES, SERVICE_WEIGHTS)
    [deed] = rng.choices(DEEDS, _DEED_WEIGHTS)
    failure = rng.choice(deed.failures) if rng.random() < FAILED_SHARE else None
    elapsed_ns = duration_ns(rng)
    common: dict[str, Any] = {
        "action": deed.action,
        "category": deed.category,
        "span_id": span_id or rng.getrandbits(64) | 1,
        "trace_id": rng.getrandbits(128) | 1,
        "parent_span_id": rng.getrandbits(64) if rng.random() < PARENT_SHARE else 0,
        "start_unix_nano": at_unix_nano,
        "trace_sampled": True,
        "project": PROJECT,
        "environment": ENVIRONMENT,
        "service": service.name,
        "service_version": service.version,
        "http_method": "POST",
        "http_route": deed.route,
        "client_address": client_address(rng),
        "user_agent": user_agent(rng),
        "correlation_id": correlation_id(rng),
        "rank": Rank.APP,
    }
    outcome = EventLog(
        status=Status.ERROR if failure else Status.SUCCESS,
        time_unix_nano=at_unix_nano + elapsed_ns,
        duration_ns=elapsed_ns,
        outcome_source=OutcomeSource.HTTP,
        http_status_code=failure[0] if failure else 200,
        error_type=failure[1] if failure else None,
        error_message=(failure[2] or None) if failure else None,
        user_id=user_id(rng),
        organization_id=organization_id(rng),
        **common,
    )
    return EventLog(status=Status.START, time_unix_nano=at_unix_nano, **common), outcome
