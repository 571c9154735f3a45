"""How the collector's own log looks: lines for people, or one JSON object a record."""

from __future__ import annotations

import json
import logging
import time

from otel_eventlog_collector.cli.output import safe

_TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class TextLines(logging.Formatter):
    """A record begins with its time; further lines are indented, so that none looks like another.

    What strangers sent reaches the terminal with its control characters spelled out.
    """

    def __init__(self) -> None:
        """Use the one format."""
        super().__init__(_TEXT)

    def format(self, record: logging.LogRecord) -> str:
        """Return a record's lines."""
        return "\n    ".join(safe(line) for line in super().format(record).split("\n"))


class JsonLines(logging.Formatter):
    """One line a record, whatever is in it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as an object; `traceback` is there when one was logged."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        content = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            content["traceback"] = self.formatException(record.exc_info)
        return json.dumps(content)  # ASCII: no control character, and no lone surrogate


def log_to_stderr(log_format: str) -> None:
    """Send the log to standard error, as `text` or as `json`."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if log_format == "json" else TextLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)
