"""Free text without what looks like a secret: tokens, passwords, people's addresses, what was sent.

Everything is bounded before it is looked at, and each regular expression runs only where a
character that it needs is there: this is done for every event log that has a message.
"""

from __future__ import annotations

import re

from otel_eventlog.limits import ERROR_MESSAGE_CHARS_MAX, TEXT_CHARS_MAX

REDACTED = "[redacted]"
RANDOM_CHARS_MIN = 16
_RANDOM_PART_CHARS_MAX = 3.5
"""Words of any language consist of longer parts than this, on average; random ones do not."""
_LONG_CHARS_MIN = 24
_RANDOM_NUMBERS_MIN = 4

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
"""A run of letters or of digits: the words within a word."""

VENDOR_PREFIXES = (
    *("sk_live_", "sk_test_", "rk_live_", "rk_test_", "whsec_", "ghp_", "gho_", "ghr_", "ghs_"),
    *("ghu_", "github_pat_", "glpat-", "xoxa-", "xoxb-", "xoxe-", "xoxo-", "xoxp-", "xoxr-"),
    *("xoxs-", "AKIA", "ASIA", "AIza", "ya29."),
)
"""How credentials begin that say what they are."""

JWT = re.compile(r"eyJ[\w-]{5,}\.[\w.-]*")

SENSITIVE = (
    r"pass(?:word|wd|phrase|code)|secret|token|api[_-]?key|private[_-]?key|cookie|csrf|xsrf"
    r"|credential"
)
SENSITIVE_SHORT = r"pass|pwd|otp|pin|sid|sess(?:ion)?[_-]?(?:id|key)|jwt|assertion|code"
"""What stands before a secret in `password=…`, `"reset_token": "…"`, `Session_ID: …`. The short
ones count as whole words only: `pin` is none in `spin`."""
RESET_WORD = (
    r"reset|confirm|verif|activat|magic|invit|unsubscri|recover|token|one[_-]?time|passwordless"
)
WORD_RUN = re.compile(rf"[\w+-]{{{RANDOM_CHARS_MIN},}}")


def is_random(word: str) -> bool:
    """Whether a word looks drawn by lot: its runs of letters and digits are short.

    UUIDs do not count: they are how everything that is no secret is numbered.
    """
    if len(word) < RANDOM_CHARS_MIN:
        return False
    if "-" in word:
        word = _UUID.sub("", word)
    parts = PART.findall(word)
    chars = sum(map(len, parts))
    if chars < RANDOM_CHARS_MIN:
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
           (?:[\w-]*(?:{SENSITIVE}|(?-i:[a-z](?:Code|Otp|OTP|Pin|PIN|Jwt))
                (?<!statusCode)(?<!errorCode))
             |(?:[\w-]*[_-])?(?:{SENSITIVE_SHORT}|authorization)
                (?<!status[ _-]code)(?<!error[ _-]code))
           s?["']?(?:\s*(?:=>|[=:])\s*|\s+(?:is\s+|was\s+)?(?=["'`])))
         (?:(?:bearer|basic|digest|token)\s+)?({_DONE}|{_QUOTED}|\S+)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_REASON = re.compile(r"[a-z]+(?:_[a-z]+)+")
_STATES = frozenset(
    {"blocked", "disabled", "expired", "invalid", "locked", "mismatch", "missing", "required"}
    | {"revoked", "unknown", "used"}
)
"""What is told of a token or a code in place of it, as in `token:expired`."""
_QUERY = re.compile(r"[?&#;][\w.\[\]%-]{1,64}=[^\s'\"]*")
_TOKEN_IN_PATH = re.compile(rf"(/[\w.-]*(?:{RESET_WORD})[\w.-]*/)[^\s'\"?#]+", re.IGNORECASE)
_SQL = re.compile(  # SQLAlchemy shows the statement and its parameters, databases the row
    r"\[(?:SQL|parameters):.*|\bvalues\s*\(.*|\)=\(.*?\)|\brow contains \(.*",
    re.IGNORECASE | re.DOTALL,
)
_NUMBER = re.compile(  # of a payment card or a phone
    r"""(?<![\w-])\+?\d(?:[ -]?\d){11,18}(?![\w-]) | \+\d[\d ().-]{6,18}\d
      | (?<![\w-])\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?![\w-])""",
    re.VERBOSE,
)
_SPOKEN_CODE = re.compile(  # `code 482913 is wrong`, `your PIN is 4829`
    r"""(\b(?:code(?<!status\ code)(?<!error\ code)(?<!exit\ code)(?<!return\ code)
             |otp|pin|pass(?:code|word))\s+(?:is\s+|was\s+)?)\d{2,}[ -]?\d{2,}\b""",
    re.VERBOSE | re.IGNORECASE,
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
        text = _QUERY.sub(REDACTED, text)
        text = _INPUT.sub(_AFTER, text) if "input_value=" in text else text
    if "/" in text:
        text = _TOKEN_IN_PATH.sub(_AFTER, text)
        text = _BASE64.sub(_keep_paths, text)
    if "(" in text or "[" in text:
        text = _SQL.sub(REDACTED, text)
    if _DIGIT.search(text):
        text = _SPOKEN_CODE.sub(_AFTER, _NUMBER.sub(REDACTED, text))
    text = WORD_RUN.sub(_keep_words, text)
    if _QUOTE.search(text):
        text = _IN_QUOTES.sub(_keep_names, _VALUE.sub(_AFTER, text))
    return text[:chars_max]


_AFTER = rf"\g<1>{REDACTED}"


def _without_credentials(text: str, lower: str) -> str:
    if any(scheme in lower for scheme in _SCHEMES):
        text = _AUTHORIZATION.sub(REDACTED, text)
    if "eyJ" in text:
        text = JWT.sub(REDACTED, text)
    if "@" in text or "%40" in text:
        text = _EMAIL.sub(REDACTED, _USER_OF_URL.sub(REDACTED, text))
    if "cookie" in lower:
        text = _COOKIE.sub(REDACTED, text)
    is_assigned = "=" in text or ":" in text or _QUOTE.search(text)
    if is_assigned and any(word in lower for word in _ASSIGNABLE):
        text = _ASSIGNED.sub(_without_value, text)
    return text


def _without_value(found: re.Match[str]) -> str:
    # `code: invalid_grant` is a reason, as OAuth and providers' APIs give it.
    value = found[2].strip("\"'`,;.)}]")
    if value in _STATES or ("code" in found[1].lower() and _REASON.fullmatch(value)):
        return found.group()
    return found[1] + REDACTED


def _keep_paths(found: re.Match[str]) -> str:
    text = found.group()
    # A path is mostly in one case; base64 has both, and digits.
    is_path = "/" not in text or text.islower() or text.isupper()
    return text if is_path or not is_random(text) else REDACTED


def _keep_words(found: re.Match[str]) -> str:
    word = found.group()
    return REDACTED if word.startswith(VENDOR_PREFIXES) or is_random(word) else word


def _keep_names(found: re.Match[str]) -> str:
    return REDACTED if _TELLING.search(found[2]) else found.group()
