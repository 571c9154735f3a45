"""Redaction: each kind of field has its cleaner; names, ids and routes are no hiding places."""

from __future__ import annotations

import random
import string

import pytest

from otel_eventlog.actions import catalogue
from otel_eventlog.redaction import (
    clean_action,
    clean_address,
    clean_method,
    clean_route,
    is_blocked_name,
    is_credential,
)


@pytest.mark.parametrize(
    ("route", "kept"),
    [
        ("/login", "/login"),
        ("/reset/{token}", "/reset/{token}"),
        ("/accounts/<int:pk>/", "/accounts/<int:pk>/"),
        ("/:id/2fa", "/:id/2fa"),
        ("/v1/oauth2/v2.0/token", "/v1/oauth2/v2.0/token"),
        ("messages:send", "messages:send"),
        (r"^reset/(?P<uid>[0-9A-Za-z_\-]+)/(?P<token>[0-9A-Za-z]{1,13})/$",) * 2,
        ("/.well-known/openid-configuration",) * 2,
        ("/reset/Ab3dE9", "/reset/{redacted}"),
        ("/reset/c5jk2n-4f1e8d9a/done", "/reset/{redacted}/done"),
        ("/verify/493817", "/verify/{redacted}"),
        ("/u/ada%40example.com", "/u/{redacted}"),
        ("/u/ada@example.com", "/u/{redacted}"),
        ("/cb?code=x", "/cb"),
        ("https://app.example/cb#x", "/cb"),
        ("/s/AbCdEfGhIjKlMnOpQr", "/s/{redacted}"),
        ("{tok-Ab3dE9xYz4Kl5Mn6Op7}", "{redacted}"),
    ],
)
def test_a_route_is_a_template(route: str, kept: str) -> None:
    """Templates of every dialect stay as they are; what only a path can hold is replaced."""
    assert clean_route(route) == kept
    assert clean_route(kept) == kept


@pytest.mark.parametrize(
    "text",
    [
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln",
        "Bearer abc",
        "Basic YWRhOnB3",
        "sid=abc",
        "x-reset_token=abc",
        "https://app.example/cb?code=x",
        "sk_live_abcdefgh12",
        "xoxb-12345678-abc",
        "AKIAABCDEFGHIJKLMNOP",
        "mZAYn5aLEqKUlZ_Ad9U_fWr38GaAQ1oFAhT8ds245v7Q",
    ],
)
def test_credentials_are_no_ids(text: str) -> None:
    """A token, a cookie or a query string given as an id is recognised as what it is."""
    assert is_credential(text)


@pytest.mark.parametrize(
    "text",
    [
        "u-1",
        "ada@example.com",
        "Ada Lovelace",
        "Basic Industries",
        "user-test-16d9ba61-97a1-4ba4-9720-b03761dc50c6",
        "auth0|507f1f77bcf86cd799439020",
        "piAG7t9fTcdzWYsJ7Xn2KJ1nYlD3",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "https://login.salesforce.com/id/00Dxx0000001gPLEAY/005xx000001S2b9AAC",
        "1234567890-abcdefghijkl1234567890abcdefghij.apps.googleusercontent.com",
        "CN=Ada,OU=People,DC=example",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "01J9Z3NDEKTSV4RRFFQ69G5FAV",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "arn:aws:iam::123456789012:user/ada",
    ],
)
def test_ids_of_the_usual_makers_are_kept(text: str) -> None:
    """UUIDs, hashes, ULIDs, names and the ids of identity providers are no credentials."""
    assert not is_credential(text)


@pytest.mark.parametrize(
    ("name", "is_blocked"),
    [
        ("smsCode", True),
        ("db.pass", True),
        ("userPass", True),
        ("access_key", True),
        ("auth.pass_through", False),
        ("oauth.token_type", False),
        ("otp.channel", False),
        ("backup_codes", True),
        ("app.pwd", True),
        ("JSESSIONID", True),
        ("connect.sid", True),
        ("csrf", True),
        ("SAMLResponse", True),
        ("password_hash", True),
        ("http.response.header.location", True),
        ("http.request.header.referer", True),
        ("sk_live_abcdefgh12345678", True),
        ("statusCode", False),
        ("geo.country_iso_code", False),
        ("code.function.name", False),
        ("app.passwordless", False),
        ("zip_code", False),
        ("session_jwt_hash", False),
        ("app.session_count", False),
        ("geo.location", False),
        ("author", False),
    ],
)
def test_names_say_what_is_behind_them(name: str, is_blocked: bool) -> None:  # noqa: FBT001
    """Also in camel case and as product names, and a name that is itself a token."""
    assert is_blocked_name(name) is is_blocked


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::1", "2001:db8::1"),
        ("192.0.2.7, 10.0.0.1", "192.0.2.7"),
        ("web-7d9f8b6c5d-x2kqz.internal", "web-7d9f8b6c5d-x2kqz.internal"),
        ("sid=abc", None),
        ("<script>", None),
        (7, None),
    ],
)
def test_addresses_are_addresses(value: object, kept: str | None) -> None:
    """An IP address or host name; of a list of proxies the first; anything else is left out."""
    assert clean_address(value) == kept


def test_methods_are_words() -> None:
    """What cannot be a method is `_OTHER`, as the convention has it."""
    assert [clean_method(value) for value in ("POST", "GET x", "A" * 40, None)] == [
        "POST",
        "_OTHER",
        "_OTHER",
        None,
    ]


def test_every_action_of_the_catalogue_is_taken_as_it_is() -> None:
    """Names with short parts, `M2MClientsCreate` or `OTPsSMSSend`, are no secrets."""
    assert {name: clean_action(name) for name in catalogue()} == {
        name: name for name in catalogue()
    }


@pytest.mark.parametrize(
    "secret",
    [
        "Xk3JpQ9vLmZ7RtY2WbN8cD",
        "AKIAIOSFODNN7EXAMPLE",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "Bearer Xk3JpQ9vLmZ7RtY2",
        "Zq1Wx2Ec3Rv4Tb5Yn6Um7",
    ],
)
def test_a_token_given_as_an_action_is_not(secret: str) -> None:
    """An application that writes a token where the action belongs does not store it."""
    assert secret not in (clean_action(secret) or "")


def test_random_tokens_hardly_ever_pass_as_an_action() -> None:
    """Of ten thousand drawn by lot, about one in a hundred looks like a name."""
    rng = random.Random(7)
    letters = string.ascii_letters + string.digits
    drawn = ["T" + "".join(rng.choices(letters, k=24)) for _ in range(10_000)]
    assert sum(clean_action(token) == token for token in drawn) < 200
