"""`EventLogInstrumentor`: the way in through OpenTelemetry's instrumentor list and its YAML file.

The only module that imports contrib, which the application may not have.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any

from opentelemetry import trace
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]
from opentelemetry.sdk.trace import TracerProvider

from otel_eventlog import guard
from otel_eventlog.errors import EventLogError
from otel_eventlog.installation import install, is_switched_on, uninstall

_OPTIONS = ("endpoint", "rules", "packs", "spool_dir")

_logger = logging.getLogger("otel_eventlog")


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

    def _instrument(self, **kwargs: Any) -> None:
        import os

        options = {name: kwargs[name] for name in _OPTIONS if kwargs.get(name) is not None}
        if not options and not is_switched_on(os.environ):
            return
        try:
            install(kwargs.get("tracer_provider"), **options)
        except EventLogError as error:
            _logger.error("otel_eventlog is off: %s", error)
        except Exception:  # noqa: BLE001 - an exception here stops all instrumentation
            guard.caught("EventLogInstrumentor")

    def _uninstrument(self, **kwargs: Any) -> None:
        provider = kwargs.get("tracer_provider") or trace.get_tracer_provider()
        if isinstance(provider, TracerProvider):
            uninstall(provider)
