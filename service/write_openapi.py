"""Writes the OpenAPI document to stdout: ``python -m service.write_openapi > openapi.json``."""

import json
import sys

from service.app import create_app
from service.settings import Settings


def openapi_text() -> str:
    """The document as the repository keeps it: keys sorted, so that a change shows as a small difference."""
    return json.dumps(create_app(Settings()).openapi(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(openapi_text())
