"""Time-based one-time passwords (RFC 6238), as an authenticator app shows them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
import time

STEP_S = 30


def code(secret: str, steps_ahead: int = 0) -> str:
    """Return the six digits for a base32 secret, now or some steps of 30 s ahead."""
    key = base64.b32decode(secret.replace(" ", "").upper() + "=" * (-len(secret) % 8))
    counter = int(time.time()) // STEP_S + steps_ahead
    digest = hmac.new(key, struct.pack(">Q", counter), hashlib.sha1).digest()
    offset = digest[-1] & 15
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"
