"""Connections: many that read, and on SQLite one that writes."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DataError,
    DisconnectionError,
    IntegrityError,
    InterfaceError,
    ProgrammingError,
    TimeoutError,
)
from sqlalchemy.pool import QueuePool

from service.errors import CannotStart, StorageUnavailable

# How long a writer waits for another process, e.g. a backup, before it says that storage is unavailable.
BUSY_SECONDS = 5
READERS = 16
# Of a table that every schema has, because a number alone would not make SQLite look into the file.
_ANYTHING = text("SELECT 1 FROM alembic_version")


class Database:
    """A database, opened when it is first used.

    Args:
        url: of SQLAlchemy's form, sqlite or postgresql.

    Attributes:
        is_open: whether somebody has brought it to the newest schema since the program started.

    Raises:
        CannotStart: the URL is none that can be used.
    """

    is_open = False

    def __init__(self, url: str) -> None:
        self._url = _checked_url(url)
        self.is_sqlite = self._url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self._reading, self._writing = self._sqlite(READERS, "BEGIN"), self._sqlite(1, "BEGIN IMMEDIATE")
        else:
            self._writing = create_engine(self._url, pool_size=READERS, max_overflow=0, pool_pre_ping=True)
            # SQLite's readers see one state throughout; without this PostgreSQL's would not.
            self._reading = self._writing.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        # One writer at a time within this process: waiting here is fair, while SQLite's waiting is a lottery.
        self._turn = threading.Lock()
        self._current = threading.local()

    @property
    def path(self) -> Path | None:
        """The file, on SQLite."""
        return Path(self._url.database or "") if self.is_sqlite else None

    @property
    def engine(self) -> Engine:
        """What migrations run on."""
        return self._writing

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database throughout and changes nothing.

        Within one that writes, of the same thread, it is a part of that one: who held one connection and waited for
        a second could wait for others who do the same.

        Raises:
            StorageUnavailable: the database cannot be reached or read.
        """
        outer = getattr(self._current, "connection", None)
        if outer is not None:
            yield outer
            return
        with _storage_errors(), self._reading.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is there whole once the block ends, and not at all if it raises.

        Within another one of the same thread, it is a part of that one.

        Raises:
            StorageUnavailable: the database cannot be written: locked for too long, full, read-only or gone.
        """
        outer = getattr(self._current, "connection", None)
        if outer is not None:
            yield outer
            return
        with _storage_errors(), self._turn if self.is_sqlite else nullcontext(), self._writing.begin() as connection:
            self._current.connection = connection
            try:
                yield connection
            finally:
                self._current.connection = None

    def check(self) -> None:
        """Reads next to nothing.

        Raises:
            StorageUnavailable: the database cannot be reached or read.
        """
        with self.read() as connection:
            connection.execute(_ANYTHING)

    def close(self) -> None:
        """Closes all connections."""
        self._reading.dispose()
        self._writing.dispose()

    def _sqlite(self, size: int, begin: str) -> Engine:
        engine = create_engine(
            self._url,
            poolclass=QueuePool,
            pool_size=size,
            max_overflow=0,
            # Those used last have the pages at hand.
            pool_use_lifo=True,
            connect_args={"timeout": BUSY_SECONDS},
        )
        event.listen(engine, "do_connect", self._refuse_to_begin_anew)
        event.listen(engine, "connect", self._prepare_sqlite)
        event.listen(engine, "checkout", self._check_file)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
        return engine

    def _refuse_to_begin_anew(self, *_: object) -> None:
        """SQLite would make an empty file in the place of one that is gone."""
        if self.is_open and self._file() is None:
            raise StorageUnavailable

    def _prepare_sqlite(self, connection: Any, record: Any) -> None:
        # pysqlite must not open transactions of its own accord.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-65536"):
            connection.execute(f"PRAGMA {pragma}")
        record.info["file"] = self._file()

    def _check_file(self, _connection: object, record: Any, _proxy: object) -> None:
        """Opens the file anew if another one has its name now: SQLite would go on with one that nobody sees."""
        if record.info["file"] != self._file():
            raise DisconnectionError

    def _file(self) -> tuple[int, int] | None:
        """Which file has the database's name."""
        try:
            found = Path(self._url.database or "").stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino


def _checked_url(url: str) -> URL:
    try:
        checked = make_url(url)
    except ArgumentError:
        raise CannotStart("The database URL cannot be read.") from None
    if checked.get_backend_name() == "postgresql":
        return checked.set(drivername="postgresql+psycopg")
    if checked.get_backend_name() != "sqlite" or checked.database in (None, "", ":memory:"):
        raise CannotStart("The database URL must begin with sqlite:/// or postgresql://.")
    return checked


@contextmanager
def _storage_errors() -> Iterator[None]:
    try:
        yield
    except (DataError, IntegrityError, ProgrammingError):
        # Mistakes of ours, not of the disk.
        raise
    except (DatabaseError, InterfaceError, TimeoutError) as error:
        raise StorageUnavailable from error
