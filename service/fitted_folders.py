"""Where fitted models lie: below the data folder, a folder for each project, there whole or not at all."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.errors import ModelFolderRefused
from service.synced_files import sync

HASH = re.compile(r"[0-9a-f]{64}")
PROJECT = re.compile(r"project-([1-9][0-9]{0,18})")
# What is not finished, or was left behind by a program that was killed.
UNFINISHED = ".fitting-"


class FittedFolders:
    """The folders of all fitted models, each named by its project and its hash.

    Whoever works on projects needs the same ones: with workers on several machines, the folder is one that all share.

    Args:
        root: the folder that holds them; made for its owner alone when it is first needed.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def place(self, project_id: int, model_hash: str) -> Path:
        """Where the folder of a model is, if it is there; never outside of ours.

        Args:
            project_id: whose it is.
            model_hash: hex SHA-256 of the folder.

        Raises:
            ModelFolderRefused: this is no hash.
        """
        if not HASH.fullmatch(model_hash):
            raise ModelFolderRefused(".: what should name the folder is no hash")
        return self._of(project_id) / model_hash

    @contextmanager
    def unfinished(self, project_id: int) -> Iterator[Path]:
        """A hidden folder to make a model in, which is gone when the block ends.

        Raises:
            OSError: it cannot be made.
        """
        self._of(project_id).mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=self._of(project_id)) as place:
            yield Path(place)

    def keep(self, made: Path, project_id: int, model_hash: str) -> None:
        """Gives a folder that was made in :meth:`unfinished` its name, once all of it is on the disk.

        Raises:
            OSError: it cannot be written, or there is one of this name.
        """
        for path in sorted(made.rglob("*"), reverse=True):
            sync(path)
        sync(made)
        made.rename(self.place(project_id, model_hash))
        sync(self._of(project_id))

    def drop(self, project_id: int, model_hash: str) -> None:
        """Deletes the folder of a model, if it is there."""
        shutil.rmtree(self.place(project_id, model_hash), ignore_errors=True)

    def drop_unfinished(self, project_id: int) -> None:
        """Deletes what was begun for a project and never got its name."""
        for path in self._of(project_id).glob(f"{UNFINISHED}*"):
            shutil.rmtree(path, ignore_errors=True)

    def there(self) -> dict[tuple[int, str], Path]:
        """Everything that lies there, by project and name."""
        found: dict[tuple[int, str], Path] = {}
        for folder in sorted(self._root.iterdir()) if self._root.is_dir() else ():
            named = PROJECT.fullmatch(folder.name)
            if named and folder.is_dir():
                found |= {(int(named[1]), path.name): path for path in sorted(folder.iterdir())}
        return found

    def _of(self, project_id: int) -> Path:
        return self._root / f"project-{project_id}"
