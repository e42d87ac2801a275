"""The model that a run is pinned to."""

from models.errors import ModelsError
from service.batch.kinds import GivesUp
from service.encoders import Encoders, LoadedModel
from service.storage.runs import Run


class ModelOfRun:
    """Loads models when they are first needed.

    Args:
        encoders: the configured models.
    """

    def __init__(self, encoders: Encoders) -> None:
        self._encoders = encoders

    def load(self, run: Run) -> LoadedModel:
        """The model that a run is pinned to, or will be.

        Raises:
            GivesUp: it cannot be loaded, or is another one than when the run began.
        """
        try:
            model = self._encoders.load(run.model_key)
        except ModelsError as error:
            raise GivesUp(error.code) from error
        if run.model_version not in (None, model.version) or run.model_hash not in (None, model.encoder.identity.hash):
            raise GivesUp("model_changed")
        return model
