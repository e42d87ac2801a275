"""Codebooks of projects, read once: a version of a codebook never changes."""

import threading
from collections import OrderedDict
from collections.abc import Collection

from models.codebook import Codebook, codebook_from_json
from service.storage.database import Database
from service.storage.projects import codebook_content

KEPT = 64


class KnownCodebooks:
    """The codebooks that were asked for last.

    Args:
        database: where they are kept.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: OrderedDict[int, tuple[Codebook, frozenset[str]]] = OrderedDict()
        self._lock = threading.Lock()

    def codebook(self, version_id: int) -> Codebook:
        """The codebook of this version.

        Raises:
            StorageUnavailable: the database cannot be read.
        """
        return self._get(version_id)[0]

    def active_codes(self, version_id: int) -> Collection[str]:
        """The codes of this version that people may set: active themselves, and so is every code above them."""
        return self._get(version_id)[1]

    def _get(self, version_id: int) -> tuple[Codebook, frozenset[str]]:
        with self._lock:
            if version_id in self._known:
                self._known.move_to_end(version_id)
                return self._known[version_id]
        with self._database.read() as connection:
            codebook = codebook_from_json(codebook_content(connection, version_id))
        active = frozenset(code.id for code in codebook.codes if all(above.active for above in codebook.path(code.id)))
        with self._lock:
            self._known[version_id] = (codebook, active)
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        return codebook, active
