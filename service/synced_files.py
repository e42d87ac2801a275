"""Files that are on the disk itself before anybody rests on them."""

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Comes back once a file, or the names in a folder, are on the disk.

    Raises:
        OSError: they cannot be written.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
