"""The environment variables of the application part, as `opentelemetry-instrument` lists them.

Each also becomes an option of `opentelemetry-instrument`: `--eventlog_endpoint` and so on.
"""

from __future__ import annotations

OTEL_EVENTLOG_ENDPOINT = "OTEL_EVENTLOG_ENDPOINT"
"""
.. envvar:: OTEL_EVENTLOG_ENDPOINT

Base URL of the collector, for example ``http://localhost:4328``; ``/v1/logs`` is appended. Setting
it turns event logs on under ``opentelemetry-instrument``.
"""

OTEL_EVENTLOG_PROTOCOL = "OTEL_EVENTLOG_PROTOCOL"
"""
.. envvar:: OTEL_EVENTLOG_PROTOCOL

``http/protobuf`` (default) or ``grpc``.
"""

OTEL_EVENTLOG_HEADERS = "OTEL_EVENTLOG_HEADERS"
"""
.. envvar:: OTEL_EVENTLOG_HEADERS

Headers to send, ``name=value`` pairs with commas between. No other variable is read for headers.
"""

OTEL_EVENTLOG_RULES = "OTEL_EVENTLOG_RULES"
"""
.. envvar:: OTEL_EVENTLOG_RULES

Rule files, with colons between.
"""

OTEL_EVENTLOG_PACKS = "OTEL_EVENTLOG_PACKS"
"""
.. envvar:: OTEL_EVENTLOG_PACKS

Names of built-in rule packs, with commas between.
"""

OTEL_EVENTLOG_SPOOL_DIR = "OTEL_EVENTLOG_SPOOL_DIR"
"""
.. envvar:: OTEL_EVENTLOG_SPOOL_DIR

Directory in which event logs outlive an outage of the collector and a kill of the process.
"""

OTEL_EVENTLOG_HASH_KEY_FILE = "OTEL_EVENTLOG_HASH_KEY_FILE"
"""
.. envvar:: OTEL_EVENTLOG_HASH_KEY_FILE

File with the key of all hashes. Without it, what would be hashed is left out.
"""

HASH_KEY = "OTEL_EVENTLOG_HASH_KEY"
"""
The key itself, where secrets come as variables; a key file outranks it. Not named `OTEL_…` here,
so that it does not become an option: what stands on a command line everybody can read.
"""

OTEL_EVENTLOG_CONFIG = "OTEL_EVENTLOG_CONFIG"
"""
.. envvar:: OTEL_EVENTLOG_CONFIG

TOML file with all of these settings; a variable outranks its key in the file.
"""
