"""What ``--adapt`` does: fits a model for the time of a command, and says how that went."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from models.codebook import Codebook
from models.suggester import Example
from service.actions.adapt_encoder import AdaptedModel, adapted_model
from service.cli.progress import progress_of_steps
from service.encoders import Encoders, LoadedModel

STEP = "Fitting, in percent"
Fitting = Callable[[LoadedModel, Codebook, Sequence[Example]], LoadedModel]


def as_it_is(model: LoadedModel, _codebook: Codebook, _examples: Sequence[Example]) -> LoadedModel:
    """The model as it is."""
    return model


@contextmanager
def fitting(encoders: Encoders) -> Iterator[Fitting]:
    """A function that gives the fitted model where that is better; its files are gone when the block ends."""
    with tempfile.TemporaryDirectory(prefix="themecoder-") as place:

        def fitted(model: LoadedModel, codebook: Codebook, examples: Sequence[Example]) -> LoadedModel:
            folder = encoders.checked_folder(model.key)
            target = Path(tempfile.mkdtemp(dir=place)) / "model"
            click.echo("Fitting the model …", err=True)
            with progress_of_steps() as show:
                show(STEP, 0, 100)
                outcome = adapted_model(
                    codebook, examples, model, folder, target, progress=lambda share: show(STEP, int(100 * share), 100)
                )
            click.echo(_verdict(outcome), err=True)
            return outcome.model

        yield fitted


def _verdict(outcome: AdaptedModel) -> str:
    found = outcome.comparison
    if found is None:
        return "Too few examples to tell whether fitting the model helps: it is used as it is."
    figures = (
        f"on {found.examples} held-out examples a right code is first for {found.frozen.hit_at_1:.0%} with the model "
        f"as it is and {found.adapted.hit_at_1:.0%} with fitted ones, among the first three for "
        f"{found.frozen.hit_at_3:.0%} and {found.adapted.hit_at_3:.0%} (mean reciprocal rank "
        f"{found.frozen.reciprocal_rank:.3f} and {found.adapted.reciprocal_rank:.3f}, difference "
        f"{found.difference:+.3f}, standard error {found.standard_error:.3f})"
    )
    return f"The fitted model is used: {figures}." if outcome.is_kept else f"The model is used as it is: {figures}."
