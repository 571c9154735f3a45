"""What looks like a secret, and text without it: shapes and names, no configuration, no key.

Three kinds of text get into an event log, and each has a cleaner here:

- *words* from small vocabularies (an error type, a method): scrubbed once, then remembered;
- *identifiers* (a user, a caller's request id): kept whole, or left out if they are a credential;
- *free text* (a message, a kept attribute): whatever looks like a secret is cut out of it.

Everything is bounded before it is looked at, and cheap tests come before regular expressions: this
runs for every event log, in the application's worker and where the collector takes them in.
"""

from __future__ import annotations

import re
from functools import lru_cache

from otel_eventlog.limits import (
    ERROR_MESSAGE_CHARS_MAX,
    IDENTIFIER_CHARS_MAX,
    TEXT_CHARS_MAX,
)

REDACTED = "[redacted]"
REDACTED_SEGMENT = "{redacted}"
"""Stands in a route for a segment that is no part of a template."""

_REMEMBERED_MAX = 4096
"""Most words, routes and user agents whose cleaned form is remembered."""

_RANDOM_CHARS_MIN = 16
_RANDOM_PART_CHARS_MAX = 3.5
"""Words of any language consist of longer parts than this, on average; random ones do not."""
_LONG_CHARS_MIN = 24
_RANDOM_NUMBERS_MIN = 4
_CREDENTIAL_CHARS_MIN = 40
"""So long, and random in upper and lower case: no id that we know of, but every session token."""

# --- names ---------------------------------------------------------------------------------------

_BLOCKED_NAME = re.compile(
    r"""pass(word|wd|phrase|code) | (^|[._-])pwd($|[._-]) | secret | token | cookie | csrf | xsrf
      | authorization | credential | api[-_.]?key | private[-_.]?key | session[-_.]?key
      | (^|[._-])(otp|totp|hotp|pin|codes?|jwt|bearer|assertion|cvv|cvc)($|[._-])
      | (?-i:[a-z](?:Otp|OTP|Pin|PIN|Codes?|Jwt|JWT|Query))(?![a-z])
      | (^|[._-])sid$ | sessionid$ | sessid$ | samlresponse | samlrequest
      | (^|[._-])query($|[._-]) | ^url\.full$ | ^http\.(url|target)$ | ^url\.(path|query)$
      | ^http\.(request|response)\.header\.(location|referer|link)$
    """,
    re.VERBOSE | re.IGNORECASE,
)
# Status codes and counts carry "code" in their names and no secret.
_HARMLESS_NAME = re.compile(
    r"(status|error|country|language|reason|exit|postal|zip)[-_.]?code$|(token|jwt|cookie)_hash$",
    re.IGNORECASE,
)


@lru_cache(_REMEMBERED_MAX)
def is_blocked_name(name: str) -> bool:
    """Whether an attribute of this name may never be kept, whatever a rule says."""
    if _BLOCKED_NAME.search(name) and not _HARMLESS_NAME.search(name):
        return True
    return scrub(name, IDENTIFIER_CHARS_MAX) != name[:IDENTIFIER_CHARS_MAX]


# --- shapes --------------------------------------------------------------------------------------

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+")

_VENDOR_PREFIXES = (
    *("sk_live_", "sk_test_", "rk_live_", "rk_test_", "whsec_", "ghp_", "gho_", "ghr_", "ghs_"),
    *("ghu_", "github_pat_", "glpat-", "xoxa-", "xoxb-", "xoxe-", "xoxo-", "xoxp-", "xoxr-"),
    *("xoxs-", "AKIA", "ASIA", "AIza", "ya29."),
)
"""How credentials begin that say what they are."""

_JWT = re.compile(r"eyJ[\w-]{5,}\.[\w.-]*")

_SENSITIVE = (
    r"pass(?:word|wd|phrase|code)|secret|token|api[_-]?key|private[_-]?key|cookie|csrf|xsrf"
    r"|credential"
)
_SENSITIVE_SHORT = r"pass|pwd|otp|pin|sid|sess(?:ion)?[_-]?(?:id|key)|jwt|assertion|code"
"""What stands before a secret in `password=…`, `"reset_token": "…"`, `Session_ID: …`. The short
ones count as whole words only: `pin` is none in `spin`."""


def is_random(word: str) -> bool:
    """Whether a word looks drawn by lot: its runs of letters and digits are short.

    UUIDs do not count: they are how everything that is no secret is numbered.
    """
    if len(word) < _RANDOM_CHARS_MIN:
        return False
    if "-" in word:
        word = _UUID.sub("", word)
    parts = _PART.findall(word)
    chars = sum(map(len, parts))
    if chars < _RANDOM_CHARS_MIN:
        return False
    if chars < _RANDOM_PART_CHARS_MAX * len(parts):
        return True
    # Letters of one case, or hexadecimal digits, now and then have long runs, but numbers between.
    numbers = sum(map(str.isdigit, parts)) + (chars == len(word))
    return chars >= _LONG_CHARS_MIN and numbers >= _RANDOM_NUMBERS_MIN


