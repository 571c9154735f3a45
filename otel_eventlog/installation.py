"""Switching event logs on: `install()` in code, `pre_instrument` where nothing is changed."""

from __future__ import annotations

import gc
import logging
import os
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import Tracer, TracerProvider
from opentelemetry.sdk.trace.sampling import Sampler

from otel_eventlog import guard
from otel_eventlog.alike import Materialiser
from otel_eventlog.environment_variables import OTEL_EVENTLOG_CONFIG, OTEL_EVENTLOG_ENDPOINT
from otel_eventlog.errors import RuleError, SettingsError
from otel_eventlog.processor import EventLogSpanProcessor, find_request
from otel_eventlog.propagation import (
    install_propagator,
    install_response_propagator,
    keep_response_propagator,
)
from otel_eventlog.sampler import EventLogSampler
from otel_eventlog.settings import Settings, build_delivery, build_mapper
from otel_eventlog.signals import connect_frameworks

_lock = threading.Lock()
_installed: weakref.WeakKeyDictionary[TracerProvider, EventLogSpanProcessor] = (
    weakref.WeakKeyDictionary()
)


def install(
    tracer_provider: trace.TracerProvider | None = None,
    *,
    endpoint: str | None = None,
    rules: str | Path | Sequence[str | Path] | None = None,
    packs: str | Sequence[str] | None = None,
    spool_dir: str | Path | None = None,
) -> EventLogSpanProcessor | None:
    """Switch event logs on for a tracer provider; a second call for the same one does nothing.

    It adds a span processor, wraps the provider's sampler, and composes the global propagators.
    Arguments outrank the `OTEL_EVENTLOG_*` environment variables.

    Args:
        tracer_provider: the SDK's provider; the global one when absent.
        endpoint: base URL of the collector, by default `http://localhost:4328`.
        rules: one rule file or several.
        packs: one built-in rule pack or several, beyond those that are on by default.
        spool_dir: directory in which event logs outlive an outage and a kill.

    Returns:
        The span processor. None where event logs stay off: a setting or rule file is wrong, or
        there is nothing to attach to (one log line says what to mend), or OTEL_SDK_DISABLED is
        true. It never raises: what is wrong here must not keep the application from starting.

    """
    if is_sdk_disabled(os.environ):
        return None
    try:
        return _install(
            trace.get_tracer_provider() if tracer_provider is None else tracer_provider,
            partial(
                Settings.from_env,
                os.environ,
                endpoint=endpoint,
                rules=rules,
                packs=packs,
                spool_dir=spool_dir,
            ),
        )
    except (SettingsError, RuleError) as error:
        guard.say_once("otel_eventlog is off: " + "; ".join(error.mistakes))
    except Exception as error:  # noqa: BLE001 - nothing of ours may reach the application
        guard.caught("install")
        guard.say_once(f"otel_eventlog is off: {guard.named(error)}")
    return None


def _install(
    provider: trace.TracerProvider, read_settings: Callable[[], Settings]
) -> EventLogSpanProcessor | None:
    if not isinstance(provider, TracerProvider):
        guard.say_once(
            f"otel_eventlog is off: the tracer provider is {type(provider).__name__}, not one of "
            "the OpenTelemetry SDK, so there is nothing to attach to; set the SDK's up first, or "
            "install opentelemetry-distro",
            logging.WARNING,
        )
        return None
    with _lock:
        present = _installed.get(provider)
        if present is not None:
            return present
        settings = read_settings()
        mapper = build_mapper(settings)
        delivery = build_delivery(settings, Materialiser(mapper))
        processor = EventLogSpanProcessor(mapper, delivery)
        attach(provider, processor)
        # Now, in the background: the first event log need not wait for its imports, and what a
        # killed process left in the spool goes out.
        delivery.start()
        return processor


def attach(provider: TracerProvider, processor: EventLogSpanProcessor) -> None:
    """Attach a processor of ours to a provider, with sampler and propagators."""
    processor.tracer_provider = provider
    _wrap_samplers(provider, processor)
    provider.add_span_processor(processor)
    install_propagator(find_request)
    install_response_propagator(find_request)
    connect_frameworks()
    processor.on_request = _stay_connected
    _installed[provider] = processor


