"""The dashboard as files: everything is served from here, and nothing stored becomes markup."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urljoin

import pytest

from otel_eventlog_collector.api.app import DASHBOARD_DIR
from tests.support.service import RunningService, running_service

MODULES = sorted(str(path.relative_to(DASHBOARD_DIR)) for path in DASHBOARD_DIR.rglob("*.js"))
UNSAFE = (
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "document.write",
    "eval(",
    "new Function",
    "DOMParser",
    "localStorage.setItem(TOKEN",
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """An empty collector."""
    with running_service(tmp_path_factory.mktemp("pages") / "data") as running:
        yield running


def test_the_page_and_all_it_asks_for_come_from_the_collector(running: RunningService) -> None:
    """Every file that the page or one of its modules names is served here, with its type."""
    page = running.http.get("/")
    assert page.status_code == 200
    wanted = set(re.findall(r'<(?:link|script)\b[^>]*(?:src|href)="([^"]+)"', page.text))
    for name in MODULES:
        source = (DASHBOARD_DIR / name).read_text()
        imported = re.findall(r'(?:from |import\()"(\.[^"]+)"', source)
        wanted |= {urljoin(f"/static/{name}", module) for module in imported}
    assert wanted >= {f"/static/{name}" for name in MODULES}
    types = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
    for path in wanted:
        assert path.startswith("/static/"), path
        answer = running.http.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["content-type"].startswith(types[path.rpartition(".")[2]])
        assert answer.headers["cache-control"] == "no-cache"


def test_the_page_needs_no_inline_script_or_style() -> None:
    """The strict policy holds because nothing executable stands in the page itself."""
    page = (DASHBOARD_DIR / "index.html").read_text()
    assert re.findall(r"<script(?![^>]*\bsrc=)", page) == []
    assert re.findall(r"<style|\bstyle=|\bon[a-z]+=|javascript:", page) == []


@pytest.mark.parametrize("name", MODULES)
def test_modules_write_text_only(name: str) -> None:
    """No module hands text to anything that reads it as markup or code."""
    source = (DASHBOARD_DIR / name).read_text()
    assert [word for word in UNSAFE if word in source] == []


def test_nothing_else_is_served(running: RunningService) -> None:
    """Paths out of the folder lead nowhere."""
    for path in ("/static/../app.py", "/static/%2e%2e/api/app.py", "/static/", "/static/none.js"):
        assert running.http.get(path).status_code in (404, 405)
