"""Who is let in, and how often somebody may be wrong about a token."""

from __future__ import annotations

import ast
import inspect
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from otel_eventlog_collector import door, tokens
from otel_eventlog_collector.door import (
    ADDRESSES_MAX,
    REGAIN_S,
    WRONG_TRIES_MAX,
    Door,
    Verdict,
    address_of,
)
from otel_eventlog_collector.tokens import Scope, TokenFile, new_token, write_tokens


@dataclass
class Watched:
    """A door with one token of scope read, and the clock it looks at."""

    door: Door
    token: str
    now_s: float = 1000.0

    def verdict(self, token: str, peer: str = "192.0.2.1", scope: Scope = Scope.READ) -> Verdict:
        """Judge a token."""
        return self.door.judge(f"Bearer {token}", scope, peer).verdict


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    """A door whose clock stands still."""
    text, entry = new_token(b"r" * 32, "mine", [Scope.READ], "2026-11-23T00:00:00Z")
    write_tokens(tmp_path / "tokens.json", [entry])
    found = Watched(Door(TokenFile(tmp_path / "tokens.json")), text)
    found.door._monotonic = lambda: found.now_s
    return found


def test_a_token_opens_what_its_scope_says(watched: Watched) -> None:
    """A known token is let in or lacks the scope; no token at all is no guess."""
    assert watched.verdict(watched.token) is Verdict.ALLOWED
    assert watched.verdict(watched.token, scope=Scope.ADMIN) is Verdict.LACKS_SCOPE
    for _ in range(2 * WRONG_TRIES_MAX):
        assert watched.door.judge(None, Scope.READ, "192.0.2.1").verdict is Verdict.UNKNOWN
    assert watched.verdict("wrong") is Verdict.UNKNOWN


def test_guesses_are_throttled_and_regained(watched: Watched) -> None:
    """After a few wrong tokens an address is not listened to, and later a little again."""
    verdicts = [watched.verdict(f"guess-{number}") for number in range(1000)]
    assert verdicts == [Verdict.UNKNOWN] * WRONG_TRIES_MAX + [Verdict.THROTTLED] * (
        1000 - WRONG_TRIES_MAX
    )
    assert watched.verdict(watched.token) is Verdict.THROTTLED, "a guess that is right is one too"
    watched.now_s += REGAIN_S
    assert watched.verdict("guess") is Verdict.UNKNOWN
    assert watched.verdict("guess") is Verdict.THROTTLED
    watched.now_s += 1000
    assert watched.verdict(watched.token) is Verdict.ALLOWED


def test_good_clients_are_not_disturbed(watched: Watched) -> None:
    """Neither another address, nor a token that was right from the same one before."""
    assert watched.verdict(watched.token) is Verdict.ALLOWED
    for number in range(100):
        watched.verdict(f"guess-{number}")
    assert watched.verdict("guess") is Verdict.THROTTLED
    assert watched.verdict(watched.token) is Verdict.ALLOWED
    assert watched.verdict(watched.token, peer="192.0.2.2") is Verdict.ALLOWED


def test_addresses_and_the_log_are_bounded(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    """However many guess, memory and log do not grow, and no token stands in the log."""
    with caplog.at_level(logging.DEBUG):
        for number in range(ADDRESSES_MAX + 500):
            watched.verdict(f"secret-guess-{number}", peer=f"10.{number >> 8}.{number & 255}.1")
    assert len(watched.door._callers) <= ADDRESSES_MAX
    assert len(caplog.records) == 1
    assert "secret-guess" not in caplog.text


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("ipv4:192.0.2.1:5000", "192.0.2.1"),
        ("ipv6:%5B2001:db8::7%5D:5000", "2001:db8::/64"),
        ("2001:db8::8", "2001:db8::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("unix:", "unix:"),
        ("", ""),
    ],
)
def test_a_peer_is_an_address_whatever_says_so(peer: str, address: str) -> None:
    """HTTP and gRPC write the same address differently; one IPv6 line counts as one."""
    assert address_of(peer) == address


def test_a_token_that_is_revoked_is_good_for_nothing(watched: Watched) -> None:
    """What was let in is not any more, at the next look at the file."""
    judged = watched.door.judge(f"Bearer {watched.token}", Scope.READ, "192.0.2.1")
    assert judged.token is not None
    assert watched.door.still_allows(judged.token, Scope.READ)
    write_tokens(
        watched.door.tokens.path,
        [tokens.revoked(judged.token, "2026-11-24T00:00:00Z", "me")],
    )
    assert not watched.door.still_allows(judged.token, Scope.READ)
    assert watched.verdict(watched.token) is Verdict.UNKNOWN


def comparisons(source: str) -> Iterator[str]:
    """Yield the operands of every == and != in a source."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare) and any(
            isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops
        ):
            yield ast.unparse(node)


def test_hashes_are_compared_in_constant_time_only() -> None:
    """No == looks at a hash or a token; what compares them is compare_digest."""
    for module in (door, tokens):
        found = [text for text in comparisons(inspect.getsource(module)) if "sha256" in text]
        found += [text for text in comparisons(inspect.getsource(module)) if "digest" in text]
        assert found == []
    assert "hmac.compare_digest" in inspect.getsource(tokens.TokenFile.find)
