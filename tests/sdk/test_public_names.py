"""`import otel_eventlog`: few names, all there, and nothing loaded before it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import otel_eventlog


def test_the_public_names_are_few_sorted_and_there() -> None:
    """`__all__` has at most twenty names, in order, and each of them can be had."""
    names = otel_eventlog.__all__
    assert names == sorted(names)
    assert len(names) <= 20
    assert all(getattr(otel_eventlog, name) is not None for name in names)
    assert set(names) <= set(dir(otel_eventlog))


def test_every_public_name_is_documented() -> None:
    """`help()` on any of them says what it is."""
    for name in otel_eventlog.__all__:
        assert (getattr(otel_eventlog, name).__doc__ or "").strip(), name


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    """As for any module."""
    with pytest.raises(AttributeError, match="instal"):
        _ = otel_eventlog.instal


def test_installing_stays_a_function_whatever_is_imported_first() -> None:
    """No module of the package hides a public name of it."""
    code = (
        "import pkgutil, importlib, otel_eventlog\n"
        "for found in pkgutil.iter_modules(otel_eventlog.__path__):\n"
        "    assert found.name not in otel_eventlog.__all__, found.name\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("imported", "kept_out"),
    [
        ("otel_eventlog", "opentelemetry"),
        ("otel_eventlog.testing.plugin", "opentelemetry"),
        ("otel_eventlog.mapping", "opentelemetry"),
        ("otel_eventlog.installation", "requests"),
        ("otel_eventlog.installation", "grpc"),
        ("otel_eventlog.installation", "google.protobuf"),
        ("otel_eventlog.api", "opentelemetry.instrumentation"),
    ],
)
def test_importing_pulls_in_nothing_heavy(imported: str, kept_out: str) -> None:
    """What an application imports costs it no more than it must."""
    code = f"import sys, {imported}; sys.exit({kept_out!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
