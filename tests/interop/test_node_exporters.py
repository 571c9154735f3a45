"""The stock exporters of OpenTelemetry for Node: JSON, protobuf and gRPC, plain and gzipped."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.receiving import Receiving, receiving

pytestmark = [pytest.mark.interop, pytest.mark.slow]

SOURCES = Path(__file__).parent / "node"
INSTALL_S_MAX = 180
EXPORT_S_MAX = 60


@pytest.fixture(scope="module")
def program(request: pytest.FixtureRequest) -> list[str]:
    """The command that exports, its packages installed once into pytest's cache."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are needed: https://nodejs.org")
    place = Path(request.config.cache.mkdir("node-exporters"))
    for name in ("package.json", "export.js"):
        shutil.copy(SOURCES / name, place / name)
    wanted = (place / "package.json").read_text()
    stamp = place / "installed.json"
    if not stamp.exists() or stamp.read_text() != wanted:
        done = subprocess.run(
            [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts"],
            cwd=place,
            capture_output=True,
            text=True,
            timeout=INSTALL_S_MAX,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"npm could not install the exporters: {done.stderr[-500:]}")
        stamp.write_text(wanted)
    return [node, str(place / "export.js")]


@pytest.fixture(scope="module")
def running() -> Iterator[Receiving]:
    """Both receivers before a list."""
    with receiving() as found:
        yield found


@pytest.mark.parametrize("compression", ["none", "gzip"])
@pytest.mark.parametrize("kind", ["http", "proto", "grpc"])
def test_node_exporters_are_understood(
    program: list[str], running: Receiving, kind: str, compression: str
) -> None:
    """A span arrives whole whichever way Node sends it: chunked, gzipped, numbers as numbers."""
    running.consumer.spans.clear()
    url = f"http://127.0.0.1:{running.http_port}/v1/traces"
    if kind == "grpc":
        url = f"http://127.0.0.1:{running.grpc_port}"
    done = subprocess.run(
        [*program, kind, url, compression],
        capture_output=True,
        text=True,
        timeout=EXPORT_S_MAX,
        check=False,
        env={name: value for name, value in os.environ.items() if not name.startswith("OTEL_")},
    )
    assert done.returncode == 0, done.stderr
    sent = json.loads(done.stdout)
    (found,) = running.consumer.spans
    assert f"{found.trace_id:032x}" == sent["traceId"]
    assert f"{found.span_id:016x}" == sent["spanId"]
    assert (found.start_unix_nano, found.end_unix_nano) == (int(sent["start"]), int(sent["end"]))
    assert found.attributes == {
        "http.request.method": "POST",
        "http.route": "/users/:userId/totp",
        "http.response.status_code": 401,
        "ratio": 0.5,
        "ok": False,
        "tags": ("a", "b"),
    }
    assert (found.kind, found.span_status, found.span_status_message) == (2, 2, "täxt")
    assert found.resource["service.name"] == "node-shop"
    assert found.scope_name == "shop.login"
    assert found.events[0].attributes["exception.message"] == "wrong password"
