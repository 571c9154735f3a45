"""Event logs of authentication calls, made from OpenTelemetry spans.

    import otel_eventlog

    otel_eventlog.install(tracer_provider)

Names are loaded when first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otel_eventlog.api import action as action
    from otel_eventlog.api import current_action as current_action
    from otel_eventlog.api import record as record
    from otel_eventlog.current import CurrentAction as CurrentAction
    from otel_eventlog.delivery.tally import DeliveryStats as DeliveryStats
    from otel_eventlog.errors import EventLogError as EventLogError
    from otel_eventlog.errors import RuleError as RuleError
    from otel_eventlog.errors import SettingsError as SettingsError
    from otel_eventlog.exporter import EventLogSpanExporter as EventLogSpanExporter
    from otel_eventlog.installation import install as install
    from otel_eventlog.model import EventLog as EventLog
    from otel_eventlog.model import Status as Status
    from otel_eventlog.processor import EventLogSpanProcessor as EventLogSpanProcessor
    from otel_eventlog.sampler import EventLogSampler as EventLogSampler

_HOMES = {
    "CurrentAction": "current",
    "DeliveryStats": "delivery.tally",
    "EventLog": "model",
    "EventLogError": "errors",
    "EventLogSampler": "sampler",
    "EventLogSpanExporter": "exporter",
    "EventLogSpanProcessor": "processor",
    "RuleError": "errors",
    "SettingsError": "errors",
    "Status": "model",
    "action": "api",
    "current_action": "api",
    "install": "installation",
    "record": "api",
}

__all__ = [
    "CurrentAction",
    "DeliveryStats",
    "EventLog",
    "EventLogError",
    "EventLogSampler",
    "EventLogSpanExporter",
    "EventLogSpanProcessor",
    "RuleError",
    "SettingsError",
    "Status",
    "action",
    "current_action",
    "install",
    "record",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
