"""`CurrentAction`: what the application says about the auth call in progress."""

from __future__ import annotations

from typing import Self

from otel_eventlog import guard
from otel_eventlog.limits import KEPT_ATTRIBUTES_MAX
from otel_eventlog.model import AttributeValue, Status
from otel_eventlog.outcome import Annotations
from otel_eventlog.privacy import Privacy
from otel_eventlog.tracking import Request


class CurrentAction:
    """The auth call in progress; every method returns the object, so that calls can be chained.

    Nothing said here is written on the span: it goes into the event log alone. Nothing raises.
    """

    def __init__(self, request: Request | None = None, privacy: Privacy | None = None) -> None:
        self._request = request
        self._privacy = privacy

    @property
    def is_active(self) -> bool:
        """Whether an auth call is in progress; without one everything here does nothing."""
        return self._request is not None and not self._request.is_ended

    @property
    def action(self) -> str | None:
        """The action, such as `PasswordsAuthenticate`; None when there is none, or not yet."""
        request = self._request
        return None if request is None or request.match is None else request.match.action

    @property
    def request_id(self) -> str | None:
        """The request id, to show to the user or to log; None when nothing is active."""
        return None if self._request is None else self._request.request_id

    def succeed(self, *, next_step: str | None = None) -> Self:
        """Say that it succeeded, whatever HTTP says.

        Args:
            next_step: what is still due, for example `second_factor`.

        """
        notes = self._notes()
        if notes is not None:
            notes.status = Status.SUCCESS
            self._say("next_step", next_step)
        return self

    def fail(self, error_type: str, message: str | None = None) -> Self:
        """Say that it failed, whatever HTTP says.

        Args:
            error_type: machine-readable reason, for example `invalid_credentials`.
            message: text for people; secrets and addresses in it are redacted.

        """
        notes = self._notes()
        if notes is not None:
            notes.status = Status.ERROR
            notes.error_type = error_type
            self._say("error_message", message)
        return self

    def failed_with(self, exception: BaseException) -> Self:
        """Say that an exception ended it, unless success or failure was said before."""
        notes = self._notes()
        if notes is not None and notes.status is None:
            kind = type(exception)
            name = kind.__qualname__
            if kind.__module__ != "builtins":
                name = f"{kind.__module__}.{name}"
            self.fail(notes.error_type or name)
            self._say("error_message", exception)
        return self

    def next_step(self, step: str) -> Self:
        """Say what is still due after a success, for example `second_factor`."""
        return self._say("next_step", step)

    def set_user(self, user_id: object) -> Self:
        """Say who it is about; any type of id, kept as text."""
        return self._say("user_id", user_id)

    def set_organization(self, organization_id: object) -> Self:
        """Say which organization (tenant) it is about."""
        return self._say("organization_id", organization_id)

    def set_client(self, client_id: object) -> Self:
        """Say which client application asked."""
        return self._say("client_id", client_id)

    def set_flow(self, flow_id: object) -> Self:
        """Join this request with others of the same login."""
        return self._say("flow_id", flow_id)

    def set_method(self, auth_method: str, *, factor: str | None = None) -> Self:
        """Say how: `password`, `magic_link`, `otp_sms`, `oauth_google`, …, and which factor."""
        self._say("auth_method", auth_method)
        return self if factor is None else self._say("auth_factor", factor)

    def set_session(self, *, token: str | None = None, jwt: str | None = None) -> Self:
        """Say which session it is about; only keyed hashes leave, and nothing without a key."""
        if self._privacy is not None:
            self._say("session_token_hash", self._privacy.keyed_hash(token))
            self._say("session_jwt_hash", self._privacy.keyed_hash(jwt))
        return self

    def set(self, key: str, value: AttributeValue) -> Self:
        """Add an attribute of your own; keys that promise a secret are left out."""
        notes = self._notes()
        try:
            if notes is not None and (
                key in notes.attributes or len(notes.attributes) < KEPT_ATTRIBUTES_MAX
            ):
                notes.attributes[key] = value
        except TypeError:  # a list, say, is no key
            guard.caught("CurrentAction.set")
        return self

    def _notes(self) -> Annotations | None:
        return self._request.notes if self._request is not None and self.is_active else None

    def _say(self, field: str, value: object) -> Self:
        notes = self._notes()
        if notes is not None and value is not None:
            try:
                setattr(notes, field, str(value) or getattr(notes, field))
            except Exception:  # noqa: BLE001 - the application's own __str__ may raise
                guard.caught(f"CurrentAction ({field})")
        return self


NO_ACTION = CurrentAction()
"""What `current_action()` returns when nothing is active: every method does nothing."""
