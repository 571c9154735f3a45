"""What a real collector logs while things go wrong: one object a line, and no secret."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from tests.support.disk_shim import Shim
from tests.support.mortal_collector import MortalCollector
from tests.support.oracle import Oracle
from tests.support.senders import protobuf_client

SECRET = "s3cr3t-t0k3n-0123456789"

pytestmark = [pytest.mark.e2e]


def test_the_log_in_json(tmp_path: Path) -> None:
    """Starting, a commit that fails, a request that cannot be understood, stopping."""
    oracle = Oracle()
    shim = Shim(tmp_path / "data", tmp_path)
    with MortalCollector(
        tmp_path / "data", "--log-format", "json", environment=shim.environment
    ) as collector:
        send, close = protobuf_client(oracle, collector.otlp_http)
        assert send(oracle.issue(1))
        shim.fail("no-space")
        assert not send(oracle.issue(1))
        close()
        headers = {"Authorization": f"Bearer {SECRET}", "Content-Type": f"a/{SECRET}\tx"}
        httpx.post(
            f"{collector.otlp_http}/v1/traces?token={SECRET}",
            content=SECRET,
            headers=headers,
            trust_env=False,
        )
        shim.mend("no-space")
        collector.stop()
        lines = collector.log.splitlines()
    records = [json.loads(line) for line in lines]
    assert any("cannot" in each["message"] or "not be" in each["message"] for each in records)
    assert any(each["message"] == "stopping" for each in records)
    assert SECRET not in collector.log
    assert "u-1" not in collector.log
