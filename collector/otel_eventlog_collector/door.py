"""Who is let in: a token's scope, and how often an address may be wrong about it.

A token is 32 random bytes, so nobody guesses one; what guessing costs is the collector's time and
its log. Each address therefore has a few wrong tries and regains one a second. While it has none
left its tokens are not even looked at, except those that were right from this address before:
who works behind the same address as a guesser goes on working.
"""

from __future__ import annotations

import ipaddress
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import unquote

from otel_eventlog_collector.tokens import Scope, Token, TokenFile, bearer_digest

WRONG_TRIES_MAX = 10
"""Wrong tokens that an address may send at once."""
REGAIN_S = 1.0
"""After so long an address has one more try."""
ADDRESSES_MAX = 4096
"""Addresses remembered; the one that was quiet the longest is forgotten first."""
GOOD_TOKENS_MAX = 16
"""Tokens remembered of one address."""
LOG_PERIOD_S = 60.0
IPV6_PREFIX_BITS = 64
"""One customer's line has at least so many IPv6 addresses; they count as one."""

_log = logging.getLogger(__name__)


class Verdict(StrEnum):
    """What becomes of a request."""

    ALLOWED = "allowed"
    UNKNOWN = "unknown"
    """No token, or one that nobody knows."""
    LACKS_SCOPE = "lacks_scope"
    THROTTLED = "throttled"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, and the token on which it rests where there is one."""

    verdict: Verdict
    token: Token | None = None


@dataclass(slots=True)
class _Caller:
    """What is remembered of an address."""

    tries_left: float
    seen_s: float
    good: OrderedDict[str, None] = field(default_factory=OrderedDict)


class Door:
    """Judges tokens. Any thread may ask."""

    def __init__(self, tokens: TokenFile, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Know nobody yet."""
        self.tokens = tokens
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._callers: OrderedDict[str, _Caller] = OrderedDict()
        self._wrong = 0
        self._logged_s = float("-inf")

    def judge(self, authorization: str | None, scope: Scope, peer: str) -> Judgement:
        """Judge the value of an `Authorization` header.

        Args:
            authorization: the header, or None.
            scope: what the request needs.
            peer: the client's address, as HTTP or gRPC tell it.

        """
        digest = bearer_digest(authorization)
        if digest is None:
            return Judgement(Verdict.UNKNOWN)
        address = address_of(peer)
        if self._is_throttled(address, digest):
            return Judgement(Verdict.THROTTLED)
        token = self.tokens.find(digest)
        if token is None:
            self._was_wrong(address)
            return Judgement(Verdict.UNKNOWN)
        self._was_right(address, digest)
        return Judgement(Verdict.ALLOWED if scope in token.scopes else Verdict.LACKS_SCOPE, token)

    def still_allows(self, token: Token, scope: Scope) -> bool:
        """Tell whether a token that was let in is still good, for answers that take long."""
        return scope in token.scopes and token in self.tokens.tokens()

    def _caller(self, address: str) -> _Caller:
        now_s = self._monotonic()
        caller = self._callers.get(address)
        if caller is None:
            caller = self._callers[address] = _Caller(WRONG_TRIES_MAX, now_s)
            if len(self._callers) > ADDRESSES_MAX:
                self._callers.popitem(last=False)
        regained = (now_s - caller.seen_s) / REGAIN_S
        caller.tries_left = min(WRONG_TRIES_MAX, caller.tries_left + regained)
        caller.seen_s = now_s
        self._callers.move_to_end(address)
        return caller

    def _is_throttled(self, address: str, digest: str) -> bool:
        with self._lock:
            caller = self._caller(address)
            return caller.tries_left < 1 and digest not in caller.good

    def _was_right(self, address: str, digest: str) -> None:
        with self._lock:
            good = self._caller(address).good
            good[digest] = None
            good.move_to_end(digest)
            if len(good) > GOOD_TOKENS_MAX:
                good.popitem(last=False)

    def _was_wrong(self, address: str) -> None:
        with self._lock:
            caller = self._caller(address)
            caller.tries_left -= 1
            self._wrong += 1
            now_s = self._monotonic()
            if now_s - self._logged_s < LOG_PERIOD_S:
                return
            wrong, self._wrong, self._logged_s = self._wrong, 0, now_s
        _log.warning(
            "%d requests with an unknown token since the last such line, the last from %s",
            wrong,
            address,
        )


def address_of(peer: str) -> str:
    """Return the address behind a peer: `192.0.2.1`, `ipv4:192.0.2.1:5000`, `ipv6:%5B::1%5D:1`."""
    text = unquote(peer)
    kind, _, rest = text.partition(":")
    if kind in ("ipv4", "ipv6"):
        text = rest.rpartition(":")[0].strip("[]")
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text[:64]
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, IPV6_PREFIX_BITS), strict=False))
    return str(address)
