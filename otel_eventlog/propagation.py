"""What the caller sent, and what the caller gets back: composed with the propagators in place.

Incoming: `X-Request-Id` or `X-Correlation-Id` are put into the Context before the span starts, so
that the live `start` has them. Outgoing: the response carries `X-EventLog-Request-Id` for support
to quote, and its `Location` and content type are noted beside the span, never on it.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

from opentelemetry import propagate, trace
from opentelemetry.context import Context, get_current
from opentelemetry.propagators import textmap
from opentelemetry.propagators.textmap import TextMapPropagator

from otel_eventlog import guard
from otel_eventlog.tracking import Request, RequestSlot, slot_of, with_slot

RESPONSE_HEADER = "X-EventLog-Request-Id"
"""Response header with the request id; absent where a request may yet turn out to be none."""

_REQUEST_HEADERS = ("x-request-id", "x-correlation-id")
"""The caller's own id, best first."""

_WSGI_KEYS = tuple("HTTP_" + name.upper().replace("-", "_") for name in _REQUEST_HEADERS)
_ASGI_KEYS = tuple(name.encode() for name in _REQUEST_HEADERS)
_KEY_LENGTHS = frozenset(map(len, _REQUEST_HEADERS))

FindRequest = Callable[[int], Request | None]
"""Returns the request in progress that a span id belongs to."""


class EventLogPropagator(TextMapPropagator):
    """The propagator in place, plus the caller's request id in the Context.

    Args:
        inner: the propagator in place.
        find: how to find a request by a span id.

    """

    def __init__(self, inner: TextMapPropagator, find: FindRequest | None = None) -> None:
        self._inner = inner
        self._find = find

    def extract(
        self,
        carrier: textmap.CarrierT,
        context: Context | None = None,
        getter: textmap.Getter[textmap.CarrierT] = textmap.default_getter,
    ) -> Context:
        """Return what the inner propagator extracts, with a slot for this request in it."""
        extracted: Context | None = self._inner.extract(carrier, context, getter)
        # An empty CompositePropagator (a declarative configuration without `propagator:`) returns
        # None, and the instrumentations then fail every request.
        if extracted is None:
            extracted = context if context is not None else get_current()
        try:
            # Mostly nothing at all is around a request.
            present = get_current() if context is None else context
            around = self._around(present) if present else None
            return with_slot(RequestSlot(_correlation_id(carrier, getter), None, around), extracted)
        except Exception:  # noqa: BLE001 - nothing of ours may reach the request
            guard.caught("EventLogPropagator.extract")
            return extracted

    def _around(self, context: Context) -> Request | None:
        """Return the request in progress inside of which headers are read, if there is one.

        FastAPI and Starlette read the caller's headers even inside of another server span, and
        their own span is then no child of it.
        """
        request = None
        if self._find is not None:
            request = self._find(trace.get_current_span(context).get_span_context().span_id)
        if request is None:
            slot = slot_of(context)
            if slot is not None:
                request = slot.request or slot.around
        return None if request is None or request.is_ended else request

    def inject(
        self,
        carrier: textmap.CarrierT,
        context: Context | None = None,
        setter: textmap.Setter[textmap.CarrierT] = textmap.default_setter,
    ) -> None:
        """Inject what the inner propagator does, and nothing more."""
        self._inner.inject(carrier, context, setter)

    @property
    def fields(self) -> set[str]:
        """The inner propagator's fields."""
        return self._inner.fields


def _correlation_id(carrier: Any, getter: textmap.Getter[Any]) -> str | None:
    """Read the caller's id; validated later, by whoever makes an event log of it."""
    if isinstance(carrier, dict):
        # The instrumentations' getters decode every header for every question.
        for key in _WSGI_KEYS:
            if key in carrier:
                return str(carrier[key])
        if "wsgi.version" in carrier:
            return None
        headers = carrier.get("headers")
        if carrier.get("type") in ("http", "websocket") and isinstance(headers, (list, tuple)):
            return _from_asgi(headers)
    for header in _REQUEST_HEADERS:
        values = getter.get(carrier, header)
        if values:
            return str(values[0])
    return None


def _from_asgi(headers: Sequence[Any]) -> str | None:
    # By length first: most headers are none of these.
    sent = [pair for pair in headers if len(pair[0]) in _KEY_LENGTHS]
    for key in _ASGI_KEYS:
        for name, value in reversed(sent):
            if name == key:
                return bytes(value).decode("latin-1")
    return None


def install_propagator(find: FindRequest) -> None:
    """Compose ours with the global propagator; once."""
    present = propagate.get_global_textmap()
    if not isinstance(present, EventLogPropagator):
        propagate.set_global_textmap(EventLogPropagator(present, find))


