"""The folder of the database: for its owner alone, and held by who uses it, so that a restore finds nobody there."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.errors import CannotStart, StorageUnavailable
from service.storage.database import Database

LOCK_NAME = "themecoder.lock"


def make_folder(folder: Path) -> None:
    """Makes the folder with mode 0700 if it is not there.

    Raises:
        StorageUnavailable: it cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageUnavailable("The data folder cannot be made.") from error


@contextmanager
def in_use(database: Database, *, alone: bool = False) -> Iterator[None]:
    """Holds the database's folder, as long as the block or the process lasts.

    PostgreSQL knows its users itself, so that nothing is held there.

    Args:
        database: whose folder is held.
        alone: nobody else may hold it; else many may hold it together.

    Raises:
        CannotStart: somebody else holds it.
        StorageUnavailable: the folder cannot be made or written.
    """
    if database.path is None:
        yield
        return
    make_folder(database.path.parent)
    try:
        lock = os.open(database.path.with_name(LOCK_NAME), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageUnavailable("The data folder cannot be written.") from error
    try:
        # Never removed: a lock on a file that has lost its name would hold nobody off.
        fcntl.flock(lock, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise CannotStart(
            "The service or another command is using the database; stop it first."
            if alone
            else "The database is being restored; try again when that is done."
        ) from error
    try:
        yield
    finally:
        os.close(lock)
