"""What holds for every test: how property tests are judged, and which tests stay together."""

from __future__ import annotations

from typing import Any

import hypothesis
import pytest

# Machines are shared; a slow example is no failure. CI repeats a failure from the printed blob.
hypothesis.settings.register_profile("project", deadline=None, print_blob=True)
hypothesis.settings.load_profile("project")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Where tests run side by side, keep those of a file together, and all that share a browser.

    In the order in which they were collected: the browser's come last, because an open browser
    keeps an event loop running in its thread.
    """
    from xdist.scheduler import LoadFileScheduling

    class Together(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file: str = super()._split_scope(nodeid)
            return "tests/browser" if file.startswith("tests/browser/") else file

    config.option.loadscopereorder = False
    return Together(config, log)
