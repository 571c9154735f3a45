"""Where the key of all hashes comes from: a file, or a variable of the environment."""

from __future__ import annotations

import os
from pathlib import Path

from otel_eventlog.privacy import read_hash_keys
from otel_eventlog_collector.defaults import HASH_KEY_VARIABLE


def hash_keys(path: Path | None) -> tuple[bytes, ...]:
    """Return the keys of a key file, the current one first; without a file that of the environment.

    There may be none at all.

    Raises:
        ValueError: the file cannot be read, or a key is too short.

    """
    try:
        if path is not None:
            return read_hash_keys(path.read_bytes())
        key = os.environ.get(HASH_KEY_VARIABLE)
        return read_hash_keys(key.encode("utf-8", "surrogateescape")) if key else ()
    except OSError as error:
        raise ValueError(f"{str(path)!r} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(
            f"{HASH_KEY_VARIABLE if path is None else repr(str(path))} {error}"
        ) from None
