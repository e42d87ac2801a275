"""Whether the folders of fitted models are those that the database tells of."""

from collections.abc import Iterator

from models.errors import ModelFolderMissing, ModelUnavailable
from service.encoders import Encoders
from service.storage.adaptations import kept_models, projects_being_fitted
from service.storage.database import Database


def fitted_model_problems(database: Database, encoders: Encoders) -> Iterator[str]:
    """One line for each folder that is missing, damaged or of no adaptation; the schema must be the newest.

    Raises:
        StorageUnavailable: the database cannot be read.
    """
    there = encoders.fitted_folders.there()
    with database.read() as connection:
        kept, busy = kept_models(connection), projects_being_fitted(connection)
    for (project_id, model_hash), number in kept.items():
        try:
            encoders.checked_fitted_folder(project_id, model_hash)
        except ModelFolderMissing:
            yield f"fitted_models: the folder of adaptation {number} of project {project_id} is missing"
        except ModelUnavailable:
            yield f"fitted_models: the folder of adaptation {number} of project {project_id} is damaged"
    # What a worker makes just now belongs to none yet.
    strange = sum(named not in kept and named[0] not in busy for named in there)
    if strange:
        yield f"fitted_models: folders of no adaptation below models in the data folder: {strange}"
