"""Encoded attributes told apart by a look-up: which ones say what a span is, which only differ.

An attribute that the rules, the outcome or a field with few values depends on is remembered by its
whole encoding. One that is only copied has its text cut out. One that nobody reads is checked, so
that a malformed span is still rejected, and has no other effect.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from google.protobuf.message import DecodeError

from otel_eventlog.model import AttributeValue
from otel_eventlog_collector.otlp.records import RecordError, Value, attribute_value, text_value
from otel_eventlog_collector.otlp.values import key_value

ENCODINGS_REMEMBERED_MAX = 8192
"""Encoded attributes that are remembered. A full memory starts over."""

ENCODING_BYTES_MAX = 256
"""A longer attribute on which something depends sends its span the full way."""

TEXTUAL_BYTES_MAX = 384
"""A longer attribute of which the text is looked at sends its span the full way, likewise."""

UNREAD_VALUES_MAX = 32
"""Values remembered of one attribute that nobody reads; further ones are checked each time."""

UNREAD_NAMES_MAX = 1024
"""Names of attributes that nobody reads, of which values are remembered."""

_NO_HEAD = b"\xff"
_KEY_TAG = 0x0A
_VALUE_TAG = 0x12
_STRING_TAG = 0x0A
_INT_TAG = 0x18
_VARINT_MORE = 0x80


class Telling:
    """An attribute that something depends on, with its value; told apart by identity."""

    __slots__ = ("name", "value")

    def __init__(self, name: str, value: AttributeValue | None) -> None:
        """Keep both; the value is None where the attribute counts as absent (bytes, a map)."""
        self.name = name
        self.value = value


class Textual:
    """An attribute of which the text is looked at by itself; one object for each name.

    Attributes:
        name: the attribute's name.
        heads: by the length of the whole encoding, what stands before the text in it.

    """

    __slots__ = ("heads", "name")

    def __init__(self, name: str) -> None:
        """Keep the name."""
        self.name = name
        self.heads = _heads(name.encode())


class Copied(Textual):
    """An attribute that is only copied, whatever its value."""

    __slots__ = ()


class Where(Textual):
    """An attribute that tells path, host or query string."""

    __slots__ = ()


class Unread:
    """Any attribute that nobody reads."""

    __slots__ = ()


UNREAD = Unread()

Token: TypeAlias = Telling | Textual | Unread


class UnusualError(Exception):
    """An attribute that only the full way can read, or refuse."""


class AttributeTokens:
    """Attributes of spans → tokens. Thread-safe: what it forgets it could find out again.

    Args:
        telling: names of the attributes that something depends on.
        copied: names of those that are only copied.
        where: names of those that tell where a request went.

    """

    def __init__(self, telling: Iterable[str], copied: Iterable[str], where: Iterable[str]) -> None:
        """Remember nothing yet."""
        self._telling = frozenset(name.encode() for name in telling)
        self._texts: dict[bytes, Textual] = {name.encode(): Copied(name) for name in copied}
        self._texts |= {name.encode(): Where(name) for name in where}
        self._remembered: dict[bytes, Token] = {}
        self._unread_values: dict[bytes, int] = {}
        self.recall = self._remembered.get
        """Returns the token of an encoded attribute that is remembered, or None."""

    @property
    def size(self) -> int:
        """How many encoded attributes are remembered."""
        return len(self._remembered)

    def read(self, data: bytes) -> tuple[Token, str]:
        """Return the token of any encoded attribute, and its text if its value makes no token.

        Raises:
            UnusualError: only the full way can tell.

        """
        try:
            end = data[1] + 2
            name = data[2:end]
            if data[0] != _KEY_TAG or end > _VARINT_MORE + 1:
                raise UnusualError
            textual = self._texts.get(name)
            if textual is not None:
                return textual, _text(data, textual.heads)
            if name not in self._telling:
                self._check_unread(data, name)
                return UNREAD, ""
        except (IndexError, ValueError):
            raise UnusualError from None
        return self._read_telling(data), ""

    def _read_telling(self, data: bytes) -> Telling:
        if len(data) > ENCODING_BYTES_MAX:
            raise UnusualError
        name, value = _parsed(data)
        token = Telling(name, attribute_value(value))
        self._remember(data, token)
        return token

    def _check_unread(self, data: bytes, name: bytes) -> None:
        if not is_plain(data, name):
            parsed, _ = _parsed(data)
            if parsed.encode("utf-8", "surrogatepass") != name:
                raise UnusualError  # a second key, behind the value
        seen = self._unread_values.get(name, 0)
        is_worth_it = seen < UNREAD_VALUES_MAX and len(data) <= ENCODING_BYTES_MAX
        if is_worth_it and (seen or len(self._unread_values) < UNREAD_NAMES_MAX):
            self._unread_values[name] = seen + 1
            self._remember(data, UNREAD)

    def _remember(self, data: bytes, token: Token) -> None:
        if len(self._remembered) >= ENCODINGS_REMEMBERED_MAX:
            self._remembered.clear()
            self._unread_values.clear()
        self._remembered[data] = token


def _heads(name: bytes) -> list[bytes]:
    """Return what stands before the text of an attribute, by the length of the whole encoding.

    So a text is cut out with one look-up and one comparison, which proves the encoding right.
    """
    key = bytes([_KEY_TAG, len(name)]) + name + bytes([_VALUE_TAG])
    heads = [_NO_HEAD] * TEXTUAL_BYTES_MAX
    for chars in range(1, TEXTUAL_BYTES_MAX):
        text = bytes([_STRING_TAG]) + _varint(chars)
        head = key + _varint(len(text) + chars) + text
        if len(head) + chars < TEXTUAL_BYTES_MAX:
            heads[len(head) + chars] = head
    return heads


def _varint(number: int) -> bytes:
    """Return a number of at most 14 bits as protobuf writes it."""
    if number < _VARINT_MORE:
        return bytes([number])
    return bytes([number & 0x7F | _VARINT_MORE, number >> 7])


def _text(data: bytes, heads: Sequence[bytes]) -> str:
    """Return the text of an attribute.

    Raises:
        UnusualError: it is no text, or an empty one, or encoded as nobody does.
        IndexError: it is too long.
        ValueError: it is not UTF-8.

    """
    head = heads[len(data)]
    if not data.startswith(head):
        raise UnusualError
    return text_value(data[len(head) :].decode())


def is_plain(data: bytes, name: bytes) -> bool:
    """Whether an attribute is a short ASCII text or a whole number, encoded as everybody does.

    Raises:
        IndexError: the bytes end too early.

    """
    size, end = len(data), len(name) + 2
    if data[end] != _VALUE_TAG or not data[end + 1] == size - end - 2 < _VARINT_MORE:
        return False
    if not name.isascii() or b"\0" in name:
        return False
    if data[end + 2] == _STRING_TAG:
        return data[end + 3] == size - end - 4 and data[end + 4 :].isascii()
    if data[end + 2] != _INT_TAG or size > end + 12:
        return False
    more = data[end + 3 : -1]
    return data[-1] < _VARINT_MORE and size > end + 3 and (not more or min(more) >= _VARINT_MORE)


def _parsed(data: bytes) -> tuple[str, Value]:
    try:
        return key_value(data)
    except (DecodeError, RecordError):
        raise UnusualError from None
