"""Log lines as JSON, from an allow-list of fields: ids, numbers and our own words, never text of a study."""

import json
import logging
import sys
from datetime import UTC, datetime

OWN = ("service.", "uvicorn.")
FIELDS = ("request_id", "route", "status", "milliseconds")


class JsonLines(logging.Formatter):
    """One JSON object a line; whatever a record carries beyond the allowed fields is left out."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if not record.name.startswith(OWN):
            # Other libraries' messages may quote what they were given.
            return json.dumps(line)
        extra = {field: getattr(record, field) for field in FIELDS if hasattr(record, field)}
        return json.dumps({**line, **(extra or {"message": record.getMessage()})})


def log_to_stderr() -> None:
    """Sends our records to stderr, and of other libraries only warnings."""
    # Python would print a record that cannot be formatted with everything that it was given.
    logging.raiseExceptions = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("service").setLevel(logging.INFO)
