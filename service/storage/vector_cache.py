"""Vectors in a folder of the user's, for commands that keep no project."""

import hashlib
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from service.errors import FileNotAccepted
from service.storage.rows import in_parts

BUSY_SECONDS = 30
# The hashes stand apart, so that vectors are only ever added at the end of the file.
SCHEMA = """
CREATE TABLE IF NOT EXISTS vectors (id INTEGER PRIMARY KEY, text_hash BLOB NOT NULL UNIQUE, vector BLOB NOT NULL)
"""


class VectorCache:
    """Keeps vectors of one model by the hash of their text; whatever ends the process, what was kept stays.

    Args:
        folder: made for its owner alone if it is not there.

    Raises:
        FileNotAccepted: the folder cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._connections: dict[str, sqlite3.Connection] = {}
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise FileNotAccepted("The folder for vectors cannot be made.") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for connection in self._connections.values():
            connection.close()

    def kept(self, model_hash: str, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Those of the vectors that are kept, by the hashes of their texts."""
        found: dict[bytes, bytes] = {}
        with _reported():
            for some in in_parts(keys):
                places = ", ".join("?" * len(some))
                query = f"SELECT text_hash, vector FROM vectors WHERE text_hash IN ({places})"  # noqa: S608 - marks alone
                found.update(self._of(model_hash).execute(query, some))
        return found

    def keep(self, model_hash: str, fresh: Mapping[bytes, bytes]) -> None:
        """Keeps vectors; those that are kept already stay as they are."""
        with _reported(), self._of(model_hash) as connection:
            connection.executemany("INSERT OR IGNORE INTO vectors (text_hash, vector) VALUES (?, ?)", fresh.items())

    def _of(self, model_hash: str) -> sqlite3.Connection:
        if model_hash not in self._connections:
            path = self._folder / f"vectors-{hashlib.sha256(model_hash.encode()).hexdigest()[:16]}.sqlite3"
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
            connection = sqlite3.connect(path, timeout=BUSY_SECONDS)
            for pragma in ("journal_mode=WAL", "synchronous=NORMAL"):
                connection.execute(f"PRAGMA {pragma}")
            connection.execute(SCHEMA)
            self._connections[model_hash] = connection
        return self._connections[model_hash]


@contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise FileNotAccepted("The folder for vectors cannot be used; is there room for them?") from error
