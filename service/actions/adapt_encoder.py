"""Fit a model to a project's codes, and keep the fit only if it proves better."""

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.adaptation import ADAPTATION_VERSION, FOLDS, Comparison, compare_fits, examples_digest, share_of
from models.codebook import Codebook
from models.errors import AdaptationCancelled
from models.model_folder import ADAPTATION, CheckedModelFolder, check_model_folder
from models.suggester import Example
from models.training_set import TrainingSet, judged_texts, training_set
from service.encoders import LoadedModel, transformer_model

if TYPE_CHECKING:
    from models.encoder_fitting import FittedEncoder

Progress = Callable[[float], object]

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
    made_at: datetime | None = None,
    seed: int = 0,
    progress: Progress = lambda _share: None,
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
        made_at: when, for the manifest; None leaves it out, so that equal fits give equal folders.
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

    # Imported here because torch takes seconds.
    from models.encoder_fitting import FittedEncoder, fit_encoder

    def fit(training: TrainingSet, told: Progress) -> FittedEncoder:
        return fit_encoder(folder, training, name=f"{model.key}-adapted", seed=seed, progress=told)

    comparison = compare_fits(
        codebook,
        examples,
        model.encoder,
        fit,
        seed=seed,
        progress=lambda share: unless_cancelled(share * FOLDS / (FOLDS + 1)),
    )
    if comparison is None or not comparison.is_better:
        return AdaptedModel(model=model, is_kept=False, comparison=comparison)
    training = training_set(codebook, judged_texts(codebook, examples, seed))
    fitted = fit(training, share_of(unless_cancelled, FOLDS, FOLDS + 1))
    manifest = {
        "format": FORMAT,
        "method": ADAPTATION_VERSION,
        "made_at": made_at.isoformat() if made_at is not None else None,
        "base": {"name": model.key, "sha256": folder.sha256},
        "seed": seed,
        "codebook_version": codebook.version,
        "examples_sha256": examples_digest(codebook, examples, seed),
        "comparison": asdict(comparison),
    }
    adapted = _kept(fitted, target, manifest)
    return AdaptedModel(model=adapted, is_kept=True, comparison=comparison)


def _kept(fitted: "FittedEncoder", target: Path, manifest: Mapping[str, Any]) -> LoadedModel:
    """The fitted model as it is loaded from its folder, which is there whole or not at all."""
    with tempfile.TemporaryDirectory(prefix=".themecoder-", dir=target.parent) as work:
        place = fitted.write(Path(work) / "model").path
        (place / ADAPTATION).write_text(json.dumps(manifest, indent=2) + "\n", encoding="ascii")
        place.rename(target)
    return transformer_model(check_model_folder(target), fitted.identity.name)
