"""For the tests of applications: which event logs does my login leave?

The pytest fixture `event_logs` comes with the package, nothing is to be imported:

    def test_wrong_password(client, event_logs):
        client.post("/login", json={"user": "ada", "password": "wrong"})
        event_logs.assert_events("PasswordsAuthenticate start", "PasswordsAuthenticate error")

Without pytest: `with capture(tracer_provider) as event_logs: …`.
"""

from otel_eventlog.testing.capture import capture
from otel_eventlog.testing.events import EventLogs

__all__ = ["EventLogs", "capture"]
