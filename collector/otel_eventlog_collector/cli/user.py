"""Who runs the command, for the records of what was done."""

from __future__ import annotations

import getpass


def user_name() -> str | None:
    """Return the name of the operating system's user."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have none
        return None
