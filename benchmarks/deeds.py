"""All that the generated requests do, rare things included, as templates for `Pair`."""

from __future__ import annotations

from dataclasses import dataclass, replace

from benchmarks import population
from benchmarks.population import (
    BROKEN,
    DEEDS,
    EXPIRED,
    LIMITED,
    SERVICE_WEIGHTS,
    SERVICES,
    WRONG_PASSWORD,
    Deed,
    Service,
)
from otel_eventlog.actions import lookup
from otel_eventlog.model import EventLog, OutcomeSource, Rank, Status
from otel_eventlog.pairs import PairTemplate

_WRONG_CODE = (401, "invalid_credentials", "This code is not right")
_NO_SUCH_KEY = (404, "not_found", "")
_SSO_DOWN = (502, "identity_provider_unavailable", "The company's identity provider is down")
_LOCKED = (403, "account_locked", "This account is locked; support can open it")
_CAPTCHA = (403, "captcha_failed", "")

ALL_DEEDS = (
    *DEEDS,
    Deed("MagicLinksEmailLoginOrCreate", "/magic-link", 4, (LIMITED,)),
    Deed("MagicLinksAuthenticate", "/magic-link/{token}", 3, (EXPIRED,)),
    Deed("OTPsSMSSend", "/otp", 2.5, (LIMITED, _CAPTCHA)),
    Deed("OTPsAuthenticate", "/otp/verify", 2.2, (_WRONG_CODE, EXPIRED)),
    Deed("TOTPsAuthenticate", "/second-factor", 2, (_WRONG_CODE,)),
    Deed("OAuthAuthenticate", "/oauth/{provider}/callback", 3, (EXPIRED, BROKEN)),
    Deed("SSOAuthenticate", "/sso/{connection}/callback", 0.6, (_SSO_DOWN, EXPIRED)),
    Deed("PasswordsAuthenticate", "/admin/login", 0.2, (WRONG_PASSWORD, _LOCKED)),
    Deed("CreatePublicToken", "/settings/tokens", 0.01, (_NO_SUCH_KEY,)),
    Deed("DeleteSSOConnection", "/settings/sso/{connection}", 0.001, (_NO_SUCH_KEY,)),
    Deed("MagicLinksEmailRevokeInvite", "/invitations/{id}", 0.0005, (_NO_SUCH_KEY,)),
)
IN_FLOWS = frozenset(
    {
        "MagicLinksEmailLoginOrCreate",
        "MagicLinksAuthenticate",
        "OTPsSMSSend",
        "OTPsAuthenticate",
        "TOTPsAuthenticate",
    }
)
"""Actions of which several are one log-in."""
WITH_SESSION = frozenset({"SessionsAuthenticate", "SessionsRevoke"})
SECOND_FACTOR_SHARE = 0.15
RARE_FAILURE_SHARE = 0.0005
RARE_FAILURES = tuple(
    (500, f"unexpected_{name}", f"Something rare happened: {name}")
    for name in ("deadlock", "certificate", "quota", "schema", "clock")
)
DELIVERIES = (("delivered", 90.0), ("opened", 6.0), ("bounced", 3.0), ("complained", 0.02))
DELIVERY_SHARE = 0.03
"""E-mail deliveries, which are one event log each, to a hundred requests."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One template, and how often it is drawn."""

    template: PairTemplate
    weight: float
    error_message: str | None


def _template(
    deed: Deed, service: Service, failure: tuple[int, str, str] | None, next_step: str | None
) -> PairTemplate:
    info = lookup(deed.action)
    start = EventLog(
        status=Status.START,
        action=deed.action,
        span_id=0,
        start_unix_nano=0,
        time_unix_nano=0,
        trace_sampled=service.stable_names or None,
        category=info.category,
        project=population.PROJECT,
        environment=population.ENVIRONMENT,
        service=service.name,
        service_version=service.version,
        auth_method=info.auth_method or None,
        auth_factor=info.auth_factor or None,
        http_method="POST",
        http_route=deed.route,
        rank=Rank.APP if service.stable_names else Rank.DERIVED,
    )
    outcome = replace(
        start,
        status=Status.ERROR if failure else Status.SUCCESS,
        outcome_source=OutcomeSource.SIGNAL if service.stable_names else OutcomeSource.HTTP,
        http_status_code=failure[0] if failure else 200,
        error_type=failure[1] if failure else None,
        next_step=next_step,
        attributes={},
    )
    return PairTemplate(start, outcome)


def kinds() -> list[Kind]:
    """Return every template with its weight; successes first, each failure of each deed after."""
    result = []
    for deed in ALL_DEEDS:
        for service, share in zip(SERVICES, SERVICE_WEIGHTS, strict=True):
            weight = deed.weight * share
            asks_more = deed.action == "PasswordsAuthenticate"
            done = weight * (1 - population.FAILED_SHARE)
            if asks_more:
                second = _template(deed, service, None, "second_factor")
                result.append(Kind(second, done * SECOND_FACTOR_SHARE, None))
                done *= 1 - SECOND_FACTOR_SHARE
            result.append(Kind(_template(deed, service, None, None), done, None))
            for failure in deed.failures:
                failed = weight * population.FAILED_SHARE / len(deed.failures)
                made = _template(deed, service, failure, None)
                result.append(Kind(made, failed, failure[2] or None))
            for failure in RARE_FAILURES:
                rare = weight * RARE_FAILURE_SHARE / len(RARE_FAILURES)
                made = _template(deed, service, failure, None)
                result.append(Kind(made, rare, failure[2] or None))
    return result


def deliveries() -> list[Kind]:
    """Return the templates of what a mail provider reports; only their outcomes are used."""
    info = lookup("EmailDelivery")
    result = []
    for message_status, weight in DELIVERIES:
        failed = message_status in ("bounced", "complained")
        outcome = EventLog(
            status=Status.ERROR if failed else Status.SUCCESS,
            action="EmailDelivery",
            span_id=0,
            start_unix_nano=0,
            time_unix_nano=0,
            category=info.category,
            outcome_source=OutcomeSource.APP,
            project=population.PROJECT,
            environment=population.ENVIRONMENT,
            service="mail-webhook",
            service_version="3.1",
            error_type=message_status if failed else None,
            message_status=message_status,
            rank=Rank.APP,
        )
        start = replace(outcome, status=Status.START, outcome_source=None, attributes={})
        result.append(Kind(PairTemplate(start, outcome), weight, None))
    return result


def needle(name: str) -> PairTemplate:
    """Return a template like no other: each field that can be looked for has a value of its own."""
    start = EventLog(
        status=Status.START,
        action=f"Needle{name.capitalize()}",
        span_id=0,
        start_unix_nano=0,
        time_unix_nano=0,
        trace_sampled=True,
        category=f"needle_{name}",
        project=f"needle-project-{name}",
        environment=f"needle-environment-{name}",
        service=f"needle-service-{name}",
        service_version=f"0.0.0-{name}",
        auth_method=f"needle_method_{name}",
        auth_factor=f"needle_factor_{name}",
        http_method=f"NEEDLE{name.upper()}",
        http_route=f"/needle/{name}",
        rank=Rank.APP,
    )
    outcome = replace(
        start,
        status=Status.ERROR,
        outcome_source=OutcomeSource.RULE,
        next_step=f"needle_{name}",
        http_status_code={"oldest": 418, "newest": 451}.get(name, 599),
        error_type=f"needle_{name}",
        message_status=f"needle_{name}",
        attributes={},
    )
    return PairTemplate(start, outcome)
