"""A program of its own: import an application and write down its routes. Standard library only.

    python list_routes.py RESULT module:object

It runs in the interpreter of the application, which need not have otel-eventlog installed. RESULT
becomes JSON: {"routes": [[method or null, route], …]} or {"error": "…"}.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
DEPTH_MAX = 16
"""Mounts and wrappers within each other; more is a circle."""

Route = tuple[str | None, str]


class UnknownAppError(Exception):
    """The object is no application of a known framework."""


def routes_of(app: Any, prefix: str = "", depth: int = 0) -> Iterator[Route]:
    """Yield method and route of everything that an application serves.

    Raises:
        UnknownAppError: the framework is not known.

    """
    if depth > DEPTH_MAX:
        return
    if hasattr(app, "url_map"):
        yield from _of_werkzeug(app.url_map, prefix)
    elif hasattr(app, "mounts") and hasattr(app, "app"):
        yield from _of_dispatcher(app, prefix, depth)
    elif isinstance(getattr(app, "routes", None), list):
        yield from _of_starlette(app.routes, prefix, depth)
    elif type(app).__module__.startswith("django."):
        from django.urls import get_resolver  # type: ignore[import-not-found,import-untyped,unused-ignore] # the application's own

        yield from _of_django(get_resolver().url_patterns, prefix)
    else:
        # A middleware around the application keeps it under one of these names.
        for name in ("app", "wsgi_app", "asgi_app", "application", "_app", "wrapped"):
            inner = getattr(app, name, None)
            if inner is not None and not inspect.ismethod(inner):
                yield from routes_of(inner, prefix, depth + 1)
                return
        raise UnknownAppError(type(app).__qualname__)


def _of_werkzeug(url_map: Any, prefix: str) -> Iterator[Route]:
    for rule in url_map.iter_rules():
        for method in METHODS:
            if rule.methods is None or method in rule.methods:
                yield method, prefix + rule.rule


def _of_dispatcher(app: Any, prefix: str, depth: int) -> Iterator[Route]:
    yield from routes_of(app.app, prefix, depth + 1)
    for path, mounted in app.mounts.items():
        yield from routes_of(mounted, prefix + path, depth + 1)


def _of_starlette(routes: Any, prefix: str, depth: int) -> Iterator[Route]:
    if depth > DEPTH_MAX:
        return
    for route in routes:
        path = getattr(route, "path", "")
        methods = getattr(route, "methods", None)
        inner = getattr(route, "routes", None)
        if hasattr(route, "original_router"):
            # FastAPI of 2026 looks into an included router only when a request comes.
            path = getattr(getattr(route, "include_context", None), "prefix", "")
            inner = route.original_router.routes
        mounted = getattr(route, "app", None)
        if methods:
            yield from ((method, prefix + path) for method in METHODS if method in methods)
        elif inner:
            yield from _of_starlette(inner, prefix + path, depth + 1)
        elif mounted is not None and not hasattr(route, "endpoint"):
            try:
                yield from routes_of(mounted, prefix + path, depth + 1)
            except UnknownAppError:
                continue  # static files, or another framework's: nothing to tell


def _of_django(patterns: Any, prefix: str) -> Iterator[Route]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        inner = getattr(pattern, "url_patterns", None)
        if inner is not None:
            yield from _of_django(inner, route)
        else:
            for method in _django_methods(pattern.callback):
                yield method, route


def _django_methods(view: Any) -> list[str | None]:
    """Return the methods of a view; a function does not tell its own."""
    actions = getattr(view, "actions", None)
    if isinstance(actions, dict):
        return [method.upper() for method in actions]
    cls = getattr(view, "view_class", None) or getattr(view, "cls", None)
    if cls is None:
        return [None]
    allowed = getattr(cls, "http_method_names", [method.lower() for method in METHODS])
    found = [method for method in METHODS if method.lower() in allowed]
    return [method for method in found if _is_own(getattr(cls, method.lower(), None))]


def _is_own(handler: Any) -> bool:
    """Whether a view handles a method; that Django's form views take PUT for POST is no news."""
    return handler is not None and handler.__qualname__ != "ProcessFormView.put"


def load(name: str) -> Any:
    """Import `module:object`, or `django:settings_module`."""
    module_name, _, path = name.partition(":")
    if module_name == "django":
        os.environ["DJANGO_SETTINGS_MODULE"] = path
        import django  # type: ignore[import-not-found,import-untyped,unused-ignore] # the application's own
        from django.core.wsgi import get_wsgi_application  # type: ignore[import-not-found,import-untyped,unused-ignore] # as above

        del django
        return get_wsgi_application()
    found: Any = importlib.import_module(module_name)
    for part in path.removesuffix("()").split("."):
        found = getattr(found, part)
    is_factory = path.endswith("()") or inspect.isfunction(found)
    return found() if is_factory else found


def main(result: str, name: str) -> None:
    """Write the routes of an application, or what went wrong."""
    # As `python -m` would: the current directory comes first, and this file's own is no place to
    # import an application's modules from.
    own = str(Path(__file__).parent)
    sys.path[:] = [str(Path.cwd()), *(path for path in sys.path if path != own)]
    try:
        told: dict[str, Any] = {"routes": list(routes_of(load(name)))}
    except UnknownAppError as error:
        told = {"unknown": str(error)}
    except BaseException as error:  # noqa: BLE001 - whatever an application does, it is told
        told = {"error": f"{type(error).__name__}: {error}"}
    Path(result).write_text(json.dumps(told), "utf-8")
    # Threads that the application started must not keep this program alive.
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
