"""``themecoder suggest``: results to a file, everything else to stderr."""

from functools import partial
from pathlib import Path
from typing import Any, get_args

import click

from models.codebook import BUILT_IN, MAX_CODES
from models.context import ContextUse
from models.suggester import DEFAULT_TOP_K
from service.cli.fitting import as_it_is, fitting
from service.cli.guard import FILE, read_settings, says_what_went_wrong, stopping_tidily
from service.cli.progress import progress_of_steps
from service.encoders import Encoders, LoadedModel


@click.command()
@click.argument("source", metavar="INPUT", type=FILE)
@click.option("--codebook", required=True, help=f"{', '.join(BUILT_IN)}, or a .json file.")
@click.option(
    "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="A .jsonl, .csv or .parquet file."
)
@click.option("--examples", type=FILE, help="Coded segments (.jsonl) to learn from.")
@click.option("--reference", type=FILE, help="Segments that stand for the whole corpus, instead of INPUT.")
@click.option(
    "--context",
    type=click.Choice(get_args(ContextUse)),
    default="neighbours",
    show_default=True,
    help="Whether the turns directly before and after count, where paragraph numbers or a .txt file show which.",
)
@click.option(
    "--top-k",
    type=click.IntRange(0, MAX_CODES),
    default=DEFAULT_TOP_K,
    show_default=True,
    help="Leaves for each segment; 0 means all.",
)
@click.option(
    "--min-score", type=click.FloatRange(0, 1), help="Withhold suggestions below this score; 0 withholds nothing."
)
@click.option(
    "--cache", type=click.Path(file_okay=False, path_type=Path), help="Folder that keeps vectors for next time."
)
@click.option("--resume", is_flag=True, help="Keep what is done until all is, and go on from there.")
@click.option("--adapt", is_flag=True, help="Fit the model to --examples first, and use it if it is better for them.")
@click.option("--model", help="Key of a configured model (default: THEMECODER_MODEL).")
@says_what_went_wrong
def suggest(  # noqa: PLR0913 - each is one option
    source: Path,
    codebook: str,
    output: Path,
    examples: Path | None,
    reference: Path | None,
    context: Any,
    top_k: int,
    min_score: float | None,
    cache: Path | None,
    resume: bool,
    adapt: bool,
    model: str | None,
) -> None:
    """Suggest codes for every segment of INPUT: .jsonl, .csv or .parquet with texts and ids, or a .txt transcript."""
    from service.actions.suggest_file import naming_file, suggest_file
    from service.formats.codebook_files import read_codebook

    if adapt and examples is None:
        raise click.UsageError("--adapt learns from --examples, and there are none.")
    encoders = Encoders(read_settings())

    def load_model() -> LoadedModel:
        click.echo("Loading the model …", err=True)
        return encoders.load(model)

    with naming_file("--codebook"):
        tree = read_codebook(codebook)
    with stopping_tidily(), fitting(encoders) as fit, progress_of_steps() as told:
        written = suggest_file(
            source,
            output,
            tree,
            load_model,
            examples=examples,
            reference=reference,
            context=context,
            top_k=top_k,
            min_score=min_score,
            cache=cache,
            resume=resume,
            adapt=fit if adapt else as_it_is,
            progress=partial(told, "segments encoded"),
        )
    click.echo(f"{written} {'row' if written == 1 else 'rows'} written to {output}", err=True)
