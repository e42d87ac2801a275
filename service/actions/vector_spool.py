"""Vectors on disk between two passes over a file."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Self

import numpy as np

from models.encoder import Vectors
from service.errors import FileNotAccepted, InternalError

BYTES_PER_NUMBER = 4


class VectorSpool:
    """Keeps vectors in a file without a name, which is gone with the process, however that ends.

    Raises:
        InternalError: temporary files cannot be written.
    """

    def __init__(self) -> None:
        with _reported():
            self._file = tempfile.TemporaryFile(prefix="themecoder-")  # noqa: SIM115 - closed in __exit__

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        # Closing a file on a full disk fails like writing it; nobody needs what it held any more.
        with suppress(OSError):
            self._file.close()

    def write(self, vectors: Vectors) -> None:
        """Appends vectors, shape (any, dimension), float32."""
        with _reported():
            self._file.write(vectors.tobytes())

    def rewind(self) -> None:
        """Goes back to the first vector."""
        with _reported():
            self._file.seek(0)

    def read(self, count: int, dimension: int) -> Vectors:
        """The next vectors, shape (count, dimension).

        Raises:
            FileNotAccepted: fewer were written, so there are more segments than there were.
        """
        size = count * dimension * BYTES_PER_NUMBER
        with _reported():
            data = self._file.read(size)
        if len(data) != size:
            raise FileNotAccepted("The input file changed while it was read.")
        return np.frombuffer(data, dtype=np.float32).reshape(count, dimension)


@contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InternalError("Temporary files cannot be written; is there room for them?") from error