def _stay_connected() -> None:
    """Connect to what the application imports or sets only after event logs are on."""
    try:
        connect_frameworks()
        keep_response_propagator(find_request)
    except Exception:  # noqa: BLE001 - nothing of ours may reach the request
        guard.caught("connecting to the application's frameworks")


def _wrap_samplers(provider: TracerProvider, processor: EventLogSpanProcessor) -> None:
    """Put our sampler around the provider's, and around that of tracers made before."""
    sampler = EventLogSampler(provider.sampler, processor.mapper.rules)
    provider.sampler = sampler
    for tracer in _tracers_of(provider):
        tracer.sampler = EventLogSampler(tracer.sampler, processor.mapper.rules)


def _tracers_of(provider: TracerProvider) -> list[Tracer]:
    """Return the tracers that a provider made already; each keeps the sampler of its making."""
    known: Any = getattr(provider, "_tracers", None)
    if isinstance(known, dict):
        return [tracer for tracer in known.values() if isinstance(tracer, Tracer)]
    # SDKs before 1.41 keep no list. All tracers of a provider share its span processor.
    shared = getattr(provider, "_active_span_processor", None)
    if shared is None:
        return []
    # For all holders at once: each call looks through every object that there is.
    holders = gc.get_referrers(shared)
    found = {id(each): each for each in (*holders, *gc.get_referrers(*holders))}
    return [
        each
        for each in found.values()
        if isinstance(each, Tracer) and each.span_processor is shared
    ]


def installed_on(provider: TracerProvider) -> EventLogSpanProcessor | None:
    """Return the processor of ours on a provider, if event logs are on there."""
    return _installed.get(provider)


def detach(
    provider: TracerProvider,
    processor: EventLogSpanProcessor,
    sampler: Sampler,
    before: EventLogSpanProcessor | None = None,
) -> None:
    """Undo `attach`, except that the SDK cannot take a span processor back.

    Args:
        provider: the provider.
        processor: the processor, which should be shut down and then does nothing more.
        sampler: what samples from now on.
        before: the processor that was there before this one, if there was any.

    """
    provider.sampler = sampler
    for tracer in _tracers_of(provider):
        tracer.sampler = sampler
    if _installed.get(provider) is processor:
        if before is None:
            del _installed[provider]
        else:
            _installed[provider] = before


def uninstall(provider: TracerProvider) -> None:
    """Switch event logs off for a tracer provider."""
    with _lock:
        processor = _installed.get(provider)
    if processor is not None:
        processor.shutdown()
        sampler = provider.sampler
        inner = sampler.inner if isinstance(sampler, EventLogSampler) else sampler
        detach(provider, processor, inner)


def pre_instrument() -> None:
    """Entry point `opentelemetry_pre_instrument`: switch event logs on, if the environment says so.

    Called in every process of the environment, before the instrumentations. It acts only where
    OTEL_EVENTLOG_ENDPOINT or OTEL_EVENTLOG_CONFIG is set. An exception here would stop all
    instrumentation of the application; `install` lets none out.
    """
    if is_switched_on(os.environ):
        install()


def is_switched_on(environ: Mapping[str, str]) -> bool:
    """Whether the environment asks for event logs, and nothing in it forbids them."""
    if not (environ.get(OTEL_EVENTLOG_ENDPOINT) or environ.get(OTEL_EVENTLOG_CONFIG)):
        return False
    return not is_forbidden(environ)


def is_forbidden(environ: Mapping[str, str]) -> bool:
    """Whether the environment forbids what needs no change of code."""
    disabled = environ.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "").split(",")
    return is_sdk_disabled(environ) or bool({name.strip() for name in disabled} & {"eventlog", "*"})


def is_sdk_disabled(environ: Mapping[str, str]) -> bool:
    """Whether the OpenTelemetry SDK is off, and we with it."""
    return environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
