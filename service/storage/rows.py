"""Rows by the many: adding them, and asking for them in parts."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, insert
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

Value = TypeVar("Value")
# Fewer than SQLite takes as parameters of one statement.
AT_ONCE = 500


def in_parts(values: Sequence[Value]) -> Iterator[Sequence[Value]]:
    """The values in their order, so many at a time that a statement can take them as its parameters."""
    for at in range(0, len(values), AT_ONCE):
        yield values[at : at + AT_ONCE]


def added(connection: Connection, table: Table, **values: Any) -> int:
    """Adds a row, and gives the number that it got."""
    key: Sequence[int] = connection.execute(insert(table).values(values)).inserted_primary_key or ()
    return int(key[0])


def add_missing(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Adds those rows that are not there yet, also if somebody else adds them at the same time."""
    if rows:
        insert_some = insert_sqlite if connection.dialect.name == "sqlite" else insert_postgresql
        connection.execute(insert_some(table).on_conflict_do_nothing(), rows)
