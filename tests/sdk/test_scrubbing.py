"""Scrubbing: free text loses what looks like a secret or an address, and keeps its sense."""

from __future__ import annotations

import random
import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_eventlog.redaction import clean_route, clean_word
from otel_eventlog.scrubbing import is_random, scrub


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("{'password': 'hunter', 'user': 'x'}", "{'password': [redacted], 'user': 'x'}"),
        ('{"new_password":"hunter","a":"b"}', '{"new_password":[redacted],"a":"b"}'),
        ("resetToken=abc next", "resetToken=[redacted] next"),
        ("smsCode: 4938", "smsCode: [redacted]"),
        ("Invalid code 493812", "Invalid code [redacted]"),
        ("your verification code is 493 812 now", "your verification code is [redacted] now"),
        ("The PIN 4938 was used", "The PIN [redacted] was used"),
        ('password is "open sesame" here', "password is [redacted] here"),
        ("Cookie: sid=abc; theme=dark", "[redacted]"),
        ("authorization: Bearer xyz end", "authorization: [redacted] end"),
        ("sent Basic YWRhOnB3 twice", "sent [redacted] twice"),
        ("to /cb?ticket=ab#id_token=cd", "to /cb[redacted]"),
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
        "token:expired, csrf: missing",
        "error code 1045, exit code 1370, code E1045, code 17",
        "{'code': 'invalid_grant', 'error_code': 'x'}",
        "code: unauthorized_credentials.",
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
