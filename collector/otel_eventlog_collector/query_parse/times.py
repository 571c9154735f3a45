"""Durations and points in time as people write them: `30d`, `-15m`, RFC 3339."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

NS_PER_S = 1_000_000_000
_UNIT_NS = {
    "ms": NS_PER_S // 1000,
    "s": NS_PER_S,
    "m": 60 * NS_PER_S,
    "h": 3600 * NS_PER_S,
    "d": 86_400 * NS_PER_S,
    "w": 7 * 86_400 * NS_PER_S,
}
_PART = r"\d{1,9}(?:\.\d{1,3})?(?:ms|s|m|h|d|w)"
_DURATION = re.compile(rf"(?:{_PART})+", re.ASCII)
_PARTS = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d|w)", re.ASCII)
_RELATIVE = re.compile(rf"(?:now)?\s*-?\s*((?:{_PART})+)(?:\s*ago)?", re.ASCII)
_ABSOLUTE = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})"
    r"(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?"
    r"\s*([Zz]|[+ -]?\d{2}:?\d{2})?)?",
    re.ASCII,
)
_NANOSECONDS = re.compile(r"\d{16,19}", re.ASCII)
_INT64_MAX = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

DURATION_HELP = "write a number and a unit: 90s, 15m, 12h, 30d, 2w, or several: 1h30m"
TIME_HELP = (
    "write a time as in 2026-11-23T10:42:00Z (without zone: UTC), a duration back from now "
    "as in -15m or -7d, or now"
)


def parse_duration_ns(text: str) -> int:
    """Return nanoseconds of a duration such as `15m`, `30d` or `1h30m`.

    Raises:
        ValueError: it is none; the text says how to write one.

    """
    wanted = text.strip().lower()
    if not _DURATION.fullmatch(wanted):
        raise ValueError(f"{text!r} is not a duration; {DURATION_HELP}")
    total = 0
    for number, unit in _PARTS.findall(wanted):
        whole, _, fraction = number.partition(".")
        thousandths = int(whole) * 1000 + int((fraction + "000")[:3])
        total += thousandths * _UNIT_NS[unit] // 1000
    if total > _INT64_MAX:
        raise ValueError(f"{text!r} is longer than any duration that can be kept")
    return total


def duration_text(duration_ns: int) -> str:
    """Return a duration in the largest unit that divides it, as `parse_duration_ns` reads it."""
    for unit in ("d", "h", "m", "s"):
        if duration_ns and duration_ns % _UNIT_NS[unit] == 0:
            return f"{duration_ns // _UNIT_NS[unit]}{unit}"
    return f"{duration_ns // _UNIT_NS['ms']}ms"


def parse_time(text: str, now_unix_nano: int) -> int:
    """Return nanoseconds since the epoch of an absolute or relative time.

    Args:
        text: RFC 3339 (date alone and missing zone allowed: UTC), `now`, `-15m`, `15m ago`,
            `now-15m`, or nanoseconds since the epoch as event logs show them.
        now_unix_nano: what relative times count from.

    Raises:
        ValueError: it is none of these; the text says how to write one.

    """
    wanted = text.strip()
    lower = wanted.lower()
    if lower == "now":
        return now_unix_nano
    relative = _RELATIVE.fullmatch(lower)
    if relative:
        return max(0, now_unix_nano - parse_duration_ns(relative.group(1)))
    if _NANOSECONDS.fullmatch(wanted):
        return min(int(wanted), _INT64_MAX)
    absolute = _ABSOLUTE.fullmatch(wanted)
    if not absolute:
        raise ValueError(f"{text!r} is not a time; {TIME_HELP}")
    return _absolute(text, absolute)


def _absolute(text: str, match: re.Match[str]) -> int:
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        moment = datetime(
            int(year),
            int(month),
            int(day),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            tzinfo=_zone(zone),
        )
        since_epoch = moment - _EPOCH
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is not a time: {error}; {TIME_HELP}") from None
    seconds = since_epoch.days * 86_400 + since_epoch.seconds
    nanos = seconds * NS_PER_S + int((fraction or "0").ljust(9, "0"))
    return min(max(0, nanos), _INT64_MAX)


def _zone(text: str | None) -> timezone:
    if text is None or text in "Zz":
        return UTC
    # A plus sign that nobody encoded arrives from a query string as a space.
    digits = text.lstrip("+ -").replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text.startswith("-") else offset)
