"""Privacy: secrets never pass, hashes are keyed or absent, free text is scrubbed and bounded."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_eventlog.privacy import (
    Privacy,
    clean_event,
    clean_value,
    is_contact,
    normal_form,
    read_hash_keys,
)
from otel_eventlog.redaction import is_blocked_name, valid_correlation_id
from otel_eventlog.scrubbing import clean_text, scrub
from tests.support.builders import event_log


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


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("+49 170 1234-567", "+491701234567"),
        ("(415) 555-0100", "415-555-0100"),
        (" Ada@Example.com ", "ada@example.com"),
    ],
)
def test_contacts_have_one_hash_however_they_are_written(value: str, written: str) -> None:
    """Letter case, blanks and dashes make no other person."""
    privacy = Privacy(hash_key=b"k", hash_identifiers=True)
    assert is_contact(value)
    assert privacy.identifier(value) == privacy.identifier(written)


def test_bare_digits_are_a_phone_where_a_user_stands() -> None:
    """People sign in with their number; a request id of digits is a time, and stays."""
    privacy = Privacy(hash_key=b"k", hash_identifiers=True)
    assert privacy.user("4155550100") == privacy.identifier("(415) 555-0100")
    assert privacy.user("123456789") == "123456789"
    assert privacy.identifier("1795419852646") == "1795419852646"
    assert Privacy().user("4155550100") == "4155550100"


@pytest.mark.parametrize("value", ["u-1", "192.0.2.7", "2024-05-01", "1234567", "Ada"])
def test_what_is_no_contact_is_hashed_as_it_is(value: str) -> None:
    """Addresses, dates and short numbers are no phones: no two of them share a hash."""
    assert not is_contact(value)
    assert normal_form(value) == value


def test_no_value_makes_an_event_log_fail() -> None:
    """Numbers that Python does not write out, and lists that hold themselves."""
    endless: list[Any] = [1]
    endless.append(endless)
    assert clean_value(10**5000) is None
    assert clean_value(2**64) == str(2**64)
    assert clean_value([10**5000, "a"]) == ["a"]
    assert clean_value(endless) == [1]


def test_cards_are_not_kept_as_numbers() -> None:
    """A number with a card's length, first digit and check digit goes; times and ids stay."""
    assert clean_value(4111111111111111) == "[redacted]"
    assert clean_value(4111111111111112) == 4111111111111112
    assert clean_value(1_795_419_852_646_225_529) == 1_795_419_852_646_225_529


def test_a_kept_hash_is_a_hash() -> None:
    """An attribute that calls itself a hash of a token is one, or is hashed, or goes."""
    pairs = [("app.token_hash", "s3cr3t"), ("app.jwt_hash", "ab" * 16)]
    assert Privacy().attributes(pairs) == {"app.jwt_hash": "ab" * 16}
    hashed = Privacy(b"k").keyed_hash("s3cr3t")
    assert Privacy(b"k").attributes(pairs) == {"app.token_hash": hashed, "app.jwt_hash": "ab" * 16}


def test_a_key_file_holds_the_current_key_and_former_ones() -> None:
    """A key a line, the current one first; what is no printable text is one key."""
    new, old = b"n" * 16, b"o" * 16
    assert read_hash_keys(new + b"\n") == (new,)
    assert read_hash_keys(b"\n" + new + b"\r\n\n  " + old + b"\n") == (new, old)
    binary = bytes(range(128, 160))
    assert read_hash_keys(binary) == (binary,)
    with pytest.raises(ValueError, match="holds 4 bytes as key 2, "):
        read_hash_keys(new + b"\ntiny\n")
    with pytest.raises(ValueError, match="holds 0 bytes"):
        read_hash_keys(b"\n")


def test_event_logs_of_others_are_cleaned_and_hashed_as_ours() -> None:
    """The collector does to what it receives what it would have done itself, once."""
    event = event_log(
        user_id="ada@example.com",
        client_id="Bearer abcdef",
        client_address="192.0.2.7",
        http_route="/reset/Ab3dE9",
        session_token_hash="raw",
        error_message="password=hunter2",
        attributes={"note": "ada@example.com", "password": "x"},
    )
    cleaned = clean_event(event)
    assert (cleaned.client_id, cleaned.session_token_hash) == (None, None)
    assert (cleaned.http_route, cleaned.error_message) == (
        "/reset/{redacted}",
        "password=[redacted]",
    )
    assert cleaned.attributes == {"note": "[redacted]"}
    privacy = Privacy(b"k", hash_client_address=True, hash_identifiers=True)
    for _ in range(2):  # a redelivery changes nothing
        privacy.hash_contacts(cleaned)
        assert cleaned.user_id == privacy.keyed_hash("ada@example.com")
        assert cleaned.client_address == privacy.keyed_hash("192.0.2.7")
