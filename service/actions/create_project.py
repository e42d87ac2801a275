"""Create a project."""

from models.codebook import Codebook
from service.storage.database import Database
from service.storage.projects import Project, add_project, project


def create_project(
    database: Database, *, name: str, codebook: Codebook, external_id: str | None = None, note: str = ""
) -> Project:
    """A new project with this codebook, one open assisted round and a coding set that all share.

    Raises:
        AlreadyThere: another project has this external id.
        StorageUnavailable: nothing was stored.
    """
    with database.write() as connection:
        project_id = add_project(
            connection,
            external_id=external_id,
            name=name,
            note=note,
            codebook=codebook.to_json(),
            codebook_digest=codebook.version,
        )
        return project(connection, project_id)
