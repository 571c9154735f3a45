"""What a span's attributes say about its HTTP request, under old and new names alike.

Pure look-ups; a value of an unexpected type counts as absent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote_plus

from otel_eventlog import semconv
from otel_eventlog.model import AttributeValue

WHERE = frozenset({*semconv.URL_PATH, *semconv.URL_QUERY, *semconv.HTTP_TARGET, *semconv.URL_FULL})
"""Attributes that tell the path, the host and the query string of a request."""

ASKED = frozenset(
    {*WHERE, *semconv.HTTP_METHOD, *semconv.HTTP_ROUTE, *semconv.SERVER_ADDRESS}
    | {*semconv.RPC_SYSTEM, *semconv.RPC_SERVICE, *semconv.RPC_METHOD}
)
"""Attributes that the functions below, and a look at the rules, may ask for."""

QUERY_PARAMETERS_MAX = 64
"""Names looked at in one query string."""


RPC_STATUS_NAMES = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)
"""gRPC codes by number, as the convention's text form spells them."""


def first(attributes: Mapping[str, AttributeValue], names: Sequence[str]) -> AttributeValue | None:
    """Return the first of several names' values that is there."""
    for name in names:
        value = attributes.get(name)
        if value is not None:
            return value
    return None


def first_text(attributes: Mapping[str, AttributeValue], names: Sequence[str]) -> str | None:
    """Return the first non-empty text, also the first item of a text array (captured headers)."""
    for name in names:
        value = attributes.get(name)
        if isinstance(value, (list, tuple)) and value:
            value = value[0]
        if isinstance(value, str) and value:
            return value
    return None


def path(attributes: Mapping[str, AttributeValue]) -> str | None:
    """Return the request's path, never its query string."""
    value = attributes.get("url.path")
    if isinstance(value, str):
        return value
    value = attributes.get("http.target")
    # HTTP/1.1 also allows the absolute form as target.
    if isinstance(value, str) and value[:1] == "/":
        return value.partition("?")[0]
    value = first(attributes, semconv.URL_FULL) or value
    # What is neither a path nor a URL (`*`, a CONNECT's authority) says nothing of a path.
    return _path_of_url(value) if isinstance(value, str) and "://" in value else None


def first_segment(attributes: Mapping[str, Any]) -> str | None:
    """Return the first segment of `path(attributes)`, undecoded, in a fraction of its time.

    None where a closer look is needed: there is no path, its segment is empty or encoded, or a
    query stands where a path should.

    Raises:
        TypeError: an attribute is no text.

    """
    where = attributes.get("url.path")
    if where is None:
        where = attributes.get("http.target")
    at = 1
    if where is None:
        where = attributes.get("url.full") or attributes.get("http.url")
        if where is None:
            return None
        at = where.find("/", where.find("://") + 3) + 1
        if at == 0 or where.find("?", 0, at) >= 0 or where.find("#", 0, at) >= 0:
            return None
    elif where[:1] != "/":
        return None
    end = where.find("/", at)
    first: str = where[at:end] if end >= 0 else where[at:]
    if "?" in first:
        first = first.partition("?")[0]
    return first if first and "%" not in first and "#" not in first else None


def _path_of_url(url: str) -> str:
    rest = url.partition("://")[2]
    rest = rest.partition("?")[0].partition("#")[0]
    slash = rest.find("/")
    return "/" if slash < 0 else rest[slash:]


def host(attributes: Mapping[str, AttributeValue]) -> str | None:
    """Return the lower-case name of the called host, without port."""
    url = first_text(attributes, semconv.URL_FULL)
    if url is not None and "://" in url:
        name = url.partition("://")[2].partition("/")[0].rpartition("@")[2]
    else:
        name = first_text(attributes, semconv.SERVER_ADDRESS) or ""
    if name.startswith("["):
        name = name.partition("]")[0][1:]
    elif name.count(":") == 1:
        name = name.partition(":")[0]
    return name.partition("?")[0].lower() or None


def query_names(attributes: Mapping[str, AttributeValue]) -> frozenset[str]:
    """Return the names of the query parameters, and beside each name that has one, `name=value`.

    A rule may ask for either. What comes back is only compared with rules, and never kept.
    """
    query = first_text(attributes, semconv.URL_QUERY)
    if query is None:
        for names in (semconv.HTTP_TARGET, semconv.URL_FULL):
            text = first_text(attributes, names)
            if text is not None and "?" in text:
                query = text.partition("?")[2].partition("#")[0]
                break
    if not query:
        return frozenset()
    pairs = query.removeprefix("?").split("&", QUERY_PARAMETERS_MAX)[:QUERY_PARAMETERS_MAX]
    whole = [unquote_plus(pair) for pair in pairs if pair]
    return frozenset([*whole, *(unquote_plus(pair.partition("=")[0]) for pair in pairs if pair)])


def integer(value: AttributeValue | None) -> int | None:
    """Return a whole number given as number or text (some SDKs write status codes as text)."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 18:  # noqa: PLR2004 - fits int64
        return int(value)
    return None


def rpc_status(value: AttributeValue | None) -> int | None:
    """Return a gRPC code given as number or name."""
    if isinstance(value, str) and value.upper() in RPC_STATUS_NAMES:
        return RPC_STATUS_NAMES.index(value.upper())
    return integer(value)


def same_value(wanted: AttributeValue, actual: AttributeValue | None) -> bool:
    """Compare as text, so that `401` and `"401"` are one; a wanted True also means "is present"."""
    if actual is None:
        return False
    if wanted is True:
        return actual is not False
    return value_text(wanted) == value_text(actual)


def value_text(value: AttributeValue) -> str:
    """Return a value as the text by which it is compared."""
    return str(value).lower() if isinstance(value, bool) else str(value)