class EventLogResponsePropagator:
    """The response propagator in place, plus the request id; sees the response's headers.

    Called once a response by Flask and twice by FastAPI (head and body). It has the methods of
    contrib's `ResponsePropagator` and does not inherit from it, because contrib may be absent.

    Args:
        inner: the response propagator in place, if there is one.
        find: how to find a request by a span id.

    """

    def __init__(self, inner: Any, find: FindRequest) -> None:
        self._inner = inner
        self._find = find

    def __bool__(self) -> bool:
        """Whether the response now on its way has to be seen.

        The instrumentations ask `if propagator:` and then make a Context to call `inject` with.
        For most responses, those of requests that no rule wants, that is for nothing.
        """
        if self._inner is not None:
            return True
        slot = slot_of(None)
        # Without a slot only the span tells, and that comes with the call.
        return slot is None or slot.request is not None

    def inject(self, carrier: Any, context: Context | None = None, setter: Any = None) -> None:
        """Let the inner propagator write, then note and write ours."""
        if self._inner is not None:
            if setter is None:
                self._inner.inject(carrier, context)
            else:
                self._inner.inject(carrier, context, setter)
        try:
            self._see(carrier, context, setter)
        except Exception:  # noqa: BLE001 - nothing of ours may reach the request
            guard.caught("EventLogResponsePropagator.inject")

    def _see(self, carrier: Any, context: Context | None, setter: Any) -> None:
        if isinstance(carrier, dict) and carrier.get("type") not in (None, "http.response.start"):
            return
        request = self._request(context)
        if request is None or request.is_ended:
            return
        headers = carrier if isinstance(carrier, list) else _headers(carrier)
        is_told = False
        for name, value in headers:
            # By length first: most headers are none of these.
            if len(name) not in _SEEN_LENGTHS:
                continue
            lower = _text(name).lower()
            if lower == _CONTENT_TYPE:
                request.content_type = _text(value)
            elif lower == _LOCATION:
                request.location = _text(value)
            elif lower == _OURS:
                is_told = True
        if not request.is_started or is_told:
            return
        if isinstance(carrier, dict) and "type" in carrier:
            # In a list of our own: the application's may be one for all of its responses.
            ours = (_OURS.encode(), request.request_id.encode())
            carrier["headers"] = [*headers, ours]
        else:
            (setter or _PLAIN_SETTER).set(carrier, RESPONSE_HEADER, request.request_id)

    def _request(self, context: Context | None) -> Request | None:
        slot = slot_of(context)
        if slot is None and context is not None:
            slot = slot_of(None)
        if slot is not None:
            return slot.request
        # The request came in before our propagator was installed.
        return self._find(trace.get_current_span(context).get_span_context().span_id)


class _PlainSetter:
    """Writes on Django's response, for which the instrumentation names no setter."""

    @staticmethod
    def set(carrier: Any, key: str, value: str) -> None:
        """Write a header, where that can be done by its name."""
        if hasattr(carrier, "__setitem__") and not isinstance(carrier, list):
            carrier[key] = value


_PLAIN_SETTER = _PlainSetter()
_CONTENT_TYPE, _LOCATION, _OURS = "content-type", "location", RESPONSE_HEADER.lower()
_SEEN_LENGTHS = frozenset(map(len, (_CONTENT_TYPE, _LOCATION, _OURS)))


def _headers(carrier: Any) -> Iterable[tuple[Any, Any]]:
    """Return a response's headers, text or bytes: WSGI, ASGI, Django, a dictionary."""
    if isinstance(carrier, (list, tuple)):
        return carrier
    if isinstance(carrier, dict):
        if "type" not in carrier:
            return carrier.items()
        headers = carrier.get("headers") or ()
        if not isinstance(headers, (list, tuple)):
            # ASGI allows any iterable, and one that can be read but once is the server's to read.
            headers = carrier["headers"] = list(headers)
        return cast("Iterable[tuple[Any, Any]]", headers)
    known: Any = getattr(carrier, "headers", None)
    return known.items() if hasattr(known, "items") else ()


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


_CONTRIB = "opentelemetry.instrumentation.propagators"


def install_response_propagator(find: FindRequest) -> None:
    """Compose ours with contrib's global response propagator, if contrib is there; once."""
    try:
        importlib.import_module(_CONTRIB)
    except ImportError:
        return
    keep_response_propagator(find)


def keep_response_propagator(find: FindRequest) -> None:
    """Compose ours again where the application has set one since; cheap where it has not."""
    contrib: Any = sys.modules.get(_CONTRIB)
    if contrib is not None:
        present = contrib.get_global_response_propagator()
        if not isinstance(present, EventLogResponsePropagator):
            contrib.set_global_response_propagator(EventLogResponsePropagator(present, find))
