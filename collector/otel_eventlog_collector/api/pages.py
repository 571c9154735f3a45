"""The dashboard as it is served: one page, one style sheet, two scripts, each read and joined once.

Fifty modules are fifty questions for a browser, and on a busy machine most of the time until
something is seen goes into them. So the modules are joined when the collector starts
(`joining.py`), and so are the style sheets.

Addresses have a digest of everything in them (`/static/0123456789abcdef/main.js`): browsers keep
such a file and never ask about it again. An upgrade is seen at once all the same, since the page,
which they do ask about, then names other addresses.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from otel_eventlog_collector.api.joining import join_modules

STATIC_PATH = "/static"
FOREVER = "public, max-age=31536000, immutable"
EACH_TIME = "no-cache"
"""Kept by the browser, but asked about each time."""
STYLES = ("style.css", "events.css", "table.css", "detail.css", "overview.css")
"""In this order: a later one may overrule an earlier one."""
GZIP_BYTES_MIN = 1024
_DIGEST_CHARS = 16
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class _File:
    """What is sent for an address.

    Attributes:
        body: as it is.
        packed: the same with gzip, empty where that saves nothing worth it.
        media_type: with its charset.
        etag: quoted, as the header has it.

    """

    body: bytes
    packed: bytes
    media_type: str
    etag: str


class Pages:
    """The page and its files, in memory: changing a file takes a restart to be seen."""

    def __init__(self, directory: Path) -> None:
        """Read the files of a directory.

        Raises:
            OSError: one of them cannot be read.
            ValueError: the modules cannot be joined.

        """
        texts = {
            path.relative_to(directory).as_posix(): path.read_text("utf-8")
            for path in sorted(directory.rglob("*"))
            if path.suffix in _MEDIA_TYPES
        }
        served = served_files(texts)
        self.digest = _digest(*(text for each in sorted(served.items()) for text in each))
        page = texts["index.html"].replace(f'"{STATIC_PATH}/', f'"{STATIC_PATH}/{self.digest}/')
        self._page = _file("index.html", page)
        self._files = {name: _file(name, text) for name, text in served.items()}

    async def page(self, request: Request) -> Response:
        """GET /."""
        return _answer(request, self._page, EACH_TIME)

    async def file(self, request: Request) -> Response:
        """GET /static/DIGEST/NAME."""
        file = self._files.get(request.path_params["name"])
        if file is None or request.path_params["digest"] != self.digest:
            raise HTTPException(404)
        return _answer(request, file, FOREVER)


def served_files(texts: Mapping[str, str]) -> dict[str, str]:
    """Return what the page asks for, by name.

    Args:
        texts: the files of the dashboard by their paths.

    Raises:
        ValueError: the modules cannot be joined.

    """
    modules = {name: text for name, text in texts.items() if name.endswith(".js")}
    early = join_modules(modules, "early.js")
    return {
        # No module, since those run late; so it gets what a module would have by itself.
        "early.js": f'(() => {{\n"use strict";\n{early}\n}})();\n',
        "main.js": join_modules(modules, "main.js"),
        "all.css": "\n".join(texts[name] for name in STYLES),
        "icon.svg": texts["icon.svg"],
    }


def _file(name: str, text: str) -> _File:
    body = text.encode()
    packed = gzip.compress(body, mtime=0) if len(body) >= GZIP_BYTES_MIN else b""
    return _File(body, packed, _MEDIA_TYPES[Path(name).suffix], f'"{_digest(text)}"')


def _answer(request: Request, file: _File, cache_control: str) -> Response:
    headers = {"Cache-Control": cache_control, "ETag": file.etag}
    if file.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    body = file.body
    if file.packed and "gzip" in request.headers.get("accept-encoding", ""):
        headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        body = file.packed
    return Response(body, headers=headers, media_type=file.media_type)


def _digest(*texts: str) -> str:
    digest = hashlib.sha256()
    for text in texts:
        part = text.encode()
        digest.update(len(part).to_bytes(8) + part)
    return digest.hexdigest()[:_DIGEST_CHARS]
