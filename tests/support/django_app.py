"""A Django project with its own log-in views, under its real instrumentation; run as a script.

Django can be set up once a process and instruments its settings, so each run is a process of its
own: it makes the requests and prints what event logs each has left, as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import django
from django.conf import settings
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.instrumentation.propagators import (
    TraceResponsePropagator,
    set_global_response_propagator,
)

from otel_eventlog.model import EventLog
from otel_eventlog.testing import capture
from tests.support.tracing import new_provider

PASSWORD = "correct horse battery staple"


def set_up(database: str) -> None:
    """Configure a project with accounts at /accounts/."""
    settings.configure(
        SECRET_KEY="s" * 50,
        ALLOWED_HOSTS=["testserver"],
        ROOT_URLCONF=__name__,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": database}},
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        LOGIN_REDIRECT_URL="/",
        LOGOUT_REDIRECT_URL="/accounts/login/",
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {
                    "loaders": [
                        (
                            "django.template.loaders.locmem.Loader",
                            {"registration/login.html": "<form>{{ form }}</form>"},
                        )
                    ]
                },
            }
        ],
        USE_TZ=True,
    )


def urls() -> list[Any]:
    """Return the project's routes."""
    from django.contrib.auth import aauthenticate, alogin, views
    from django.http import HttpRequest, HttpResponse, JsonResponse
    from django.urls import path

    async def api_login(request: HttpRequest) -> HttpResponse:
        user = await aauthenticate(request, **json.loads(request.body))
        if user is None:
            return JsonResponse({"ok": False})
        await alogin(request, user)
        return JsonResponse({"ok": True})

    return [
        path("accounts/login/", views.LoginView.as_view()),
        path("accounts/logout/", views.LogoutView.as_view()),
        path("api/login", api_login),
        path("", lambda _: HttpResponse("home")),
    ]


def shown(events: list[EventLog], response: Any) -> dict[str, Any]:
    """Return what a test compares of one request."""
    return {
        "status": response.status_code,
        "events": [f"{event.action} {event.status}" for event in events],
        "outcome": [
            (event.status, event.outcome_source, event.error_type, event.user_id)
            for event in events
            if event.outcome_source is not None
        ],
        "headers": {name.lower(): value for name, value in response.headers.items()},
        "request_ids": sorted({event.request_id for event in events}),
        "all": repr([repr(event) for event in events]),
    }


def main() -> None:
    """Make the requests and print what they left."""
    provider, _ = new_provider()
    os.environ["OTEL_EVENTLOG_RAISE"] = "1"
    set_up(sys.argv[1])
    set_global_response_propagator(TraceResponsePropagator())
    with capture(provider, rules=sys.argv[2:]) as logs:
        # As under zero code: event logs are on before the application imports anything of Django's.
        assert "django.contrib.auth.signals" not in sys.modules
        DjangoInstrumentor().instrument(tracer_provider=provider)
        django.setup()
        globals()["urlpatterns"] = urls()
        from django.contrib.auth.models import User
        from django.core.management import call_command
        from django.test import AsyncClient, Client

        call_command("migrate", verbosity=0)
        User.objects.create_user("grace", password="x")
        User.objects.create_user("ada", password=PASSWORD)
        client = Client()
        told: dict[str, Any] = {}

        def post(label: str, path: str, **form: str) -> None:
            response = client.post(path, form)
            told[label] = shown(list(logs), response)
            logs.clear()

        post("wrong", "/accounts/login/", username="ada", password="hunter2")
        post("nobody", "/accounts/login/", username="nobody", password="hunter2")
        post("blank", "/accounts/login/", username="ada")
        post("right", "/accounts/login/", username="ada", password=PASSWORD)
        post("logout", "/accounts/logout/")

        async def post_json(label: str, password: str) -> None:
            response = await AsyncClient().post(
                "/api/login",
                {"username": "ada", "password": password},
                content_type="application/json",
            )
            told[label] = shown(list(logs), response)
            logs.clear()

        import asyncio

        asyncio.run(post_json("async wrong", "hunter2"))
        asyncio.run(post_json("async right", PASSWORD))
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
