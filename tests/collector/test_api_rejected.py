"""What was rejected can be looked at: by the API, and by the command."""

from __future__ import annotations

import json
from pathlib import Path

import httpx

from tests.support import otlp_requests as otlp
from tests.support.collector import serving
from tests.support.command import command

EVIL = "\x1b]0;owned\x07"


def test_a_rejected_span_is_told_without_its_values(tmp_path: Path) -> None:
    """Who sent it, what is wrong, which attributes it had; and nothing that stood in them."""
    with serving(tmp_path / "data") as collector:
        rejected = f"{collector.http}/api/v1/rejected"
        assert httpx.get(rejected, trust_env=False).json() == {"ok": True, "rejected": []}
        assert "nothing" in command("stats", "--rejected", "--url", collector.http).stderr
        bad = otlp.span(1, span_id=b"", attributes=otlp.key_values({"password": "hunter2-secret"}))
        sent = httpx.post(
            f"{collector.otlp_http}/v1/traces",
            content=otlp.traces([bad], service="shop" + EVIL).SerializeToString(),
            headers={"Content-Type": "application/x-protobuf"},
            trust_env=False,
        )
        assert sent.status_code == 200
        (told,) = httpx.get(rejected, trust_env=False).json()["rejected"]
        assert (told["transport"], told["signal"]) == ("http", "traces")
        assert told["message"]
        assert "password" in told["attribute_bytes"]
        assert "hunter2" not in str(told)
        shown = command("stats", "--rejected", "--url", collector.http)
        assert "shop" in shown.stdout
        assert not set(shown.stdout) & set(EVIL[0] + EVIL[-1])
        lines = command("stats", "--rejected", "--url", collector.http, "--json").stdout
        assert [json.loads(line) for line in lines.splitlines()] == [told]
        done = command("stats", "--rejected", "--data", collector.data)
        assert (done.code, "--url" in done.stderr) == (2, True)
