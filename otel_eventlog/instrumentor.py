"""`EventLogInstrumentor`: the way in through OpenTelemetry's instrumentor list and its YAML file.

The only module that imports contrib, which the application may not have.
"""

from __future__ import annotations

import difflib
import logging
import os
from collections.abc import Collection, Iterable
from typing import Any

from opentelemetry import trace
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]
from opentelemetry.sdk.trace import TracerProvider

from otel_eventlog import guard
from otel_eventlog.installation import install, is_forbidden, is_switched_on, uninstall

_OPTIONS = ("endpoint", "rules", "packs", "spool_dir")


class EventLogInstrumentor(BaseInstrumentor):  # type: ignore[misc] # contrib has no annotations
    """Switches event logs on, as `install()` does.

    In a declarative configuration file:

        instrumentation/development:
          python:
            eventlog:
              endpoint: http://localhost:4328
    """

    def instrumentation_dependencies(self) -> Collection[str]:
        """Depend on no other package."""
        return ()

    def instrument(self, **kwargs: Any) -> Any:
        """Switch event logs on; as often as anybody likes.

        The base class refuses a second call, even where the first one came without options from
        the list of all instrumentors and did nothing.
        """
        if self.is_instrumented_by_opentelemetry:
            return self._instrument(**kwargs)
        return super().instrument(**kwargs)

    def _instrument(self, **kwargs: Any) -> None:
        # An exception here would stop all instrumentation; `install` lets none out.
        if is_forbidden(os.environ):
            return
        _warn_of_misspelled(kwargs)
        options = {name: kwargs[name] for name in _OPTIONS if kwargs.get(name) is not None}
        if options or is_switched_on(os.environ):
            install(kwargs.get("tracer_provider"), **options)

    def _uninstrument(self, **kwargs: Any) -> None:
        provider = kwargs.get("tracer_provider") or trace.get_tracer_provider()
        if isinstance(provider, TracerProvider):
            uninstall(provider)


def _warn_of_misspelled(options: Iterable[str]) -> None:
    """Log options that nobody knows and that look like one of ours; others may be anybody's."""
    for name in options:
        near = difflib.get_close_matches(name, _OPTIONS, n=1)
        if near and name not in _OPTIONS:
            guard.say_once(
                f"otel_eventlog: unknown option {name!r} of the instrumentation; "
                f"did you mean {near[0]!r}?",
                logging.WARNING,
            )
