"""Rows by the many: adding them, and naming many of them in one statement."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Connection, Dialect, Table, Text, and_, bindparam, insert
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

Value = TypeVar("Value")
# Fewer than SQLite takes as parameters of one statement.
AT_ONCE = 500


def in_parts(values: Sequence[Value]) -> Iterator[Sequence[Value]]:
    """The values in their order, so many at a time that a statement can take them as its parameters."""
    for at in range(0, len(values), AT_ONCE):
        yield values[at : at + AT_ONCE]


def is_among(column: ColumnElement[int], parameter: str, ids: Collection[int] | None = None) -> ColumnElement[bool]:
    """Whether a column holds one of many ids.

    Args:
        column: of ids.
        parameter: the name of the one parameter that holds them all, however many they are: to take each for
            itself would cost more than the search.
        ids: its value; none where it is given with each execution.
    """
    each = _Each(bindparam(parameter, None if ids is None else list(ids), _Ids(), required=ids is None))
    return column.bool_op("IN")(each)


def on_segments(table: Table) -> ColumnElement[bool]:
    """The rows of a coding set (``in_set``) on many segments (``in_segments``)."""
    # Plus nothing, so that SQLite searches by segments: by an index of the whole set it would read all of that
    # for a few of its segments.
    in_set: ColumnElement[bool] = table.c.coding_set_id + 0 == bindparam("in_set")
    return and_(in_set, is_among(table.c.segment_id, "in_segments"))


def added(connection: Connection, table: Table, **values: Any) -> int:
    """Adds a row, and gives the number that it got."""
    key: Sequence[int] = connection.execute(insert(table).values(values)).inserted_primary_key or ()
    return int(key[0])


def add_many(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Adds thousands of rows.

    Args:
        connection: in a transaction that writes.
        table: where to.
        rows: each with the same columns, two or more, and values as the driver takes them; those for which the table
            has a default of Python's must be among them.
    """
    if rows:
        # SQLAlchemy would look at every value of every row, a good part of what it takes to add them.
        adding = insert(table).inline().compile(dialect=connection.dialect, column_keys=list(rows[0]))
        in_order = itemgetter(*adding.positiontup) if adding.positiontup else dict
        connection.exec_driver_sql(str(adding), [in_order(row) for row in rows])


def add_missing(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Adds those rows that are not there yet, also if somebody else adds them at the same time."""
    if rows:
        insert_some = insert_sqlite if connection.dialect.name == "sqlite" else insert_postgresql
        connection.execute(insert_some(table).on_conflict_do_nothing(), rows)


class _Ids(TypeDecorator[Sequence[int]]):
    """Many ids as one value: what each database can take apart again."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else ARRAY(BigInteger))

    def process_bind_param(self, value: Sequence[int] | None, dialect: Dialect) -> Any:
        ids = list(value or ())
        return json.dumps(ids) if dialect.name == "sqlite" else ids


class _Each(FunctionElement[int]):
    type = BigInteger()
    inherit_cache = True


@compiles(_Each)
def _of_array(element: _Each, compiler: Any, **options: Any) -> str:
    return f"(SELECT unnest({compiler.process(element.clauses, **options)}))"


@compiles(_Each, "sqlite")
def _of_json(element: _Each, compiler: Any, **options: Any) -> str:
    return f"(SELECT value FROM json_each({compiler.process(element.clauses, **options)}))"  # noqa: S608 - compiled clauses
