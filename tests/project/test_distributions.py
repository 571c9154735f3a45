"""What the two distributions say about themselves, and what their wheels hold."""

from __future__ import annotations

import configparser
import importlib
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from tests.support.repository import COLLECTOR, PACKAGES, ROOT, SDK, project_table

DISTRIBUTION_OF = {SDK: "otel_eventlog", COLLECTOR: "otel_eventlog_collector"}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, zipfile.ZipFile]:
    """Both wheels as a user would get them, built here without a network."""
    directory = tmp_path_factory.mktemp("wheels")
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"),
            *("--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", str(directory)),
            *(str(ROOT), str(ROOT / "collector")),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    return {
        package: zipfile.ZipFile(next(directory.glob(f"{name}-*.whl")))
        for package, name in DISTRIBUTION_OF.items()
    }


def dist_info(wheel: zipfile.ZipFile, name: str) -> str:
    """The text of one file in the wheel's `.dist-info` directory."""
    path = next(path for path in wheel.namelist() if path.endswith(f".dist-info/{name}"))
    return wheel.read(path).decode()


def test_both_distributions_have_the_same_version() -> None:
    """Both have one version, and each asks for exactly that version of the other."""
    sdk, collector = project_table(ROOT), project_table(ROOT / "collector")
    version = sdk["version"]
    assert collector["version"] == version
    assert sdk["optional-dependencies"]["collector"] == [f"otel-eventlog-collector=={version}"]
    assert f"otel-eventlog=={version}" in collector["dependencies"]


def test_the_licence_is_the_same_in_both_distributions() -> None:
    """The copy that the collector's distribution carries is the repository's licence."""
    assert (ROOT / "collector" / "LICENSE").read_text(encoding="utf-8") == (
        ROOT / "LICENSE"
    ).read_text(encoding="utf-8")


def test_applications_get_three_stable_packages_and_no_more() -> None:
    """What customers install is OpenTelemetry's api, sdk and OTLP/HTTP exporter, 1.39 and newer."""
    assert sorted(project_table(ROOT)["dependencies"]) == [
        "opentelemetry-api>=1.39,<2",
        "opentelemetry-exporter-otlp-proto-http>=1.39,<2",
        "opentelemetry-sdk>=1.39,<2",
    ]


@pytest.mark.parametrize("directory", [ROOT, ROOT / "collector"], ids=["sdk", "collector"])
def test_no_unstable_opentelemetry_package_is_pinned(directory: Path) -> None:
    """Nothing named 0.NNb is held to one version or kept below one: it would hold back the SDK."""
    project = project_table(directory)
    extras = project["optional-dependencies"].values()
    requirements = [*project["dependencies"], *(name for extra in extras for name in extra)]
    unstable = [
        name
        for name in requirements
        if name.startswith("opentelemetry-") and not name.endswith(",<2")
    ]
    assert [name for name in unstable if any(mark in name for mark in ("==", "<", "~="))] == []
    assert not [name for name in requirements if "semantic-conventions" in name]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_a_wheel_holds_its_package_whole_and_nothing_beside_it(
    wheels: dict[Path, zipfile.ZipFile], package: Path
) -> None:
    """Every file of the package, packs and other data included, and no other import package."""
    names = [name for name in wheels[package].namelist() if ".dist-info/" not in name]
    expected = {
        path.relative_to(package.parent).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert set(names) == expected
    assert f"{package.name}/py.typed" in expected


def test_the_packs_are_in_the_wheel(wheels: dict[Path, zipfile.ZipFile]) -> None:
    """The built-in rules reach the user, the pack `common` among them."""
    names = wheels[SDK].namelist()
    assert "otel_eventlog/packs/common.toml" in names
    assert "otel_eventlog/packs/stytch.toml" in names


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_a_wheel_carries_licence_and_python_version(
    wheels: dict[Path, zipfile.ZipFile], package: Path
) -> None:
    """The metadata names the licence and the oldest Python, and the licence's text is inside."""
    metadata = Parser().parsestr(dist_info(wheels[package], "METADATA"))
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert "Apache License" in dist_info(wheels[package], "licenses/LICENSE")


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_every_entry_point_leads_somewhere(
    wheels: dict[Path, zipfile.ZipFile], package: Path
) -> None:
    """What a wheel announces to OpenTelemetry, pytest and the shell can be imported."""
    entry_points = configparser.ConfigParser(delimiters=("=",))
    entry_points.read_string(dist_info(wheels[package], "entry_points.txt"))
    targets = [
        target for group in entry_points.sections() for target in entry_points[group].values()
    ]
    assert targets
    for target in targets:
        module, _, attribute = target.partition(":")
        loaded = importlib.import_module(module)
        assert not attribute or hasattr(loaded, attribute), target
