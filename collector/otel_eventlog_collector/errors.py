"""Every error that the collector raises on purpose; two classes at the boundary.

CollectorError
├── ConfigError            wrong at start-up: exit code 2, all problems at once
├── PermanentError         the same input will fail again: 400, INVALID_ARGUMENT, never retried
│   ├── BodyTooLarge       413, RESOURCE_EXHAUSTED without RetryInfo
│   ├── UnsupportedMediaType  415
│   └── QueryError         400 of the JSON API, names the field and the fix
└── RetryableError         try later: 503/429 with Retry-After, UNAVAILABLE with RetryInfo
├── StoreUnavailable   503
└── Overloaded         429
"""

from __future__ import annotations

from collections.abc import Sequence

from otel_eventlog.errors import EventLogError


class CollectorError(EventLogError):
    """Base of the collector's errors; `hint` says how to mend it (shown by the CLI)."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        """Keep the message and the hint apart, so that each surface can lay them out."""
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(CollectorError):
    """The configuration, an option or the data directory is wrong; nothing was started."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        """Be one mistake; `of` makes an error of several."""
        super().__init__(message, hint=hint)
        self.mistakes: tuple[str, ...] = (f"{message}; {hint}" if hint else message,)

    @classmethod
    def of(cls, mistakes: Sequence[str]) -> ConfigError:
        """Return one error that tells several mistakes, each a sentence with its hint."""
        error = cls("\n".join(mistakes))
        error.mistakes = tuple(mistakes)
        return error


class PermanentError(CollectorError):
    """The sender must not send the same again."""

    http_status = 400


class BodyTooLarge(PermanentError):
    """The request's body is over a size limit, as received or decompressed."""

    http_status = 413


class UnsupportedMediaType(PermanentError):
    """Neither OTLP protobuf nor OTLP JSON, or an unknown content encoding."""

    http_status = 415


class Unauthorized(PermanentError):
    """A token is needed, and there is none, or nobody knows it."""

    http_status = 401


class Forbidden(PermanentError):
    """The token is known, and not good for this."""

    http_status = 403


class QueryError(PermanentError):
    """A query's parameter is wrong. `field` names it; `mistakes` has every wrong one."""

    def __init__(self, field: str, message: str, *, hint: str = "") -> None:
        """Name the field beside the message."""
        super().__init__(message, hint=hint)
        self.field = field
        self.mistakes: tuple[QueryError, ...] = (self,)

    @classmethod
    def of(cls, mistakes: Sequence[QueryError]) -> QueryError:
        """Return one error that tells several mistakes (at least one)."""
        if len(mistakes) == 1:
            return mistakes[0]
        error = cls(mistakes[0].field, "\n".join(mistake.message for mistake in mistakes))
        error.mistakes = tuple(mistakes)
        return error


class NotFound(PermanentError):
    """What was asked for by its id is not there."""

    http_status = 404


class RetryableError(CollectorError):
    """The sender should try the same again after `retry_after_s` seconds (at most 2)."""

    http_status = 503
    retry_after_s = 1


class StoreUnavailable(RetryableError):
    """The store cannot commit just now."""


class Overloaded(RetryableError):
    """More is in flight than the limits allow."""

    http_status = 429
