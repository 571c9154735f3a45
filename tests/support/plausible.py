"""Plausible values made by looking at types: arguments for an SDK's methods, bodies it accepts.

Types may be plain ones, enumerations, dataclasses, and models of pydantic, which need not be there.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import types
import typing
from collections.abc import Callable
from typing import Any

_PLAIN: dict[Any, Any] = {int: 200, float: 1.0, bool: True, dict: {}, list: [], Any: "x"}
_WHEN = "2026-11-27T10:42:00Z"


def arguments(method: Callable[..., Any]) -> dict[str, Any]:
    """Return a value for every argument that a method demands."""
    hints = typing.get_type_hints(method)
    return {
        name: _argument(hints.get(name, str), name)
        for name, parameter in inspect.signature(method).parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    }


def _argument(hint: Any, name: str) -> Any:
    if hasattr(hint, "model_validate"):
        return hint.model_validate(body(hint))
    return value(hint, name)


def body(model: Any) -> dict[str, Any]:
    """Return the smallest JSON object that a model or a dataclass accepts."""
    if dataclasses.is_dataclass(model):
        hints = typing.get_type_hints(model)
        return {
            field.name: value(hints[field.name], field.name)
            for field in dataclasses.fields(model)
            if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        }
    return {
        field.alias or name: value(field.annotation, name)
        for name, field in model.model_fields.items()
        if field.is_required()
    }


def value(hint: Any, name: str) -> Any:
    """Return a value of a type; texts say the name that they stand for."""
    origin, options = typing.get_origin(hint), typing.get_args(hint)
    if hasattr(origin, "__value__"):  # an alias with parameters, such as Nullable[int]
        return value(origin.__value__, name)
    if origin in (typing.Union, types.UnionType) and type(None) in options:
        return None
    if origin in (typing.Union, types.UnionType, typing.Annotated):
        return value(options[0], name)
    if origin is typing.Literal:
        return options[0]
    return _plain(origin or hint, name)


def _plain(kind: Any, name: str) -> Any:
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind is str:
        return f"{name}-1"
    if inspect.isclass(kind) and issubclass(kind, enum.Enum):
        return next(iter(kind)).value
    if dataclasses.is_dataclass(kind) or hasattr(kind, "model_fields"):
        return body(kind)
    return _WHEN
