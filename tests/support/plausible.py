"""Plausible values made by looking at types: arguments for an SDK's methods, bodies it accepts."""

from __future__ import annotations

import enum
import inspect
import types
import typing
from collections.abc import Callable
from typing import Any

import pydantic


def arguments(method: Callable[..., Any]) -> dict[str, Any]:
    """Return a value for every argument that a method demands."""
    hints = typing.get_type_hints(method)
    return {
        name: _argument(hints.get(name, str), name)
        for name, parameter in inspect.signature(method).parameters.items()
        if parameter.default is parameter.empty and name != "self"
    }


def _argument(hint: Any, name: str) -> Any:
    if inspect.isclass(hint) and issubclass(hint, pydantic.BaseModel):
        return hint.model_validate(body(hint))
    return _value(hint, name)


def body(model: type[pydantic.BaseModel]) -> dict[str, Any]:
    """Return the smallest JSON object that a model accepts."""
    return {
        field.alias or name: _value(field.annotation, name)
        for name, field in model.model_fields.items()
        if field.is_required()
    }


_PLAIN: dict[Any, Any] = {int: 200, float: 1.0, bool: True, dict: {}, list: [], Any: "x"}


def _value(hint: Any, name: str) -> Any:
    origin, options = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType) and type(None) in options:
        return None
    if origin in (typing.Union, types.UnionType, typing.Annotated):
        return _value(options[0], name)
    if origin is typing.Literal:
        return options[0]
    return _plain(origin or hint, name)


def _plain(kind: Any, name: str) -> Any:
    if kind in _PLAIN:
        return _PLAIN[kind]
    if issubclass(kind, enum.Enum):
        return next(iter(kind)).value
    if issubclass(kind, pydantic.BaseModel):
        return body(kind)
    return f"{name}-1" if kind is str else "2026-11-27T10:42:00Z"
