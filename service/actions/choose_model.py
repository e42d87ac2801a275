"""Have a project use a fitted model, or go back to the default one."""

from models.errors import ModelUnavailable
from service.actions.project_models import unavailable
from service.encoders import Encoders
from service.errors import AdaptationNotKept, NotFound, VersionChanged
from service.storage import adaptations
from service.storage.adaptations import ModelChoice, model_choice
from service.storage.database import Database
from service.storage.projects import hold_project


def choose_model(
    database: Database, encoders: Encoders, project_id: int, number: int | None, *, version: int | None = None
) -> ModelChoice:
    """What the project uses now; suggestions that wait stay until others are made in their place.

    Args:
        database: where the project is.
        encoders: the configured models.
        project_id: which one.
        number: of one of its adaptations; None means the default model.
        version: of the choice that is to be replaced; None means any.

    Raises:
        NotFound: the project has no such adaptation.
        AdaptationNotKept: it has no weights.
        AdaptationUnavailable: its folder is missing or damaged.
        VersionChanged: somebody has chosen meanwhile.
        StorageUnavailable: nothing was changed.
    """
    chosen = None if number is None else _usable(database, encoders, project_id, number)
    with database.write() as connection:
        hold_project(connection, project_id)
        before = model_choice(connection, project_id)
        if version not in (None, before.version):
            raise VersionChanged
        if before.adaptation != number:
            adaptations.choose_model(connection, project_id, chosen)
        return model_choice(connection, project_id)


def _usable(database: Database, encoders: Encoders, project_id: int, number: int) -> int:
    with database.read() as connection:
        try:
            found = adaptations.adaptation(connection, project_id, number)
        except NotFound as error:
            raise NotFound(error.detail, place="adaptation") from error
    if found.model_hash is None:
        raise AdaptationNotKept(place="adaptation")
    try:
        encoders.checked_fitted_folder(project_id, found.model_hash)
    except ModelUnavailable as error:
        raise unavailable(number, error) from error
    return found.id
