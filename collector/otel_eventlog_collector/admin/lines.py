"""Bytes as they come, cut into lines; a line that is too long is left out, not kept in memory."""

from __future__ import annotations


class LineCutter:
    """Cuts a stream of bytes into lines.

    Args:
        line_bytes_max: longest line; a longer one becomes None.

    """

    def __init__(self, line_bytes_max: int) -> None:
        """Begin with nothing."""
        self._line_bytes_max = line_bytes_max
        self._parts: list[bytes] = []
        self._size = 0
        self._is_too_long = False

    def feed(self, chunk: bytes) -> list[bytes | None]:
        """Take the next bytes; return the lines that end in them."""
        *ended, rest = chunk.split(b"\n")
        lines: list[bytes | None] = []
        for piece in ended:
            self._append(piece)
            lines.append(self._line())
        self._append(rest)
        return lines

    def end(self) -> list[bytes | None]:
        """Return the last line, if it has no line end."""
        return [self._line()] if self._size or self._is_too_long else []

    def _append(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._line_bytes_max:
            self._is_too_long = True
            self._parts.clear()
        elif piece:
            self._parts.append(piece)

    def _line(self) -> bytes | None:
        line = None if self._is_too_long else b"".join(self._parts)
        self._parts, self._size, self._is_too_long = [], 0, False
        return line
