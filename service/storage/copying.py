"""One database -> another one of either kind, with all that is in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Table, func, insert, select, text

from service.errors import CannotStart, StorageUnavailable
from service.storage.content_digest import content_digest
from service.storage.database import Database
from service.storage.schema import current_schema, migrate, newest_schema
from service.storage.tables import metadata

ROWS_AT_A_TIME = 1_000


@dataclass(frozen=True, kw_only=True)
class Copied:
    """What was copied: how many rows of each table, and the digest of all, the same on both sides."""

    counts: dict[str, int]
    digest: str


def copy_database(source: Database, target: Database) -> Copied:
    """Copies one state of a database into an empty one, and compares counts and digests; all of it or nothing.

    Raises:
        CannotStart: there is no source, it has another schema than this program, or the target is not empty.
        StorageUnavailable: one of them cannot be used, or what arrived is not what was sent.
    """
    if source.path is not None and not source.path.exists():
        raise CannotStart("There is no database to be copied.")
    if current_schema(source) != newest_schema():
        raise CannotStart("The source has not the newest schema; themecoder migrate brings it there.")
    migrate(target)
    with source.read() as reading, target.write() as writing:
        if any(_count(writing, table) for table in metadata.sorted_tables):
            raise CannotStart("The target is not empty.")
        counts = {table.name: _copy(reading, writing, table) for table in metadata.sorted_tables}
        _count_on(writing, _last_numbers(reading))
        arrived = {table.name: _count(writing, table) for table in metadata.sorted_tables}
        digest = content_digest(reading)
        if arrived != counts or content_digest(writing) != digest:
            raise StorageUnavailable("What arrived is not what was sent; nothing was copied.")
    return Copied(counts=counts, digest=digest)


def _copy(reading: Connection, writing: Connection, table: Table) -> int:
    copied = 0
    for rows in _rows(reading, table):
        writing.execute(insert(table), rows)
        copied += len(rows)
    return copied


def _rows(reading: Connection, table: Table) -> Iterator[list[dict[str, object]]]:
    # In the order of their numbers, as a decision may undo an earlier one.
    query = select(table).order_by(*table.primary_key)
    found = reading.execute(query, execution_options={"yield_per": ROWS_AT_A_TIME})
    for part in found.partitions():
        yield [dict(row._mapping) for row in part]


def _count(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def _last_numbers(connection: Connection) -> dict[str, int]:
    """The last number that each table has given, also if its row is gone."""
    if connection.dialect.name == "sqlite":
        return {row.name: row.seq for row in connection.execute(text("SELECT name, seq FROM sqlite_sequence"))}
    found = connection.execute(text("SELECT sequencename, last_value FROM pg_sequences WHERE last_value IS NOT NULL"))
    return {row.sequencename.removesuffix("_id_seq"): row.last_value for row in found}


def _count_on(connection: Connection, last_numbers: Mapping[str, int]) -> None:
    """Goes on with the numbers after those, so that none is given a second time."""
    for table in metadata.sorted_tables:
        last = last_numbers.get(table.name)
        if last is None or "id" not in table.c:
            continue
        values = {"name": table.name, "last": last}
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :last)"), values)
        else:
            connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), values)
            connection.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)"), values)
