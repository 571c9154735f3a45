"""The one place that catches our own faults, so that they never reach the customer's request.

    try:
        …
    except Exception:
        guard.caught("where")

A fault is counted, logged at most once a minute, and let out only under the test switch
`OTEL_EVENTLOG_RAISE=1`.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import traceback

RAISE_SWITCH = "OTEL_EVENTLOG_RAISE"
"""Test switch of this package, not for applications: `1` lets our own faults out."""

LOG_INTERVAL_S = 60.0
"""Shortest time between two log lines about our own faults."""

_logger = logging.getLogger("otel_eventlog")
_lock = threading.RLock()  # a finaliser may interrupt us and fail as well
_faults = 0
_next_log_s = 0.0
_said: set[str] = set()


def caught(where: str) -> None:
    """Deal with the exception being handled: count it, log it now and then.

    Args:
        where: what we were doing, for the log line.

    Raises:
        Exception: the one being handled, under `OTEL_EVENTLOG_RAISE=1` only.

    """
    global _faults, _next_log_s  # noqa: PLW0603 - one count per process, by intent
    if os.environ.get(RAISE_SWITCH) == "1":
        raise  # noqa: PLE0704 - only ever called while an exception is being handled
    now_s = time.monotonic()
    with _lock:
        _faults += 1
        if now_s < _next_log_s:
            return
        _next_log_s = now_s + LOG_INTERVAL_S
        count = _faults
    _logger.warning(
        "otel_eventlog failed in %s (%d faults so far). Your application is not affected, but "
        "event logs may be missing; please report this.\n%s",
        where,
        count,
        told(sys.exception()),
    )


def told(error: BaseException | None) -> str:
    """Return an exception as its type and where it happened, for a log.

    Not its message, which may quote what was being worked on.
    """
    if error is None:
        return ""
    kind = type(error)
    frames = "".join(traceback.format_tb(error.__traceback__))
    return f"Traceback (most recent call last):\n{frames}{kind.__module__}.{kind.__qualname__}"


def say_once(text: str, level: int = logging.ERROR) -> None:
    """Log what is wrong with the settings, in one line, and once in a process.

    The hook, the instrumentor, the exporter and the application itself may all come here. Where
    logging is not set up, as when an application starts, it goes where Python itself would write
    it, to standard error: nobody would learn otherwise why there are no event logs. Nothing else
    of ours does.
    """
    if text in _said or not _logger.isEnabledFor(level):
        return
    _said.add(text)
    if _is_heard():
        _logger.log(level, "%s", text)
    elif logging.lastResort is not None:
        logging.lastResort.handle(
            _logger.makeRecord(_logger.name, level, __file__, 0, text, (), None)
        )


def _is_heard() -> bool:
    """Whether a handler listens to us, besides the one that keeps us silent."""
    logger: logging.Logger | None = _logger
    while logger is not None:
        if not all(isinstance(handler, logging.NullHandler) for handler in logger.handlers):
            return True
        logger = logger.parent if logger.propagate else None
    return False


def faults() -> int:
    """Return how many faults of ours were caught in this process."""
    return _faults


def named(error: BaseException) -> str:
    """Return an exception as its type and the line that raised it, without its message."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    file = os.path.basename(trace.tb_frame.f_code.co_filename)  # noqa: PTH119 - no need of a Path
    return f"{type(error).__name__} ({file}:{trace.tb_lineno})"


def _renew_lock() -> None:
    # A thread that held the lock when the process forked does not exist in the child.
    global _lock  # noqa: PLW0603 - see above
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)
