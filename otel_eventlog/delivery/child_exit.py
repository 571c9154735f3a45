"""The end of processes that leave without `atexit`: children of multiprocessing, and of Celery.

Such a child ends with `os._exit` and only runs the finalisers of its `util` module, from which its
parent's are cleared right after the fork. A worker of Celery's pool does not even do that, but
sends a signal of Celery's. None of these modules is imported here: where the application does not
use them, nothing has to be done.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial

_MODULES = ("multiprocessing.util", "billiard.util")
_CELERY = "celery.signals"
_PRIORITY = 0


def call_at_exit_of_children(owner: object, flush: Callable[[], None]) -> bool:
    """Have `flush` called when this process ends, or a child that is forked from it later.

    Args:
        owner: while it lives; `flush` must not keep it alive.
        flush: called in the process that ends.

    Returns:
        False if there is nothing yet that could start such children.

    """
    is_registered = False
    for name in _MODULES:
        util = sys.modules.get(name)
        finalize = getattr(util, "Finalize", None)
        register = getattr(util, "register_after_fork", None)
        if finalize is None or register is None:
            continue
        add = partial(finalize, None, flush, exitpriority=_PRIORITY)
        add()
        register(owner, partial(_again, add))
        is_registered = True
    ending = getattr(sys.modules.get(_CELERY), "worker_process_shutdown", None)
    if ending is not None:
        ending.connect(partial(_told, flush), weak=False, dispatch_uid=f"otel-eventlog-{id(owner)}")
        is_registered = True
    return is_registered


def _again(add: Callable[[], object], _owner: object) -> None:
    add()


def _told(flush: Callable[[], None], **_details: object) -> None:
    flush()
