"""A database of SQLite -> a file that is there whole or not at all, and back."""

import os
import secrets
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from service.errors import CannotStart, FileNotAccepted, StorageUnavailable
from service.storage.database import Database
from service.storage.schema import migrate
from service.storage.tables import metadata
from service.synced_files import sync

MAGIC = b"SQLite format 3\0"
# What SQLite keeps beside a database that is open or was not closed.
BESIDE = ("-wal", "-shm", "-journal")
VERSION_TABLE = "alembic_version"
VERSIONS = "SELECT * FROM alembic_version"


def back_up(database: Database, target: Path) -> None:
    """Writes one state of the database to a new file, while others may go on writing.

    Raises:
        CannotStart: there is no database, or it is none of SQLite.
        FileNotAccepted: there is something of the target's name, or its folder cannot be written.
        StorageUnavailable: the database cannot be read or is damaged, or the file cannot be written whole.
    """
    source = _sqlite_path(database, "On PostgreSQL, make backups with pg_dump.")
    if not source.exists():
        raise CannotStart("There is no database yet; themecoder migrate makes it.")
    _refuse_what_is_there(target)
    try:
        with _part_file(target.parent) as part:
            _copy_state(source, part)
            sync(part)
            _refuse_what_is_there(target)
            part.rename(target)
            sync(target.parent)
    except OSError as error:
        raise FileNotAccepted("The target cannot be written.") from error


def restore(source: Path, database: Database, at: datetime, *, replace: bool = False) -> Path | None:
    """Puts a backup, brought to the newest schema, in the place of the database.

    Nobody else may use the database meanwhile. Until the backup is checked, copied and migrated, nothing changes.

    Args:
        source: the backup.
        database: what it takes the place of.
        at: the time, for the name of the one before.
        replace: keep a database that is there under another name; else it is refused.

    Returns:
        Where the one before is kept, if there was one.

    Raises:
        CannotStart: the database is none of SQLite, or the backup is of a newer program.
        FileNotAccepted: there is a database already, or the source is no sound database of themecoder.
        StorageUnavailable: the data folder cannot be written.
    """
    target = _sqlite_path(database, "On PostgreSQL, restore with pg_restore or psql.")
    there = any(path.exists() for path in (target, *_beside(target)))
    if there and not replace:
        raise FileNotAccepted("There is a database already; --replace keeps it under another name.")
    try:
        with _part_file(target.parent) as part:
            _copy_file(source, part)
            _check(part)
            _migrate(part)
            sync(part)
            kept = _keep(target, at) if there else None
            part.replace(target)
            sync(target.parent)
    except OSError as error:
        raise StorageUnavailable("The data folder cannot be written.") from error
    return kept


def _sqlite_path(database: Database, otherwise: str) -> Path:
    if database.path is None:
        raise CannotStart(otherwise)
    return database.path


def _refuse_what_is_there(target: Path) -> None:
    if os.path.lexists(target):
        raise FileNotAccepted("There is already something of this name.")


@contextmanager
def _part_file(folder: Path) -> Iterator[Path]:
    """An empty hidden file for its owner alone, which is deleted at the end if it still has its name."""
    part = folder / f".themecoder-{secrets.token_hex(8)}.part"
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        yield part
    finally:
        for path in (part, *_beside(part)):
            with suppress(OSError):
                path.unlink(missing_ok=True)


def _beside(path: Path) -> list[Path]:
    return [path.with_name(path.name + ending) for ending in BESIDE]


def _copy_state(source: Path, part: Path) -> None:
    try:
        with closing(sqlite3.connect(source)) as reading, closing(sqlite3.connect(part)) as writing:
            # In one step, so that writers do not make it begin anew; they need not wait either.
            reading.backup(writing)
            _fold(writing)
            sound = _is_sound(writing)
    except sqlite3.Error as error:
        raise StorageUnavailable("The database cannot be read, or the backup cannot be written.") from error
    if not sound:
        raise StorageUnavailable("The database is damaged; themecoder doctor says where.")


def _copy_file(source: Path, part: Path) -> None:
    try:
        file = source.open("rb")
    except OSError as error:
        raise FileNotAccepted("The backup cannot be read.") from error
    with file, part.open("wb") as copy:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise FileNotAccepted("The backup is not a plain file.")
        shutil.copyfileobj(file, copy)
    wal = _beside(source)[0]
    if wal.exists() and wal.stat().st_size:
        raise FileNotAccepted("This is a database in use, not a backup: part of it lies in the -wal file beside it.")


def _check(part: Path) -> None:
    """Refuses what was not made by ``back_up``, before anything else is done with it."""
    if not _has_magic(part):
        raise FileNotAccepted("This is no database of themecoder.")
    try:
        with closing(sqlite3.connect(part)) as connection:
            connection.execute("PRAGMA trusted_schema=OFF")
            names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            strange = connection.execute(
                "SELECT COUNT(*) FROM sqlite_master WHERE type NOT IN ('table', 'index') OR sql LIKE 'CREATE VIRTUAL%'"
            ).fetchone()[0]
            versions = connection.execute(VERSIONS).fetchall() if VERSION_TABLE in names else []
            sound = _is_sound(connection)
    except sqlite3.OperationalError as error:
        raise StorageUnavailable("The data folder cannot be written.") from error
    except sqlite3.DatabaseError as error:
        raise FileNotAccepted("The backup is damaged.") from error
    if not sound:
        raise FileNotAccepted("The backup is damaged.")
    if len(versions) != 1 or strange:
        raise FileNotAccepted("This is no database of themecoder.")


def _has_magic(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def _is_sound(connection: sqlite3.Connection) -> bool:
    return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def _migrate(part: Path) -> None:
    database = Database(f"sqlite:///{part}")
    try:
        migrate(database)
        with database.read() as connection:
            differences = compare_metadata(MigrationContext.configure(connection), metadata)
    finally:
        database.close()
    if differences:
        raise FileNotAccepted("This is no database of themecoder.")
    try:
        with closing(sqlite3.connect(part)) as connection:
            _fold(connection)
    except sqlite3.Error as error:
        raise StorageUnavailable("The data folder cannot be written.") from error


def _fold(connection: sqlite3.Connection) -> None:
    """Leaves the database whole in its one file."""
    (mode,) = connection.execute("PRAGMA journal_mode=DELETE").fetchone()
    if mode != "delete":
        raise sqlite3.OperationalError("the write-ahead log could not be folded in")


def _keep(target: Path, at: datetime) -> Path:
    """Gives the database that is there another name as well, so that at no time there is none."""
    kept = target.with_name(f"{target.stem}-{at:%Y%m%dT%H%M%S%fZ}{target.suffix}")
    if target.exists():
        # If it is damaged, it is kept as it is, with what lies beside it; SQLite would delete the log of what it does
        # not know.
        if _has_magic(target):
            with suppress(sqlite3.Error), closing(sqlite3.connect(target)) as connection:
                _fold(connection)
        try:
            os.link(target, kept)
        except OSError:
            # A file system without links.
            target.rename(kept)
    for path, name in zip(_beside(target), _beside(kept), strict=True):
        if path.exists():
            path.rename(name)
    return kept
