"""Redaction: every shape of a secret is cut out, left out or replaced; what helps stays."""

from __future__ import annotations

import random
import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_eventlog.redaction import (
    clean_address,
    clean_method,
    clean_route,
    clean_word,
    is_blocked_name,
    is_credential,
    is_random,
    scrub,
)


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("{'password': 'hunter', 'user': 'x'}", "{'password': [redacted], 'user': 'x'}"),
        ('{"new_password":"hunter","a":"b"}', '{"new_password":[redacted],"a":"b"}'),
        ("resetToken=abc next", "resetToken=[redacted] next"),
        ("smsCode: 4938", "smsCode: [redacted]"),
        ('password is "open sesame" here', "password is [redacted] here"),
        ("Cookie: sid=abc; theme=dark", "[redacted]"),
        ("authorization: Bearer xyz end", "authorization: [redacted] end"),
        ("sent Basic YWRhOnB3 twice", "sent [redacted] twice"),
        ("to /cb?ticket=ab#id_token=cd", "to /cb?ticket=[redacted]#id_token=[redacted]"),
        ("GET /password/reset/MQ/abc-def failed", "GET /password/reset/[redacted] failed"),
        ("see https://ada:pw@example.org/x", "see https://[redacted]@example.org/x"),
        ("no mail to ada%40example.com", "no mail to [redacted]"),
        ("no mail to ada@localhost", "no mail to [redacted]"),
        ("call (415) 555-0100 now", "call [redacted] now"),
        ("int() with base 10: 'hunter'", "int() with base 10: [redacted]"),
        (
            "Duplicate entry 'ada' for key 'users.name'",
            "Duplicate entry [redacted] for key 'users.name'",
        ),
        ("KeyError: 'a1b2'", "KeyError: [redacted]"),
        ("Key (name)=(ada) already exists", "Key (name[redacted] already exists"),
        ("(x) [SQL: INSERT …] [parameters: ('ada',)]", "(x) [redacted]"),
        (
            "bad [type=int, input_value='pw', input_type=str]",
            "bad [type=int, input_value=[redacted], input_type=str]",
        ),
        ("secret JBSWY3DPEHPK3PXP of TOTP", "secret [redacted] of TOTP"),
        ("got ghp_abcdefghijkl here", "got [redacted] here"),
        ("see 'Bearer abcdefgh' x", "see '[redacted]' x"),
    ],
)
def test_messages_lose_what_somebody_sent(said: str, left: str) -> None:
    """Each way in which messages quote passwords, tokens, codes, people and rows."""
    assert scrub(said) == left
    assert scrub(left) == left


@pytest.mark.parametrize(
    "said",
    [
        "invalid credentials",
        "basic authentication failed",
        "status code: 401, error code: 17",
        "column 'users.email' is missing",
        "can't find user 5, won't try again",
        "authlib.oauth2.rfc6749.errors.InvalidGrantError",
        "OAuth2TokenRevocationError",
        "*errors.errorString",
        "POST /api/v1/authentication/passwords/login",
        "request-id-test-b05c992f-ebdc-489d-a754-c7e70ba13141",
        "opinion: spin: barely",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0",
    ],
)
def test_messages_keep_what_helps(said: str) -> None:
    """Names of the program, paths, reasons, UUIDs and versions are no secrets."""
    assert scrub(said, 512) == said


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


def test_random_words_are_told_from_others() -> None:
    """Session tokens of the usual alphabets are random in at least 99 of 100 cases."""
    source = random.Random(7)
    for alphabet, chars in (
        (string.ascii_letters + string.digits, 22),
        (string.ascii_letters + string.digits + "-_", 43),
        ("0123456789abcdef", 32),
        (string.ascii_lowercase + string.digits, 32),
    ):
        drawn = ["".join(source.choices(alphabet, k=chars)) for _ in range(1000)]
        assert sum(map(is_random, drawn)) >= 990, alphabet


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


@given(st.text(st.characters(codec=None), max_size=60), st.integers(1, 40))
def test_scrubbing_is_total_and_bounded(text: str, chars_max: int) -> None:
    """Whatever comes in, what comes out is text within its bound that can be stored."""
    scrubbed = scrub(text, chars_max) or ""
    assert len(scrubbed) <= chars_max
    scrubbed.encode()
    assert (clean_word(text) or "").encode() is not None
    assert (clean_route(text) or "").encode() is not None


@pytest.mark.parametrize(
    "piece",
    [
        *("a", "'", "'a ", "a@", "password ", "password-", "1 ", "+1", "/reset", "aB3/", "&a"),
        *("(1) ", "aCode", "=", "a.", "value ", "bearer ", ")=(", "input_value=", "eyJaaaaa"),
        *("%20", "x1Y2-", "?a[a", "[SQL:", "cookie", "://a", "+1 (", "[redacted]"),
    ],
)
def test_no_text_makes_scrubbing_slow(piece: str) -> None:
    """Texts made to exhaust regular expressions cost little more than others of their length."""
    text = (piece * 2048)[:2048]
    begun = time.process_time()
    for _ in range(5):
        scrub(text, 512)
    assert time.process_time() - begun < 2
