"""The model that a run is pinned to."""

from models.errors import ModelsError
from service.actions.project_models import ProjectModels
from service.batch.kinds import GivesUp
from service.encoders import Encoders, LoadedModel
from service.errors import AdaptationUnavailable
from service.storage.database import Database
from service.storage.runs import Run


class ModelOfRun:
    """Loads models when they are first needed.

    Args:
        database: says which models were fitted to projects.
        encoders: the configured models.
    """

    def __init__(self, database: Database, encoders: Encoders) -> None:
        self._models = ProjectModels(database, encoders)

    def load(self, run: Run) -> LoadedModel:
        """The model that a run is pinned to, or will be.

        Raises:
            GivesUp: it cannot be loaded, or is another one than when the run began.
        """
        try:
            model = self._models.load(run.project_id, run.model_key)
        except AdaptationUnavailable as error:
            raise GivesUp(error.code, detail=error.detail) from error
        except ModelsError as error:
            raise GivesUp(error.code) from error
        if run.model_version not in (None, model.version) or run.model_hash not in (None, model.encoder.identity.hash):
            raise GivesUp("model_changed")
        return model