def clean_text(value: object, chars_max: int = TEXT_CHARS_MAX) -> str | None:
    """Return text that every database, terminal and JSON parser takes; None for no text.

    Cut to `chars_max`; lone surrogates and NUL become U+FFFD.
    """
    if not isinstance(value, str) or not value:
        return None
    text = value[:chars_max]
    if text.isascii() and "\0" not in text:
        return text
    return _UNSTORABLE.sub("\ufffd", text)


# --- identifiers ---------------------------------------------------------------------------------

_CREDENTIAL = re.compile(
    rf"""\bbearer[\s:]+\S | \b(?:basic|digest)[\s:]+(?=\S*[\d=])\S{{6}}
       | (?:{_SENSITIVE}|(?<![a-z])(?:{_SENSITIVE_SHORT}))=.
       | [?&\#][\w.%-]{{1,64}}=
    """,
    re.VERBOSE | re.IGNORECASE,
)
_LONG_RUN = re.compile(rf"[A-Za-z0-9_+/=-]{{{_CREDENTIAL_CHARS_MIN},}}")
_CORRELATION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/+=-]*")
_HOST = re.compile(r"[A-Za-z0-9_.:%/\[\]-]+")
_HASH = re.compile(r"[0-9a-f]{32,128}")


def is_credential(text: str) -> bool:
    """Whether an identifier is none but a token, a cookie or part of a query string."""
    if text.startswith(_VENDOR_PREFIXES) and len(text) >= _RANDOM_CHARS_MIN:
        return True
    if "eyJ" in text and _JWT.search(text):
        return True
    if ("=" in text or " " in text or ":" in text) and _CREDENTIAL.search(text):
        return True
    if len(text) < _CREDENTIAL_CHARS_MIN or text.islower() or text.isupper():
        return False
    return any(
        is_random(run) and not (run.islower() or run.isupper()) and any(map(str.isdigit, run))
        for run in _LONG_RUN.findall(text)
    )


def clean_identifier(value: object, chars_max: int = IDENTIFIER_CHARS_MAX) -> str | None:
    """Return an id as it is, bounded; None if it is a credential, or no text."""
    text = clean_text(value, chars_max)
    return None if text is None or is_credential(text) else text


def clean_user(value: object) -> str | None:
    """Return a user's id; it may be longer than others."""
    return clean_identifier(value, TEXT_CHARS_MAX)


@lru_cache(_REMEMBERED_MAX)
def _clean_name(text: str) -> str | None:
    return clean_identifier(text, TEXT_CHARS_MAX)


def clean_name(value: object) -> str | None:
    """Return the name or version of a service; a long hash of a commit is fine there."""
    return _clean_name(value) if isinstance(value, str) and value else None


def valid_correlation_id(value: object) -> str | None:
    """Return a caller's `X-Request-Id` if it is harmless: at most 128 plain characters."""
    if not isinstance(value, str) or not 1 <= len(value) <= IDENTIFIER_CHARS_MAX:
        return None
    return value if _CORRELATION_ID.fullmatch(value) and not is_credential(value) else None


def valid_hash(value: object) -> str | None:
    """Return a hash written as 32 to 128 hexadecimal digits; anything else may be the secret."""
    return value if isinstance(value, str) and _HASH.fullmatch(value) else None


def clean_address(value: object) -> str | None:
    """Return a client's address or host name; of several (`X-Forwarded-For`) the first."""
    text = clean_text(value, IDENTIFIER_CHARS_MAX)
    if text is None or text.replace(".", "").isdigit():
        return text
    text = text.partition(",")[0].strip()
    return text if _HOST.fullmatch(text) and not is_credential(text) else None


# --- words ---------------------------------------------------------------------------------------


@lru_cache(_REMEMBERED_MAX)
def _clean_word(text: str) -> str | None:
    return scrub(text, IDENTIFIER_CHARS_MAX)


def clean_word(value: object) -> str | None:
    """Return a word of a vocabulary, such as an error type: scrubbed, bounded, remembered."""
    if not isinstance(value, str) or not value:
        return None
    # Bounded before it is remembered; scrubbing may make it shorter, never longer than that.
    return _clean_word(value[: 2 * IDENTIFIER_CHARS_MAX])


@lru_cache(_REMEMBERED_MAX)
def _clean_user_agent(text: str) -> str | None:
    return scrub(text, TEXT_CHARS_MAX)


