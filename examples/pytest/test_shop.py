"""The website's event logs. The fixture `event_logs` comes with otel-eventlog."""

from flask.testing import FlaskClient

from otel_eventlog.testing import EventLogs

PASSWORD = "correct horse battery staple"


def test_a_wrong_password_is_an_error(shop: FlaskClient, event_logs: EventLogs) -> None:
    """The page comes again, with 200; the rule in rules.toml knows better."""
    shop.post("/login", data={"user": "ada", "password": "hunter2"})
    event_logs.assert_events(
        "PasswordsAuthenticate start",
        "PasswordsAuthenticate error invalid_credentials",
    )
    event_logs.assert_no_secret("hunter2")


def test_a_visit(shop: FlaskClient, event_logs: EventLogs) -> None:
    """In and out again: two requests, both begun and ended."""
    shop.post("/login", data={"user": "ada", "password": PASSWORD})
    shop.post("/logout")
    event_logs.assert_events(
        "PasswordsAuthenticate start",
        "PasswordsAuthenticate success",
        "SessionsRevoke start",
        "SessionsRevoke success",
    )
    event_logs.assert_no_unpaired_starts()
    event_logs.assert_no_secret(PASSWORD)


def test_pages_leave_nothing(shop: FlaskClient, event_logs: EventLogs) -> None:
    """No event log without an auth call; and none is left from the tests before."""
    shop.get("/")
    event_logs.assert_events()
