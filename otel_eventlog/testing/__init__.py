"""For the tests of applications: which event logs does my login leave?

The pytest fixture `event_logs` comes with the package, nothing is to be imported:

    def test_wrong_password(client, event_logs):
        client.post("/login", json={"user": "ada", "password": "wrong"})
        event_logs.assert_events("PasswordsAuthenticate start", "PasswordsAuthenticate error")

Without pytest: `with capture(tracer_provider) as event_logs: …`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_eventlog.testing.events import EventLogs

if TYPE_CHECKING:
    from otel_eventlog.testing.capturing import capture

__all__ = ["EventLogs", "capture"]


def __getattr__(name: str) -> Any:
    # pytest imports this package in every run, for the plugin's sake; the SDK waits until needed.
    if name != "capture":
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    from otel_eventlog.testing.capturing import capture

    return capture


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