def clean_user_agent(value: object) -> str | None:
    """Return a `User-Agent`, scrubbed like any text that a client may choose."""
    return _clean_user_agent(value[:TEXT_CHARS_MAX]) if isinstance(value, str) and value else None


def clean_method(value: object) -> str | None:
    """Return an HTTP method; `_OTHER`, as the convention has it, for what cannot be one."""
    if not isinstance(value, str) or not value:
        return None
    is_one = value.isascii() and value.isalpha() and len(value) <= _RANDOM_CHARS_MIN
    return value if is_one else "_OTHER"


_RESET_WORD = (
    r"reset|confirm|verif|activat|magic|invit|unsubscri|recover|token|one[_-]?time|passwordless"
)
_RESET = re.compile(_RESET_WORD, re.IGNORECASE)
_PLACEHOLDER = re.compile(r"[{}<>()\[\]*^$\\]|^:")
_LITERAL = re.compile(r"[A-Za-z0-9._~!:+-]*")
_DIGITS = re.compile(r"[0-9]{4}")
_LITERAL_DIGITS_MAX = 3
"""`oauth2`, `2fa`, `v1.0`: routes have few digits; codes and ids have more."""


def clean_route(value: object) -> str | None:
    """Return a route's template; a segment that can only come from a real path is replaced.

    Some frameworks report the path as the route (for what they did not find, or below a mount).
    """
    return _clean_route(value[: 2 * TEXT_CHARS_MAX]) if isinstance(value, str) and value else None


@lru_cache(_REMEMBERED_MAX)
def _clean_route(text: str) -> str | None:
    if "(?" not in text:  # which a regular expression has, and no path
        text = text.partition("?")[0].partition("#")[0]
        if "://" in text:
            text = "/" + text.partition("://")[2].partition("/")[2]
    segments = []
    follows_reset = False
    for segment in text.split("/"):
        is_kept = _is_of_template(segment) and not (follows_reset and _may_be_sent(segment))
        segments.append(segment if is_kept else REDACTED_SEGMENT)
        follows_reset = _RESET.search(segment) is not None
    return clean_text("/".join(segments))


def is_template(route: str) -> bool:
    """Whether a route has a placeholder, and so cannot be a path."""
    return any(_PLACEHOLDER.search(segment) for segment in route.split("/"))


def _may_be_sent(segment: str) -> bool:
    """Whether a segment behind `/reset/` and the like may be the token that was mailed."""
    return _PLACEHOLDER.search(segment) is None and any(map(str.isdigit, segment))


def _is_of_template(segment: str) -> bool:
    if not segment or (segment.isalpha() and len(segment) < _RANDOM_CHARS_MIN):
        return True
    has_few_digits = sum(map(str.isdigit, segment)) <= _LITERAL_DIGITS_MAX
    has_random = any(map(is_random, _WORD_RUN.findall(segment)))
    if _PLACEHOLDER.search(segment):  # whose name may have many short words
        return _DIGITS.search(segment) is None and (has_few_digits or not has_random)
    return has_few_digits and not has_random and _LITERAL.fullmatch(segment) is not None


# --- free text -----------------------------------------------------------------------------------

_WORD_RUN = re.compile(rf"[\w+-]{{{_RANDOM_CHARS_MIN},}}")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{32,}={0,2}")
_DIGIT = re.compile(r"[0-9]")
_QUOTE = re.compile(r"[\"'`]")
_DONE = r"\[redacted\]"
"""What was cut out already: event logs are cleaned where they are made and where they come in."""
_QUOTED = r"""(?:"[^"]*"?|'[^']*'?|`[^`]*`?)"""

