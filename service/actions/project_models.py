"""Which model a project uses: the default one, or one that was fitted to its codes."""

import re

from models.errors import ModelFolderMissing, ModelUnavailable
from service.encoders import Encoders, LoadedModel
from service.errors import AdaptationUnavailable
from service.storage.adaptations import adaptation, model_choice
from service.storage.database import Database

# No configured model can have such a key.
ADAPTATION_KEY = re.compile(r"adaptation/([1-9][0-9]{0,9})")


def adaptation_key(number: int) -> str:
    """What a project's fitted model is called where other models go by their keys."""
    return f"adaptation/{number}"


def unavailable(number: int, error: ModelUnavailable) -> AdaptationUnavailable:
    """The error that says why a fitted model cannot be used, and how to go on without it."""
    what = "is missing" if isinstance(error, ModelFolderMissing) else "is damaged"
    return AdaptationUnavailable(
        f"The folder of adaptation {number} {what}. Put it back, or have the project use another adaptation or, with "
        "null, the default model: PUT /v1/projects/{project_id}/model."
    )


class ProjectModels:
    """Gives the models of projects, loaded; never another one than the one that was asked for.

    Args:
        database: where projects are.
        encoders: the configured models.
    """

    def __init__(self, database: Database, encoders: Encoders) -> None:
        self._database = database
        self._encoders = encoders

    def key_in_use(self, project_id: int) -> str:
        """The key of the model that the project uses."""
        with self._database.read() as connection:
            number = model_choice(connection, project_id).adaptation
        return self._encoders.default_key if number is None else adaptation_key(number)

    def in_use(self, project_id: int) -> LoadedModel:
        """The model that the project uses.

        Raises:
            ModelNotReady: the default one is not loaded.
            AdaptationUnavailable: the folder of the fitted one is missing or damaged.
        """
        key = self.key_in_use(project_id)
        return self._fitted(project_id, key) or self._encoders.get(key)

    def load(self, project_id: int, key: str | None) -> LoadedModel:
        """A model by its key, loaded now.

        Raises:
            ModelUnknown: no such key is configured.
            ModelsError: a subclass says why it cannot be loaded.
            AdaptationUnavailable: the folder of the fitted one is missing or damaged.
        """
        return self._fitted(project_id, key) or self._encoders.load(key)

    def _fitted(self, project_id: int, key: str | None) -> LoadedModel | None:
        named = ADAPTATION_KEY.fullmatch(key or "")
        if named is None:
            return None
        number = int(named[1])
        with self._database.read() as connection:
            model_hash = str(adaptation(connection, project_id, number).model_hash)
        try:
            return self._encoders.fitted(adaptation_key(number), project_id, model_hash)
        except ModelUnavailable as error:
            raise unavailable(number, error) from error
