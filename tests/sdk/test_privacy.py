"""Privacy: secrets never pass, hashes are keyed or absent, free text is scrubbed and bounded."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_eventlog.privacy import (
    Privacy,
    clean_text,
    clean_value,
    is_blocked_name,
    scrub,
    valid_correlation_id,
)


@pytest.mark.parametrize(
    "name",
    [
        "user.password",
        "passwd",
        "http.request.header.authorization",
        "session.cookie",
        "otp",
        "app.otp_code",
        "oauth.code",
        "api_key",
        "x-api-key",
        "access_token",
        "client_secret",
        "url.query",
        "url.full",
        "url.path",
        "http.target",
        "http.url",
        "jwt",
        "db.pin",
    ],
)
def test_names_of_secrets_are_blocked(name: str) -> None:
    """No rule can keep an attribute whose name promises a secret."""
    assert is_blocked_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "http.response.status_code",
        "error_code",
        "app.tenant",
        "session_token_hash",
        "country.code",
        "shipping.address",
        "mapping",
        "app.spinner",
    ],
)
def test_harmless_names_are_not_blocked(name: str) -> None:
    """Status codes, hashes and words that merely contain such letters may be kept."""
    assert not is_blocked_name(name)


@pytest.mark.parametrize(
    "secret",
    [
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl",
        "Bearer abcdefghijklmn",
        "bob@example.com",
        "4111 1111 1111 1111",
        "+49 170 1234 5678",
        "password=hunter2",
        "token: s3cr3t",
        "/reset?token=abc&x=1",
        "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
    ],
)
def test_free_text_loses_its_secrets(secret: str) -> None:
    """Messages keep their sense and lose what looks like a secret or an address."""
    scrubbed = scrub(f"login failed for {secret} sorry")
    assert scrubbed is not None
    assert scrubbed.startswith("login failed for")
    for word in ("hunter2", "s3cr3t", "bob", "1111", "5678", "abc", "eyJ", "4eC39"):
        assert word not in scrubbed


def test_free_text_keeps_what_helps() -> None:
    """Ids of requests, short numbers and plain words stay."""
    text = "user 17 of 018f3c2e-1111-7222-8333-444455556666 locked after 5 attempts at 10:42"
    assert scrub(text) == text


def test_hashes_are_keyed_or_absent() -> None:
    """HMAC-SHA256 with the key, nothing without one, never unkeyed."""
    expected = hmac.new(b"k", b"secret", hashlib.sha256).hexdigest()[:32]
    assert Privacy(hash_key=b"k").keyed_hash("secret") == expected
    assert Privacy().keyed_hash("secret") is None
    assert Privacy(hash_client_address=True).client_address("192.0.2.7") is None
    assert Privacy().client_address("192.0.2.7") == "192.0.2.7"


def test_contacts_as_user_ids_are_hashed_where_configured() -> None:
    """E-mail addresses and phone numbers are hashed, other ids stay readable."""
    privacy = Privacy(hash_key=b"k", hash_identifiers=True)
    assert privacy.identifier("u-1") == "u-1"
    assert privacy.identifier("Bob@example.com") == privacy.keyed_hash("bob@example.com")
    assert privacy.identifier("+491701234") == privacy.keyed_hash("+491701234")


@pytest.mark.parametrize("value", ["req-1", "a" * 128, "01J9Z3:x/y+z=", "550e8400-e29b"])
def test_plain_correlation_ids_pass(value: str) -> None:
    """The usual forms of request ids are taken as they are."""
    assert valid_correlation_id(value) == value


@pytest.mark.parametrize("value", ["", "a" * 129, "a b", "a\nb", "<script>", "é", None, 3])
def test_odd_correlation_ids_are_left_out(value: object) -> None:
    """What could not be pasted safely anywhere is no correlation id."""
    assert valid_correlation_id(value) is None


@given(st.text(st.characters(codec=None)))
def test_cleaned_text_is_bounded_and_encodable(text: str) -> None:
    """Whatever comes in, the database, the terminal and JSON can take what comes out."""
    cleaned = clean_text(text, 5) or ""
    assert len(cleaned) <= 5
    assert "\0" not in cleaned
    cleaned.encode()


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
        lambda inner: st.lists(inner, max_size=30),
    )
)
def test_cleaned_values_fit_every_database(value: object) -> None:
    """Integers fit int64, floats are finite, lists are bounded."""
    cleaned = clean_value(value)
    for item in cleaned if isinstance(cleaned, list) else [cleaned]:
        if isinstance(item, int):
            assert -(2**63) <= item < 2**63
        if isinstance(item, float):
            assert item - item == 0
    assert not isinstance(cleaned, list) or len(cleaned) <= 16


def test_kept_attributes_are_named_bounded_and_never_blocked() -> None:
    """Only what the rule names, of that no secrets."""
    attributes = {"app.tenant": "acme", "password": "x", "other": 1, "note": "mail bob@a.example"}
    kept = Privacy().kept(["app.tenant", "password", "note", "absent"], attributes)
    assert kept == {"app.tenant": "acme", "note": "mail [redacted]"}
