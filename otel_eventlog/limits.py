"""The limits on what one event log may hold; named once, unit last.

A value over its limit is cut (text) or left out (attributes), never a reason to lose the event log.
"""

from __future__ import annotations

TEXT_CHARS_MAX = 512
"""Longest string of any single field or kept attribute."""

ERROR_MESSAGE_CHARS_MAX = 256
"""Longest redacted error message."""

IDENTIFIER_CHARS_MAX = 128
"""Longest correlation id, flow id, action name."""

KEPT_ATTRIBUTES_MAX = 32
"""Most attributes beyond the named fields in one event log."""

KEPT_SEQUENCE_ITEMS_MAX = 16
"""Most items of one kept array attribute."""

INT64_MAX = 2**63 - 1
INT64_MIN = -(2**63)
