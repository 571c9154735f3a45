"""What several parts must agree on, and reading commands need without the whole configuration."""

from __future__ import annotations

from pathlib import Path

import platformdirs

ENV_PREFIX = "OTEL_EVENTLOG_COLLECTOR_"
CONFIG_VARIABLE = ENV_PREFIX + "CONFIG"
URL_VARIABLE = ENV_PREFIX + "URL"
TOKEN_VARIABLE = ENV_PREFIX + "TOKEN"
HASH_KEY_VARIABLE = ENV_PREFIX + "HASH_KEY"
CLIENT_VARIABLES = frozenset({CONFIG_VARIABLE, URL_VARIABLE, TOKEN_VARIABLE, HASH_KEY_VARIABLE})
"""Variables of ours that are no key of the file: which file, where reading commands read, and a
secret that belongs neither into the file nor on a command line."""

TRACE_URL = "http://localhost:16686/trace/{trace_id}"
RETENTION = "30d"
NO_OUTCOME_AFTER = "15m"
HTTP_URL = "http://127.0.0.1:4329"
"""Where a collector without configuration shows its dashboard and API."""


def data_directory() -> Path:
    """Return where event logs are kept when nobody says where."""
    return platformdirs.user_data_path("otel-eventlog")


def token_file() -> Path:
    """Return where `otel-eventlog token` keeps tokens when nobody says where."""
    return platformdirs.user_config_path("otel-eventlog") / "tokens.json"
