"""Fit a model to a project's codes, and keep the fit only if it proves better."""

import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from models.adaptation import ADAPTATION_VERSION, FOLDS, Comparison, compare_fits, examples_digest, share_of
from models.codebook import Codebook
from models.encoder import TextEncoder
from models.errors import AdaptationCancelled
from models.model_folder import CheckedModelFolder, check_model_folder
from models.reference import shipped_background
from models.suggester import Example
from models.training_set import TrainingSet, judged_texts, training_set
from service.encoders import LoadedModel

MANIFEST = "adaptation.json"
FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class AdaptedModel:
    """What became of an attempt to fit a model.

    Attributes:
        model: the fitted one if it was kept, else the one before.
        is_kept: whether it is the fitted one.
        comparison: of fitted encoders with the one before; None if there were too few examples to tell.
    """

    model: LoadedModel
    is_kept: bool
    comparison: Comparison | None


def adapted_model(  # noqa: PLR0913 - what a fit rests on, where it goes, and who is told
    codebook: Codebook,
    examples: Sequence[Example],
    model: LoadedModel,
    folder: CheckedModelFolder,
    target: Path,
    *,
    made_at: datetime,
    seed: int = 0,
    progress: Callable[[float], object] = lambda _share: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> AdaptedModel:
    """The model fitted to the examples, if that is better for examples held out; else the model as it is.

    A fit that is kept is a model folder like any other, with a manifest beside the weights: going back to the
    model before is using that one. Vectors of the two are told apart by the hash of their encoders.

    Args:
        codebook: the tree.
        examples: coded segments.
        model: the model as it is.
        folder: its folder.
        target: where the folder of the fitted model goes, if it is kept; there must be none. It is there whole
            or not at all.
        made_at: when, for the manifest.
        seed: of the fit.
        progress: called after each step with the share of the work that is done, 0 to 1.
        is_cancelled: asked after each step.

    Raises:
        AdaptationCancelled: ``is_cancelled`` said so. Nothing is left behind.
        ModelsError: an example or encoder error.
    """

    def unless_cancelled(share: float) -> None:
        if is_cancelled():
            raise AdaptationCancelled
        progress(share)

    with tempfile.TemporaryDirectory(prefix=".themecoder-", dir=target.parent) as work:
        fitting = _Fitting(folder, Path(work), seed, f"{model.key}-adapted")
        comparison = compare_fits(
            codebook,
            examples,
            model.encoder,
            fitting.encoder,
            seed=seed,
            progress=lambda share: unless_cancelled(share * FOLDS / (FOLDS + 1)),
        )
        if comparison is None or not comparison.is_better:
            return AdaptedModel(model=model, is_kept=False, comparison=comparison)
        training = training_set(codebook, judged_texts(codebook, examples, seed))
        fitted = fitting.folder(training, share_of(unless_cancelled, FOLDS, FOLDS + 1))
        manifest = {
            "format": FORMAT,
            "method": ADAPTATION_VERSION,
            "made_at": made_at.isoformat(),
            "base": {"name": model.key, "sha256": folder.sha256},
            "seed": seed,
            "codebook_version": codebook.version,
            "examples_sha256": examples_digest(codebook, examples, seed),
            "comparison": asdict(comparison),
        }
        (fitted.path / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="ascii")
        encoder = _encoder(check_model_folder(fitted.path), fitting.name)
        fitted.path.rename(target)
    adapted = LoadedModel(key=fitting.name, encoder=encoder, background=shipped_background(encoder))
    return AdaptedModel(model=adapted, is_kept=True, comparison=comparison)


class _Fitting:
    """Makes fitted models in a folder of work."""

    def __init__(self, base: CheckedModelFolder, work: Path, seed: int, name: str) -> None:
        self.name = name
        self._base = base
        self._work = work
        self._seed = seed

    def encoder(self, training: TrainingSet, progress: Callable[[float], object]) -> TextEncoder:
        """A fitted encoder that leaves no folder."""
        fitted = self.folder(training, progress)
        encoder = _encoder(fitted, self.name)
        shutil.rmtree(fitted.path)
        return encoder

    def folder(self, training: TrainingSet, progress: Callable[[float], object]) -> CheckedModelFolder:
        """The folder of a fitted model."""
        # Imported here, as below, because torch takes seconds.
        from models.encoder_fitting import fit_encoder

        return fit_encoder(self._base, training, self._work / "model", seed=self._seed, progress=progress)


def _encoder(folder: CheckedModelFolder, name: str) -> TextEncoder:
    from models.transformer_encoder import TransformerEncoder

    return TransformerEncoder(folder, name=name)
