"""What the collector asks of the system and of the interpreter, once, before it serves."""

from __future__ import annotations

import resource
import sys

FILES_MAX = 8192
"""Open files: three listeners with twice their connections, and the store's."""

SWITCH_INTERVAL_S = 0.000_5
"""How long a thread keeps the interpreter while others want it.

The store's thread gives it up around every statement, and would wait Python's usual 5 ms to get it
back from one that decodes: a sixth more spans a second.
"""


def prepare_process() -> None:
    """Take as many open files as we may, and let threads take turns more often."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_MAX if hard == resource.RLIM_INFINITY else min(FILES_MAX, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    sys.setswitchinterval(SWITCH_INTERVAL_S)
