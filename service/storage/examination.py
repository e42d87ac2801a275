"""Whether a database is whole, and what is in it, as one number."""

from dataclasses import dataclass

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from service.errors import StorageUnavailable
from service.storage.content_digest import content_digest
from service.storage.database import Database
from service.storage.invariants import broken_invariants, sqlite_faults
from service.storage.schema import newest_schema


@dataclass(frozen=True, kw_only=True)
class Examination:
    """What was found.

    Args:
        problems: one line each, without any text of the user.
        digest: of the content; None if it cannot be read.
    """

    problems: list[str]
    digest: str | None


def examine(database: Database) -> Examination:
    """Checks one state of the database, while others may go on writing.

    Raises:
        StorageUnavailable: the database cannot be reached.
    """
    if database.path is not None and not database.path.exists():
        return Examination(problems=["schema: there is no database yet; themecoder migrate makes it"], digest=None)
    problems: list[str] = []
    try:
        with database.read() as connection:
            digest = _examine(connection, problems)
    except StorageUnavailable as error:
        # An operational one is of the surroundings, such as a lock or a full disk; another is of the file itself.
        if not database.is_sqlite or isinstance(error.__cause__, OperationalError):
            raise
        return Examination(problems=[*problems, "integrity_check: the file cannot be read"], digest=None)
    return Examination(problems=problems, digest=digest)


def _examine(connection: Connection, problems: list[str]) -> str | None:
    if connection.dialect.name == "sqlite":
        problems.extend(sqlite_faults(connection))
    schema, newest = MigrationContext.configure(connection).get_current_revision(), newest_schema()
    if schema != newest:
        problems.append(f"schema: it is {schema or 'none'}, and this program needs {newest}")
        return None
    problems.extend(broken_invariants(connection))
    return content_digest(connection)
