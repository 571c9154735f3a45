"""What frameworks say of a log-in by their own signals: flask-login, Flask-Security, Django.

A framework is never imported here. `connect_frameworks` looks whether the application has imported
one, when event logs are switched on and again with every request that is tracked, and connects
to its signals once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from otel_eventlog import guard
from otel_eventlog.signals.django_auth import connect_django
from otel_eventlog.signals.flask_auth import connect_flask_login
from otel_eventlog.signals.flask_security_auth import connect_flask_security

_pending: dict[str, Callable[[Any], None]] = {
    "django.contrib.auth.signals": connect_django,
    "flask_login.signals": connect_flask_login,
    "flask_security.signals": connect_flask_security,
}
"""Modules not seen yet, and what connects to them."""

_modules_seen = 0


def connect_frameworks() -> None:
    """Connect to every framework that the application has imported by now. Never raises."""
    global _modules_seen  # noqa: PLW0603 - one state per process; a race costs one more look
    count = len(sys.modules)
    if count == _modules_seen:
        return
    is_complete = True
    for name, connect in tuple(_pending.items()):
        module = sys.modules.get(name)
        if module is None:
            continue
        if getattr(getattr(module, "__spec__", None), "_initializing", False):
            is_complete = False  # another thread is importing it
            continue
        _pending.pop(name, None)
        try:
            connect(module)
        except Exception:  # noqa: BLE001 - nothing of ours may reach the application
            guard.caught(f"connecting to {name}")
    if is_complete:
        _modules_seen = count
