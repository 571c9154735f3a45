"""The dashboard as files: everything is served from here, and nothing stored becomes markup."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_eventlog_collector.api.app import DASHBOARD_DIR
from otel_eventlog_collector.api.pages import Pages
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


def asked_for(page: str) -> list[str]:
    """Return the paths that a page asks for."""
    return re.findall(r'<(?:link|script)\b[^>]*(?:src|href)="([^"]+)"', page)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """An empty collector."""
    with running_service(tmp_path_factory.mktemp("pages") / "data") as running:
        yield running


def test_the_page_and_all_it_asks_for_come_from_the_collector(running: RunningService) -> None:
    """Every file that the page names is served here, with its type, and kept for ever."""
    page = running.http.get("/")
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-cache"
    wanted = asked_for(page.text)
    names = {path.rpartition("/")[2] for path in wanted}
    assert names == {"early.js", "main.js", "all.css", "icon.svg"}
    types = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
    for path in wanted:
        assert path.startswith("/static/"), path
        answer = running.http.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["content-type"].startswith(types[path.rpartition(".")[2]])
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_every_file_is_in_what_is_served(running: RunningService) -> None:
    """Each module and each style sheet reaches the browser, whole but for imports and exports."""
    served = {
        path.rpartition("/")[2]: running.http.get(path).text
        for path in asked_for(running.http.get("/").text)
    }
    scripts = served["early.js"] + served["main.js"]
    for name in MODULES:
        source = (DASHBOARD_DIR / name).read_text()
        kept = re.sub(r"^import .*\n|^export ", "", source, flags=re.MULTILINE)
        kept = re.sub(r"\(\) => import\(.*", "", kept)
        missing = [line for line in kept.splitlines() if line not in scripts]
        assert missing == [], name
    for sheet in DASHBOARD_DIR.glob("*.css"):
        assert sheet.read_text() in served["all.css"]


@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_files_are_sent_packed_to_those_who_can(running: RunningService, coding: str) -> None:
    """With gzip the same file is a third as long."""
    for path in ["/", *asked_for(running.http.get("/").text)]:
        if path.endswith(".svg"):
            continue  # too short to gain
        plain = running.http.get(path, headers={"Accept-Encoding": "identity"})
        answer = running.http.get(path, headers={"Accept-Encoding": coding})
        assert answer.content == plain.content
        assert answer.headers.get("content-encoding", "identity") == coding
        assert answer.headers["vary"] == "Accept-Encoding"
        if coding == "gzip":
            assert int(answer.headers["content-length"]) < len(plain.content) / 2


def test_what_a_browser_has_is_not_sent_again(running: RunningService) -> None:
    """The page is asked about each time; where nothing changed, the answer is two lines."""
    page = running.http.get("/")
    again = running.http.get("/", headers={"If-None-Match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = running.http.get("/", headers={"If-None-Match": '"another"'})
    assert other.content == page.content


def test_an_upgrade_changes_every_address(tmp_path: Path) -> None:
    """Whatever file changes, the page names other addresses: none is kept for too long."""
    shutil.copytree(DASHBOARD_DIR, tmp_path / "dashboard")
    before = Pages(tmp_path / "dashboard").digest
    assert Pages(tmp_path / "dashboard").digest == before
    for name in ("icon.svg", "table.css", "events/rows.js", "theme.js"):
        with (tmp_path / "dashboard" / name).open("a") as file:
            file.write("\n")
        after = Pages(tmp_path / "dashboard").digest
        assert after != before, name
        before = after


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
    digest = asked_for(running.http.get("/").text)[0].split("/")[2]
    for path in (
        "/static/../app.py",
        "/static/%2e%2e/api/app.py",
        "/static/",
        "/static/main.js",
        "/static/0123456789abcdef/main.js",
        f"/static/{digest}/none.js",
        f"/static/{digest}/",
        f"/static/{digest}/../../api/app.py",
        f"/static/{digest}/router.js",
    ):
        assert running.http.get(path).status_code in (404, 405)
