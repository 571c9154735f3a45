"""Where things lie in this repository, for the tests that read its files."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SDK = ROOT / "otel_eventlog"
COLLECTOR = ROOT / "collector" / "otel_eventlog_collector"
PACKAGES = (SDK, COLLECTOR)


def package_files(*suffixes: str) -> list[Path]:
    """Every file of both packages with one of the suffixes; without any, every file."""
    return sorted(
        path
        for package in PACKAGES
        for path in package.rglob("*")
        if path.is_file()
        and "__pycache__" not in path.parts
        and (not suffixes or path.suffix in suffixes)
    )


def project_table(directory: Path) -> dict[str, Any]:
    """The `[project]` table of the `pyproject.toml` in `directory`."""
    table: dict[str, Any] = tomllib.loads(
        (directory / "pyproject.toml").read_text(encoding="utf-8")
    )["project"]
    return table


def documentation() -> str:
    """The README and everything below `docs/`, as one text."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return "\n".join(page.read_text(encoding="utf-8") for page in pages)
