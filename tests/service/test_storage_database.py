"""The database: its schema, its transactions, and what it says when it cannot."""

import os
import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import insert, select, text

from service.errors import CannotStart, StorageUnavailable
from service.storage.database import Database
from service.storage.schema import current_schema, migrate, newest_schema
from service.storage.tables import analysts, metadata
from service.storage.times import now


def test_a_new_database_gets_the_newest_schema_and_a_second_time_changes_nothing(database_url: str) -> None:
    database = Database(database_url)
    assert migrate(database) == (None, newest_schema())
    assert migrate(database) == (newest_schema(), newest_schema())
    assert current_schema(database) == newest_schema()
    database.close()


def test_the_migrations_make_exactly_the_tables_that_the_program_knows(database: Database) -> None:
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_database_of_a_newer_program_is_left_alone(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(CannotStart, match="newer"):
        migrate(database)


def test_a_block_that_raises_leaves_nothing_behind(database: Database) -> None:
    def fail() -> None:
        with database.write() as connection:
            connection.execute(insert(analysts).values(name="a", created_at=now()))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with database.read() as connection:
        assert connection.execute(select(analysts)).all() == []


def test_a_migration_that_fails_half_way_leaves_nothing_behind(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alembic.operations import Operations

    database = Database(database_url)
    create_table = Operations.create_table

    def fail_at_the_codings(self: Operations, name: str, *columns: object, **options: object) -> object:
        if name == "codings":
            raise KeyboardInterrupt
        return create_table(self, name, *columns, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Operations, "create_table", fail_at_the_codings)
    with pytest.raises(KeyboardInterrupt):
        migrate(database)
    monkeypatch.undo()
    assert current_schema(database) is None
    assert migrate(database) == (None, newest_schema())
    database.close()


def test_many_threads_that_write_lose_nothing(database: Database) -> None:
    def add(thread: int) -> None:
        for number in range(20):
            with database.write() as connection:
                connection.execute(insert(analysts).values(name=f"{thread} {number}", created_at=now()))

    threads = [threading.Thread(target=add, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as connection:
        assert len(connection.execute(select(analysts)).all()) == 160


def test_a_reader_sees_one_state_and_never_half_of_a_change(database: Database) -> None:
    def names() -> list[str]:
        with database.read() as connection:
            return list(connection.execute(select(analysts.c.name)).scalars())

    with ThreadPoolExecutor(1) as elsewhere:
        with database.write() as connection:
            connection.execute(insert(analysts).values(name="a", created_at=now()))
            assert elsewhere.submit(names).result() == []
            assert names() == ["a"]
        assert elsewhere.submit(names).result() == ["a"]


def test_a_reader_sees_the_same_all_along(database: Database) -> None:
    def add() -> None:
        with database.write() as connection:
            connection.execute(insert(analysts).values(name="a", created_at=now()))

    with ThreadPoolExecutor(1) as elsewhere, database.read() as connection:
        assert connection.execute(select(analysts)).all() == []
        elsewhere.submit(add).result()
        assert connection.execute(select(analysts)).all() == []


def test_a_block_within_a_block_is_a_part_of_it(database: Database) -> None:
    def write_and_fail() -> None:
        with database.write() as outer:
            with database.write() as inner:
                inner.execute(insert(analysts).values(name="a", created_at=now()))
            assert len(outer.execute(select(analysts)).all()) == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    with database.write() as connection:
        assert connection.execute(select(analysts)).all() == []


# SQLite


@pytest.fixture
def sqlite(tmp_path: Path) -> Database:
    database = Database(f"sqlite:///{tmp_path / 'data' / 'x.sqlite3'}")
    migrate(database)
    return database


def test_the_data_folder_is_for_its_owner_alone(sqlite: Database) -> None:
    assert sqlite.path is not None
    assert stat.S_IMODE(sqlite.path.parent.stat().st_mode) == 0o700


def test_sqlite_keeps_what_it_has_acknowledged_and_checks_references(sqlite: Database) -> None:
    for open_transaction in (sqlite.read, sqlite.write):
        with open_transaction() as connection:
            pragmas = [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "synchronous", "foreign_keys")
            ]
            assert pragmas == ["wal", 2, 1]


def test_a_database_that_another_process_holds_is_unavailable_and_recovers(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sqlite.path is not None
    with sqlite.write() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=100")
    holder = sqlite3.connect(sqlite.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageUnavailable), sqlite.write() as connection:
        connection.execute(insert(analysts).values(name="a", created_at=now()))
    holder.execute("ROLLBACK")
    with sqlite.write() as connection:
        connection.execute(insert(analysts).values(name="a", created_at=now()))


def test_a_database_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"Zwiebelturm" * 1_000)
    with pytest.raises(StorageUnavailable) as caught:
        current_schema(Database(f"sqlite:///{tmp_path / 'x'}"))
    assert "Zwiebelturm" not in str(caught.value)


def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageUnavailable):
        migrate(Database(f"sqlite:///{tmp_path / 'file' / 'x'}"))


@pytest.mark.parametrize("url", ["", "nonsense", "sqlite://", "mysql://localhost/x", "sqlite:///:memory:"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(CannotStart):
        Database(url)


def test_a_postgresql_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(StorageUnavailable):
        current_schema(Database("postgresql://nobody@127.0.0.1:1/nothing"))


def test_the_password_of_a_url_stands_in_no_message() -> None:
    with pytest.raises(StorageUnavailable) as caught:
        current_schema(Database("postgresql://nobody:Zwiebelturm@127.0.0.1:1/nothing"))
    assert "Zwiebelturm" not in str(caught.value)
    assert os.environ.get("PGPASSWORD") is None
