"""Pack full_stack_fastapi_template on spans as FastAPI makes them of that program's routes."""

from __future__ import annotations

import pytest

from otel_eventlog.mapping import Mapper
from otel_eventlog.model import Rank
from otel_eventlog.privacy import Privacy
from otel_eventlog.rulefile import load_rule_set
from tests.support.builders import span_data

USER = "/api/v1/users/0b0cf6f6-9f34-4d2b-8a53-3c1f0c2a7a11"


@pytest.mark.parametrize(
    ("method", "route", "path", "status", "shown"),
    [
        ("POST", "/api/v1/login/access-token", None, 200, ("PasswordsAuthenticate", "success")),
        ("POST", "/api/v1/login/access-token", None, 400, ("PasswordsAuthenticate", "error")),
        ("POST", "/api/v1/login/test-token", None, 200, ("SessionsAuthenticate", "success")),
        ("POST", "/api/v1/login/test-token", None, 403, ("SessionsAuthenticate", "error")),
        (
            "POST",
            "/api/v1/password-recovery/{email}",
            "/api/v1/password-recovery/ada@example.com",
            200,
            ("PasswordsEmailResetStart", "success"),
        ),
        ("POST", "/api/v1/reset-password/", None, 400, ("PasswordsEmailReset", "error")),
        ("POST", None, "/api/v1/reset-password", 307, None),
        ("POST", "/api/v1/users/signup", None, 200, ("CreateUser", "success")),
        ("POST", "/api/v1/users/", None, 403, ("CreateUser", "error")),
        ("GET", "/api/v1/users/", None, 200, ("SearchUsersExternal", "success")),
        ("GET", None, "/api/v1/users", 307, None),
        ("GET", "/api/v1/users/me", None, 200, ("GetUser", "success")),
        ("PATCH", "/api/v1/users/me", None, 409, ("UpdateUser", "error")),
        (
            "PATCH",
            "/api/v1/users/me/password",
            None,
            400,
            ("PasswordsExistingPasswordReset", "error"),
        ),
        ("GET", "/api/v1/users/{user_id}", USER, 404, ("GetUser", "error")),
        ("PATCH", "/api/v1/users/{user_id}", USER, 200, ("UpdateUser", "success")),
        ("DELETE", "/api/v1/users/{user_id}", USER, 200, ("DeleteUser", "success")),
        ("GET", "/api/v1/items/", None, 200, None),
        ("GET", "/api/v1/utils/health-check/", None, 200, None),
    ],
)
def test_its_routes_are_known(
    method: str,
    route: str | None,
    path: str | None,
    status: int,
    shown: tuple[str, str] | None,
) -> None:
    """Each route has its action and its outcome; items and redirects to a slash are nothing."""
    rules = load_rule_set(packs=["full_stack_fastapi_template"])
    mapper = Mapper(rules, Privacy(), Rank.DERIVED)
    events = mapper.map_span(span_data(method, route, path, status))
    found = (events[1].action, str(events[1].status)) if events else None
    assert found == shown
