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


def add_many(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Adds many rows, each with the same columns and none left to a default.

    The values go to the driver as they are: to look at each one takes SQLAlchemy longer than adding it.
    """
    if not rows:
        return
    compiled = insert(table).compile(dialect=connection.dialect, column_keys=list(rows[0]))
    order = compiled.positiontup  # None where values go by name
    values = [tuple(row[name] for name in order) for row in rows] if order else list(rows)
    connection.exec_driver_sql(str(compiled), values)


def add_missing(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Adds those rows that are not there yet, also if somebody else adds them at the same time."""
    if rows:
        insert_some = insert_sqlite if connection.dialect.name == "sqlite" else insert_postgresql
        connection.execute(insert_some(table).on_conflict_do_nothing(), rows)