_SCHEMES = ("bearer", "basic", "digest", "negotiate")
_AUTHORIZATION = re.compile(
    r"""\b(?:bearer|(?:basic|digest|negotiate)(?=(?:\s|%20|\+)+(?:\S*[\d=+]|\S{20}|(?-i:\S*[a-z][A-Z]))))
        (?:\s|%20|\+)+[\w.~+/=%-]{6,}""",
    re.VERBOSE | re.IGNORECASE,
)
_COOKIE = re.compile(r"""(?:set-)?\bcookies?["']?\s*[=:][^\r\n]*""", re.IGNORECASE)
_USER_OF_URL = re.compile(r"(?<=://)[^\s/@:]*:[^\s/@]*(?=@)")
_EMAIL = re.compile(r"(?<![\w.+%-])[\w.+%-]+(?:@|%40)[A-Za-z][\w-]*(?:\.[\w-]+)*")
_ASSIGNABLE = (
    *("pass", "pwd", "secret", "token", "key", "cookie", "csrf", "xsrf", "credential", "otp"),
    *("pin", "sid", "sess", "jwt", "assertion", "code", "authorization"),
)
_ASSIGNED = re.compile(
    rf"""((?<![\w-])
           (?:[\w-]*(?:{_SENSITIVE}|(?-i:[a-z](?:Code|Otp|OTP|Pin|PIN|Jwt))
                (?<!statusCode)(?<!errorCode))
             |(?:[\w-]*[_-])?(?:{_SENSITIVE_SHORT}|authorization)
                (?<!status[ _-]code)(?<!error[ _-]code))
           s?["']?(?:\s*(?:=>|[=:])\s*|\s+(?:is\s+|was\s+)?(?=["'`])))
         (?:(?:bearer|basic|digest|token)\s+)?(?:{_DONE}|{_QUOTED}|\S+)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_PARAMETER = re.compile(r"([?&#;][\w.\[\]%-]{1,64}=)[^&#\s'\"]*")
_TOKEN_IN_PATH = re.compile(rf"(/[\w.-]*(?:{_RESET_WORD})[\w.-]*/)[^\s'\"?#]+", re.IGNORECASE)
_SQL = re.compile(  # SQLAlchemy shows the statement and its parameters, databases the row
    r"\[(?:SQL|parameters):.*|\bvalues\s*\(.*|\)=\(.*?\)|\brow contains \(.*",
    re.IGNORECASE | re.DOTALL,
)
_NUMBER = re.compile(  # of a payment card or a phone
    r"""(?<![\w-])\+?\d(?:[ -]?\d){11,18}(?![\w-]) | \+\d[\d ().-]{6,18}\d
      | (?<![\w-])\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?![\w-])""",
    re.VERBOSE,
)
_VALUE = re.compile(
    rf"""(\b(?:base\ \d+|to\ float|entry|input_value|for\ type\ [\w ]+|value|got|received)
           \s*[:=]?\s*){_QUOTED}""",
    re.VERBOSE | re.IGNORECASE,
)
_INPUT = re.compile(
    rf"(\binput_value=)(?:{_DONE}|.*?(?=, input_type=|\]|$))", re.DOTALL
)  # pydantic's
_IN_QUOTES = re.compile(r"""(?<!\w)(["'`])((?:(?!\1).){1,256})\1(?!\w)""", re.DOTALL)
_TELLING = re.compile(r"[0-9@=+%$#!&^~]")
"""What is quoted in a message is a name from the program, or a value that somebody sent."""


def scrub(text: object, chars_max: int = ERROR_MESSAGE_CHARS_MAX) -> str | None:
    """Return free text without anything that looks like a secret or a person's address.

    Looks at no more than four times `chars_max` characters, so the cost is bounded too. Each
    expression runs only where a character or word that it needs is there.
    """
    text = clean_text(text, 4 * chars_max)
    if text is None:
        return None
    text = _without_credentials(text, text.lower())
    if "=" in text:
        text = _PARAMETER.sub(_AFTER, text)
        text = _INPUT.sub(_AFTER, text) if "input_value=" in text else text
    if "/" in text:
        text = _TOKEN_IN_PATH.sub(_AFTER, text)
        text = _BASE64.sub(_keep_paths, text)
    if "(" in text or "[" in text:
        text = _SQL.sub(REDACTED, text)
    if _DIGIT.search(text):
        text = _NUMBER.sub(REDACTED, text)
    text = _WORD_RUN.sub(_keep_words, text)
    if _QUOTE.search(text):
        text = _IN_QUOTES.sub(_keep_names, _VALUE.sub(_AFTER, text))
    return text[:chars_max]


_AFTER = rf"\g<1>{REDACTED}"


def _without_credentials(text: str, lower: str) -> str:
    if any(scheme in lower for scheme in _SCHEMES):
        text = _AUTHORIZATION.sub(REDACTED, text)
    if "eyJ" in text:
        text = _JWT.sub(REDACTED, text)
    if "@" in text or "%40" in text:
        text = _EMAIL.sub(REDACTED, _USER_OF_URL.sub(REDACTED, text))
    if "cookie" in lower:
        text = _COOKIE.sub(REDACTED, text)
    is_assigned = "=" in text or ":" in text or _QUOTE.search(text)
    if is_assigned and any(word in lower for word in _ASSIGNABLE):
        text = _ASSIGNED.sub(_AFTER, text)
    return text


def _keep_paths(found: re.Match[str]) -> str:
    text = found.group()
    # A path is mostly in one case; base64 has both, and digits.
    is_path = "/" not in text or text.islower() or text.isupper()
    return text if is_path or not is_random(text) else REDACTED


def _keep_words(found: re.Match[str]) -> str:
    word = found.group()
    return REDACTED if word.startswith(_VENDOR_PREFIXES) or is_random(word) else word


def _keep_names(found: re.Match[str]) -> str:
    return REDACTED if _TELLING.search(found[2]) else found.group()
