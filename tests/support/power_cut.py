"""A disk that is replayed from a log of `disk_shim`, and what a power cut leaves on it.

What may be on a disk after a cut, as POSIX and the file systems of Linux have it:

- content of a file that was synced since it was written is there;
- other content is there or not, in any order, sector by sector (512 bytes);
- names are there once their directory was synced; later changes of names are lost from some moment
  on, because file systems keep a journal of them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tests.support.disk_shim import Effect, Record

SECTOR_BYTES = 512
TORN_SHARE = 0.3
"""How many of the writes that were under way reach the disk in part."""


@dataclass(eq=False, slots=True)
class Node:
    """A file or a directory: what of it is safe, and what is not yet."""

    is_directory: bool = False
    safe: bytearray = field(default_factory=bytearray)
    pending: list[Record] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Renaming:
    """One change of names: some go, some come, all at once."""

    directory: Node | None
    gone: tuple[str, ...] = ()
    come: tuple[tuple[str, Node], ...] = ()


class Disk:
    """Everything below the root, as far as the log was replayed."""

    def __init__(self) -> None:
        """Begin with an empty root."""
        root = Node(is_directory=True)
        self._nodes: dict[int, Node] = {}
        self._names: dict[str, Node] = {"": root}
        self._safe_names: dict[str, Node] = {"": root}
        self._renamings: list[_Renaming] = []

    def apply(self, record: Record) -> None:
        """Replay one effect."""
        match record.effect:
            case Effect.CREATE | Effect.MKDIR:
                self._make(record)
            case Effect.WRITE | Effect.TRUNCATE:
                self._nodes[record.file].pending.append(record)
            case Effect.SYNC:
                self._sync(self._nodes[record.file])
            case Effect.UNLINK:
                self._rename(record.path, None)
            case Effect.RENAME:
                self._rename(record.path, record.data.decode())
            case Effect.MARK:
                pass

    def _make(self, record: Record) -> None:
        is_directory = record.effect is Effect.MKDIR
        if not record.path:
            self._nodes[record.file] = self._names[""]
            return
        node = self._nodes[record.file] = Node(is_directory)
        self._names[record.path] = node
        come = ((record.path, node),)
        self._renamings.append(_Renaming(self._parent(record.path), come=come))

    def _rename(self, old: str, new: str | None) -> None:
        node = self._names.pop(old)
        come = ()
        if new is not None:
            self._names[new] = node
            come = ((new, node),)
        self._renamings.append(_Renaming(self._parent(old), (old,), come))

    def _parent(self, path: str) -> Node | None:
        name = str(PurePosixPath(path).parent)
        return self._names.get("" if name == "." else name)

    def _sync(self, node: Node) -> None:
        if node.is_directory:
            safe = [renaming for renaming in self._renamings if renaming.directory is node]
            self._renamings = [item for item in self._renamings if item.directory is not node]
            _change_names(self._safe_names, safe)
        for record in node.pending:
            _write(node.safe, record)
        node.pending.clear()

    def cut(self, target: Path, rng: random.Random | None) -> None:
        """Write what a power cut leaves into an empty directory.

        Args:
            target: the directory.
            rng: decides what of the unsafe is there all the same; None: nothing is.

        """
        names = dict(self._safe_names)
        keeps = None
        if rng is not None:
            kept = rng.randint(0, len(self._renamings))
            _change_names(names, self._renamings[:kept])
            keeps = _keeper(rng, rng.random())
        for name, node in sorted(names.items()):
            path = target / name
            if not path.parent.is_dir():
                continue  # its directory was lost, and it with it
            if node.is_directory:
                path.mkdir(mode=0o700, exist_ok=True)
            else:
                path.write_bytes(_left_of(node, keeps))


_Keeps = Callable[[Record], Iterable[Record]]


def _left_of(node: Node, keeps: _Keeps | None) -> bytes | bytearray:
    if keeps is None or not node.pending:
        return node.safe
    content = bytearray(node.safe)
    for record in node.pending:
        for part in keeps(record):
            _write(content, part)
    return content


def _keeper(rng: random.Random, share: float) -> _Keeps:
    """Return a function that says what of an unsafe effect is on the disk."""

    def keeps(record: Record) -> Iterable[Record]:
        if record.effect is Effect.WRITE and rng.random() < TORN_SHARE:
            for start in range(0, len(record.data), SECTOR_BYTES):
                if rng.random() < share:
                    data = record.data[start : start + SECTOR_BYTES]
                    yield Record(record.effect, "", record.file, record.offset + start, data)
        elif rng.random() < share:
            yield record

    return keeps


def _write(content: bytearray, record: Record) -> None:
    size = record.offset
    if record.effect is Effect.TRUNCATE:
        del content[size:]
    content.extend(bytes(max(0, size - len(content))))
    content[record.offset : record.offset + len(record.data)] = record.data


def _change_names(names: dict[str, Node], renamings: Iterable[_Renaming]) -> None:
    for renaming in renamings:
        for name in renaming.gone:
            names.pop(name, None)
        names.update(renaming.come)
