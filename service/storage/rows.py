"""Adding single rows."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, insert


def added(connection: Connection, table: Table, **values: Any) -> int:
    """Adds a row, and gives the number that it got."""
    key: Sequence[int] = connection.execute(insert(table).values(values)).inserted_primary_key or ()
    return int(key[0])
