"""What holds for every test: how property tests are judged, and which tests stay together."""

from __future__ import annotations

from pathlib import Path

import hypothesis
import pytest

# Machines are shared; a slow example is no failure. CI repeats a failure from the printed blob.
hypothesis.settings.register_profile("project", deadline=None, print_blob=True)
hypothesis.settings.load_profile("project")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where tests run side by side, keep those of a file together, and all that share a browser."""
    if not config.pluginmanager.hasplugin("xdist"):
        return
    browser = Path(__file__).parent / "browser"
    for item in items:
        group = browser if browser in item.path.parents else item.path
        item.add_marker(pytest.mark.xdist_group(str(group.relative_to(browser.parent))))
