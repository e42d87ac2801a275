"""Adding rows."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, insert
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite


def added(connection: Connection, table: Table, **values: Any) -> int:
    """Adds a row, and gives the number that it got."""
    key: Sequence[int] = connection.execute(insert(table).values(values)).inserted_primary_key or ()
    return int(key[0])


def add_missing(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Adds those rows that are not there yet, also if somebody else adds them at the same time."""
    if rows:
        insert_some = insert_sqlite if connection.dialect.name == "sqlite" else insert_postgresql
        connection.execute(insert_some(table).on_conflict_do_nothing(), rows)
