"""The command ``themecoder``: results to a file, everything else to stderr; 0 done, 1 failed, 2 wrong usage."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from models.codebook import BUILT_IN, MAX_CODES
from models.errors import ModelsError
from models.suggester import DEFAULT_TOP_K
from service.encoders import Encoders
from service.errors import CannotStart, ServiceError
from service.settings import Settings

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
Command = Callable[..., None]


def _says_what_went_wrong(command: Command) -> Command:
    """Turns our errors into one line on stderr and exit code 1."""

    @wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except ServiceError as error:
            raise click.ClickException(f"{error} [{error.code}]") from error
        except ModelsError as error:
            places = ", ".join(getattr(error, "places", ()))
            raise click.ClickException(f"{error}{f' ({places})' if places else ''} [{error.code}]") from error

    return guarded


@click.group()
@click.version_option(package_name="themecoder")
def main() -> None:
    """Suggest codes from a codebook for segments of interviews and focus groups, on this machine."""


@main.command()
@click.option("--host", help="Address to listen on (default: THEMECODER_HOST or 127.0.0.1).")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port (default: THEMECODER_PORT or 8000).")
@_says_what_went_wrong
def serve(host: str | None, port: int | None) -> None:
    """Run the service."""
    from service.app import create_app
    from service.http_server import allow_many_connections, build_server
    from service.logging import log_to_stderr

    given = {"host": host, "port": port}
    settings = _settings(**{name: value for name, value in given.items() if value is not None})
    _check_installation()
    log_to_stderr()
    Encoders(settings).check_folders()
    allow_many_connections()
    server = build_server(create_app(settings), settings)
    click.echo(f"themecoder on http://{settings.host}:{settings.port} (Ctrl+C stops it)", err=True)
    server.run()
    if not server.started:
        raise CannotStart("The service could not listen on this address and port.")


@main.command()
@click.argument("source", metavar="INPUT", type=FILE)
@click.option("--codebook", required=True, help=f"{', '.join(BUILT_IN)}, or a .json file.")
@click.option(
    "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="A .jsonl, .csv or .parquet file."
)
@click.option("--examples", type=FILE, help="Coded segments (.jsonl) to learn from.")
@click.option("--reference", type=FILE, help="Segments that stand for the whole corpus, instead of INPUT.")
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
@click.option("--model", help="Key of a configured model (default: THEMECODER_MODEL).")
@_says_what_went_wrong
def suggest(  # noqa: PLR0913 - each is one option
    source: Path,
    codebook: str,
    output: Path,
    examples: Path | None,
    reference: Path | None,
    top_k: int,
    min_score: float | None,
    model: str | None,
) -> None:
    """Suggest codes for every segment of INPUT, a .jsonl, .csv or .parquet file with a text and an id."""
    from service.actions.suggest_file import suggest_file
    from service.formats.codebook_files import read_codebook
    from service.formats.segment_files import count_rows

    tree = read_codebook(codebook)
    click.echo("Loading the model …", err=True)
    loaded = Encoders(_settings()).load(model)
    rows = count_rows(source) + (count_rows(reference) if reference else 0)
    with _progress_bar(rows) as advance:
        written = suggest_file(
            source,
            output,
            tree,
            loaded,
            examples=examples,
            reference=reference,
            top_k=top_k,
            min_score=min_score,
            progress=advance,
        )
    click.echo(f"{written} rows written to {output}", err=True)


@contextmanager
def _progress_bar(rows: int) -> Iterator[Callable[[int], object]]:
    """A bar on a terminal; elsewhere a plain line at most every ten seconds."""
    from tqdm import tqdm

    plain = not sys.stderr.isatty()
    layout = "{desc}: {n_fmt}/{total_fmt} segments, {rate_fmt}\n" if plain else None
    with tqdm(
        total=rows, desc="Encoding", unit="seg", file=sys.stderr, mininterval=10 if plain else 0.2, bar_format=layout
    ) as bar:
        yield bar.update


def _settings(**given: Any) -> Settings:
    try:
        return Settings(**given)
    except ValidationError as error:
        faults = (
            f"{'THEMECODER_' + str(fault['loc'][0]).upper() + ': ' if fault['loc'] else ''}{fault['msg']}"
            for fault in error.errors(include_input=False)
        )
        raise CannotStart("; ".join(faults)) from error


def _check_installation() -> None:
    """Other packages called service or models would silently take the place of ours."""
    owners = packages_distributions()
    for package in ("service", "models"):
        if set(owners.get(package, [])) - {"themecoder"}:
            raise CannotStart(f"The package {package} of themecoder shares its name with another distribution's.")
