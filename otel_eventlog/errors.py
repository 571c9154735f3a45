"""Every error that `otel_eventlog` raises on purpose.

EventLogError
├── RuleError      a rule file is wrong; lists every mistake at once
├── SettingsError  a setting is wrong; lists every mistake at once
└── WireError      a log record is not an event log of ours
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class EventLogError(Exception):
    """Base of all errors of this project."""


class RuleError(EventLogError):
    """One or more rules are wrong.

    Attributes:
        mistakes: every mistake found, each a whole sentence with file, line, key and hint.

    """

    def __init__(self, mistakes: Sequence[str]) -> None:
        """Join the mistakes, one a line, into the message."""
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(self.mistakes))


class SettingsError(EventLogError):
    """One or more settings of the application part are wrong.

    Attributes:
        mistakes: every mistake found, each a whole sentence with variable or key, value and hint.

    """

    def __init__(self, mistakes: Sequence[str]) -> None:
        """Join the mistakes, one a line, into the message."""
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(self.mistakes))


class WireError(EventLogError):
    """A log record claims to be an event log but cannot be one; the text says what to mend."""
