"""The API's event logs."""

from fastapi.testclient import TestClient

from otel_eventlog.testing import EventLogs

PASSWORD = "correct horse battery staple"


def test_a_second_factor_is_due(api: TestClient, event_logs: EventLogs) -> None:
    """The password was right, so it is a success; who it was is told, and what is due."""
    api.post("/login", json={"user": "ada", "password": PASSWORD})
    event_logs.assert_events(
        "PasswordsAuthenticate start",
        "PasswordsAuthenticate success second_factor",
    )
    assert event_logs.outcome().user_id == "id-of-ada"
    event_logs.assert_no_secret(PASSWORD)


def test_the_callers_id_is_kept(api: TestClient, event_logs: EventLogs) -> None:
    """What support is told can be found: the caller's id, and ours in the response."""
    credentials = {"user": "ada", "password": "hunter2"}
    answer = api.post("/login", json=credentials, headers={"X-Request-Id": "call-17"})
    outcome = event_logs.outcome("PasswordsAuthenticate")
    assert outcome.correlation_id == "call-17"
    assert answer.headers["X-EventLog-Request-Id"] == outcome.request_id
