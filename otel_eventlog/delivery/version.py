"""Version of the installed package, read when first asked for: importing the reader is slow."""

from __future__ import annotations


def package_version() -> str:
    """Return the version of `otel-eventlog`; empty if it runs without being installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("otel-eventlog")
    except PackageNotFoundError:
        return ""
