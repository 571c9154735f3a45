"""What holds for every test: property tests are judged by their findings, not by their speed."""

from __future__ import annotations

import hypothesis

# Machines are shared; a slow example is no failure. CI repeats a failure from the printed blob.
hypothesis.settings.register_profile("project", deadline=None, print_blob=True)
hypothesis.settings.load_profile("project")
