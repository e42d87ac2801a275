"""``themecoder evaluate``: the model against human coding; the learning curve to stdout."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from models.codebook import BUILT_IN
from models.context import ContextUse
from service.cli.fitting import fitting
from service.cli.guard import FILE, read_settings, says_what_went_wrong, stopping_tidily
from service.cli.progress import progress_of_steps
from service.encoders import Encoders, LoadedModel

if TYPE_CHECKING:
    from service.actions.run_protocol import Evaluated

NEW_FILE = click.Path(dir_okay=False, path_type=Path)
PROTOCOLS = ("shots", "leave-one-document-out", "leave-one-site-out")
MOST_SHOTS = 1_000
MOST_DRAWS = 100
MOST_SEED = 2**32 - 1


class Shots(click.ParamType[tuple[int, ...]]):
    """Numbers divided by commas."""

    name = "numbers"

    def convert(
        self, value: str | tuple[int, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """The numbers, in the order given."""
        if isinstance(value, tuple):
            return value
        parts = [part.strip() for part in value.split(",")]
        if not all(part.isascii() and part.isdigit() and int(part) <= MOST_SHOTS for part in parts):
            self.fail(f"must be numbers from 0 to {MOST_SHOTS} divided by commas.", param, ctx)
        return tuple(int(part) for part in parts)


@click.command()
@click.argument("source", metavar="CODED", type=FILE)
@click.option("--codebook", required=True, help=f"{', '.join(BUILT_IN)}, or a .json file.")
@click.option(
    "--protocol", type=click.Choice(PROTOCOLS), default="shots", show_default=True, help="What is tested on what."
)
@click.option(
    "--shots",
    type=Shots(),
    default="0,1,2,4,8,16",
    show_default=True,
    help="Examples of each code; 0 is without any.",
)
@click.option(
    "--draws", type=click.IntRange(1, MOST_DRAWS), default=5, show_default=True, help="How often examples are drawn."
)
@click.option(
    "--split",
    type=click.Choice(("document", "random")),
    default="document",
    show_default=True,
    help="Learn on one half of the documents and test on the other, or draw segments.",
)
@click.option("--coder", help="Whose codings are the truth (default: the only coder, or the consensus of several).")
@click.option(
    "--context",
    type=click.Choice(get_args(ContextUse)),
    default="neighbours",
    show_default=True,
    help="Whether the turns directly before and after count, where CODED has paragraph numbers.",
)
@click.option("--seed", type=click.IntRange(0, MOST_SEED), default=0, show_default=True, help="Of all drawing.")
@click.option("--adapt", is_flag=True, help="Fit the model to the examples first, where it is better for them.")
@click.option("--model", help="Key of a configured model (default: THEMECODER_MODEL).")
@click.option("--predictions", type=NEW_FILE, help="A .jsonl file for all that the machine said.")
@click.option("--json", "json_file", type=NEW_FILE, help="A file for the figures at full precision.")
@click.option("--report", type=NEW_FILE, help="An .html file to read.")
@says_what_went_wrong
def evaluate(  # noqa: PLR0913 - each is one option
    source: Path,
    codebook: str,
    protocol: Any,
    shots: tuple[int, ...],
    draws: int,
    split: Any,
    coder: str | None,
    context: Any,
    seed: int,
    adapt: bool,
    model: str | None,
    predictions: Path | None,
    json_file: Path | None,
    report: Path | None,
) -> None:
    """Say how well suggestions match the human coding of CODED, a .jsonl file of coded segments."""
    from service.actions.evaluate_file import evaluate_file
    from service.actions.run_protocol import Options
    from service.actions.suggest_file import naming_file
    from service.formats.codebook_files import read_codebook
    from service.formats.evaluation_lines import evaluation_lines
    from service.formats.prediction_files import check_predictions_file
    from service.formats.whole_files import keep_from_overwriting

    encoders = Encoders(read_settings())

    def load_model() -> LoadedModel:
        click.echo("Loading the model …", err=True)
        return encoders.load(model)

    options = Options(protocol=protocol, shots=shots, draws=draws, split=split, coder=coder, seed=seed, context=context)
    keep_from_overwriting([predictions, json_file, report], [source, Path(codebook)])
    if predictions is not None:
        check_predictions_file(predictions)
    with naming_file("--codebook"):
        tree = read_codebook(codebook)
    with stopping_tidily():
        with fitting(encoders) as fit, progress_of_steps() as progress:
            evaluated = evaluate_file(source, tree, load_model, options, fit=fit if adapt else None, progress=progress)
        _write(evaluated, predictions, json_file, report)
    for line in _remarks(evaluated.result):
        click.echo(line, err=True)
    for line in evaluation_lines(evaluated.result):
        click.echo(line)


def _write(evaluated: "Evaluated", predictions: Path | None, json_file: Path | None, report: Path | None) -> None:
    from service.actions.suggest_file import naming_file
    from service.formats.evaluation_reports import evaluation_report
    from service.formats.prediction_files import write_predictions
    from service.formats.whole_files import write_json, write_text

    if predictions is not None:
        with naming_file("--predictions"):
            write_predictions(predictions, evaluated.ids, evaluated.study, evaluated.predictions)
    if json_file is not None:
        with naming_file("--json"):
            write_json(json_file, evaluated.result)
    if report is not None:
        with naming_file("--report"):
            write_text(report, evaluation_report(evaluated.result))


def _remarks(result: dict[str, Any]) -> Iterator[str]:
    yield from result["notes"]
    yield from result["main"]["warnings"]
    for one in result["shortages"]:
        if one["shots"] == result["main"]["shots"]:
            yield f"{one['code']}: {one['least']} to {one['most']} examples instead of {one['shots']}"
