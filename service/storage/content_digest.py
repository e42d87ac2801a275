"""One number for all that is in a database."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, String, Table, collate, select

from service.storage.tables import metadata

ROWS_AT_A_TIME = 1_000


def content_digest(connection: Connection) -> str:
    """SHA-256 over all rows of all tables in the order of their keys; equal content gives an equal one on both kinds.

    The schema must be the newest.
    """
    digest = hashlib.sha256()
    for name, table in sorted(metadata.tables.items()):
        digest.update(f"{name}\n".encode())
        query = select(table).order_by(*_key(table, connection.dialect.name))
        rows = connection.execute(query, execution_options={"yield_per": ROWS_AT_A_TIME})
        for row in rows:
            digest.update(_line(row))
    return digest.hexdigest()


def _key(table: Table, dialect: str) -> list[ColumnElement[Any]]:
    """Texts in the order of their bytes, which is how SQLite orders them."""
    return [
        collate(column, "C") if dialect == "postgresql" and isinstance(column.type, String) else column
        for column in table.primary_key
    ]


def _line(row: Row[Any]) -> bytes:
    return json.dumps([_plain(value) for value in row], sort_keys=True).encode() + b"\n"


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, datetime):
        # SQLite keeps no time zone: what is stored is UTC.
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    return value
