"""The state of the schema: which it is, which it should be, and the way there."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from service.errors import CannotStart
from service.storage.data_folder import make_folder
from service.storage.database import Database

MIGRATIONS = Path(__file__).parent / "migrations"


def current_schema(database: Database) -> str | None:
    """The revision of the database, None for an empty one.

    Raises:
        StorageUnavailable: it cannot be read.
    """
    with database.read() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest_schema() -> str:
    """The revision that this program needs."""
    head = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    assert head is not None  # noqa: S101 - there is always a first migration
    return head


def is_known(revision: str) -> bool:
    """Whether this program or an older one made databases of this revision."""
    return revision in {known.revision for known in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}


def migrate(database: Database) -> tuple[str | None, str]:
    """Brings the database to the newest schema, in one transaction: wholly or not at all.

    Returns:
        The revision before, and the one now.

    Raises:
        CannotStart: the database is of a newer program than this one.
        StorageUnavailable: it cannot be written.
    """
    if database.path is not None:
        make_folder(database.path.parent)
    with database.write() as connection:
        before = MigrationContext.configure(connection).get_current_revision()
        if before is not None and not is_known(before):
            raise CannotStart("The database was written by a newer version of themecoder.")
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        after = MigrationContext.configure(connection).get_current_revision()
    return before, str(after)
