"""Frameworks are never imported by us, and connected to once the application has imported them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.processes import plain_environment
from tests.support.repository import ROOT

LATE = """
import sys
from opentelemetry.sdk.trace import TracerProvider
from otel_eventlog.testing import capture
provider = TracerProvider(shutdown_on_exit=False)
with capture(provider) as events:
    absent = {"flask", "flask_login", "flask_security", "django", "blinker"} & set(sys.modules)
    assert not absent, absent
    login = {"http.method": "POST", "http.route": "/login"}
    def request():
        from opentelemetry.trace import SpanKind
        tracer = provider.get_tracer("x")
        return tracer.start_as_current_span("x", kind=SpanKind.SERVER, attributes=login)
    with request():
        pass
    assert not {"flask", "blinker", "django"} & set(sys.modules)
    from flask_login.signals import user_logged_in
    assert not user_logged_in.receivers
    class User:
        id = 7
    for _ in range(3):
        with request():
            assert len(user_logged_in.receivers) == 1
            user_logged_in.send(None, user=User())
    found = [event for event in events if event.outcome_source == "signal"]
    assert [event.user_id for event in found] == ["7"] * 3
"""

HALF = """
import importlib.util, sys, types
from otel_eventlog.signals import connect_frameworks
half = types.ModuleType("flask_login.signals")
half.__spec__ = importlib.util.spec_from_loader("flask_login.signals", None)
half.__spec__._initializing = True
sys.modules["flask_login.signals"] = half
connect_frameworks()
del sys.modules["flask_login.signals"]
import flask_login.signals
sys.modules["placeholder"] = half
connect_frameworks()
assert flask_login.signals.user_logged_in.receivers
"""

STRANGE = """
import os, sys, types
for name in ("flask_login.signals", "flask_security.signals", "django.contrib.auth.signals"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["flask"] = types.ModuleType("flask")
from otel_eventlog import guard
from otel_eventlog.signals import connect_frameworks
connect_frameworks()
sys.modules["another"] = sys.modules["flask"]
connect_frameworks()
assert guard.faults() == 2, guard.faults()
"""


@pytest.mark.parametrize("program", [LATE, HALF, STRANGE], ids=["late", "half imported", "strange"])
def test_connecting(program: str) -> None:
    """Imported later: connected with the next request; half imported: later; unknown: given up."""
    finished = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=plain_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert finished.returncode == 0, finished.stderr
