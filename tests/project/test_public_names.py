"""The names users import: few, listed, sorted."""

from __future__ import annotations

import importlib

import pytest

PUBLIC_NAMES_MAX = 20


@pytest.mark.parametrize("module", ["otel_eventlog", "otel_eventlog.testing"])
def test_public_names_are_listed_and_sorted(module: str) -> None:
    """`__all__` is sorted, every name in it exists, and no public name is missing from it."""
    package = importlib.import_module(module)
    names = list(package.__all__)
    assert names == sorted(set(names))
    assert 0 < len(names) <= PUBLIC_NAMES_MAX
    assert [name for name in names if not hasattr(package, name)] == []
    visible = {
        name
        for name, value in vars(package).items()
        if not name.startswith("_") and getattr(value, "__module__", "").startswith("otel_eventlog")
    }
    assert visible <= set(names)
    assert set(names) <= set(dir(package))


def test_public_names_have_docstrings() -> None:
    """Every class and function users import says what it does."""
    package = importlib.import_module("otel_eventlog")
    values = {name: getattr(package, name) for name in package.__all__ if name != "__version__"}
    assert [name for name, value in values.items() if callable(value) and not value.__doc__] == []
