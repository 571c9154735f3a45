"""A pretended security key: makes passkeys and signs with them, as a browser would ask it to."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT_AND_VERIFIED = 0x05
WITH_KEY = 0x40

_keys: dict[str, tuple[ec.EllipticCurvePrivateKey, str]] = {}


def create(options: dict[str, Any], origin: str) -> dict[str, Any]:
    """Make a passkey; return the credential that a page sends for registration."""
    key, number = ec.generate_private_key(ec.SECP256R1()), secrets.token_bytes(16)
    _keys[_text(number)] = (key, options["user"]["id"])
    point = key.public_key().public_numbers()
    # A COSE key and an attestation object, in the little of CBOR that they need.
    cose = bytes.fromhex("a5010203262001215820") + point.x.to_bytes(32, "big")
    cose += bytes.fromhex("225820") + point.y.to_bytes(32, "big")
    about = _about(options["rp"]["id"], PRESENT_AND_VERIFIED | WITH_KEY)
    about += bytes(16) + len(number).to_bytes(2, "big") + number + cose
    attestation = (
        b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58" + bytes([len(about)]) + about
    )
    response = {
        "clientDataJSON": _text(_client_data("webauthn.create", options, origin)),
        "attestationObject": _text(attestation),
        "transports": ["usb"],
    }
    return _credential(_text(number), response) | {"extensions": "{}"}


def sign(options: dict[str, Any], origin: str) -> dict[str, Any]:
    """Sign with the last passkey made; return the credential that a page sends to sign in."""
    number, (key, user) = list(_keys.items())[-1]
    about, client = (
        _about(options["rpId"], PRESENT_AND_VERIFIED),
        _client_data("webauthn.get", options, origin),
    )
    signature = key.sign(about + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
    response = {
        "clientDataJSON": _text(client),
        "authenticatorData": _text(about),
        "signature": _text(signature),
        "userHandle": user,
    }
    return _credential(number, response)


def _credential(number: str, response: dict[str, Any]) -> dict[str, Any]:
    return {"id": number, "rawId": number, "type": "public-key", "response": response}


def _about(party: str, flags: int) -> bytes:
    return hashlib.sha256(party.encode()).digest() + bytes([flags]) + bytes(4)


def _client_data(kind: str, options: dict[str, Any], origin: str) -> bytes:
    told = {"type": kind, "challenge": options["challenge"], "origin": origin, "crossOrigin": False}
    return json.dumps(told).encode()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
