"""Keeps other instrumentations from tracing our own calls.

`requests`, `urllib3` and gRPC may be instrumented in the application. Instrumentations look for
these keys in the current context. Two of them exist as constants whose names are private and may
go, one is the plain word that older instrumentations look for: whatever is there is set.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import context

_CONSTANTS = ("_SUPPRESS_INSTRUMENTATION_KEY", "_SUPPRESS_HTTP_INSTRUMENTATION_KEY")
_PLAIN_KEYS = ("suppress_instrumentation", "suppress_http_instrumentation")


@contextmanager
def suppressed() -> Iterator[None]:
    """Run the block with every instrumentation of this thread switched off."""
    keys = [getattr(context, name, None) for name in _CONSTANTS]
    current = context.get_current()
    for key in (*keys, *_PLAIN_KEYS):
        if isinstance(key, str):
            current = context.set_value(key, True, current)
    token = context.attach(current)
    try:
        yield
    finally:
        context.detach(token)
