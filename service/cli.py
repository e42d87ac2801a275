"""The command ``themecoder``: results to a file, everything else to stderr; 0 done, 1 failed, 2 wrong usage."""

import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError

from models.codebook import BUILT_IN, MAX_CODES
from models.errors import ModelsError
from models.suggester import DEFAULT_TOP_K
from service.encoders import Encoders, LoadedModel
from service.errors import CannotStart, InternalError, ServiceError
from service.settings import Settings

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
PLAIN_PROGRESS_SECONDS = 10
Command = Callable[..., None]
Progress = Callable[[int, int], object]


def _says_what_went_wrong(command: Command) -> Command:
    """Turns errors into one line on stderr and exit code 1."""

    @wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except (ServiceError, ModelsError) as error:
            raise click.ClickException(_line(error)) from error
        except Exception as error:
            # The kind of error and where it arose, not its message: that may quote the input.
            fault = InternalError(f"Something went wrong inside themecoder: {type(error).__name__}, {_origin(error)}.")
            raise click.ClickException(_line(fault)) from error

    return guarded


def _line(error: ServiceError | ModelsError) -> str:
    """``--examples: What is wrong. (line 3, text) [code]``."""
    files = "".join(f"{note}: " for note in getattr(error, "__notes__", ()))
    places = ", ".join(getattr(error, "places", ()))
    return f"{files}{error}{f' ({places})' if places else ''} [{error.code}]"


def _origin(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "place unknown"


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

    # Threads that compute together stay each on a processor of its own: moved onto the same one they wait for
    # each other by time slices. Not for other commands, because a process passes this on to those it starts.
    os.environ.setdefault("OMP_PROC_BIND", "true")
    given = {"host": host, "port": port}
    settings = _settings(**{name: value for name, value in given.items() if value is not None})
    _check_installation()
    log_to_stderr()
    Encoders(settings).check_folders()
    allow_many_connections()
    server = build_server(create_app(settings), settings)
    with _listening_socket(settings) as listening:
        click.echo(f"themecoder on {_address(listening)} (Ctrl+C stops it)", err=True)
        # uvicorn finishes what it is doing, and then passes the Ctrl+C on.
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listening])
    if not server.started:
        raise CannotStart("The service could not start; the lines above say why.")
    # Not by way of the interpreter's own end: a thread that is still loading a model would abort the process then.
    sys.stderr.flush()
    os._exit(0)


def _listening_socket(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        # What stands behind the reason in brackets only says the address again.
        reason = (error.strerror or "").partition(" (")[0]
        raise CannotStart(f"Cannot listen on {settings.host}, port {settings.port}: {reason}.") from error


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


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
    from service.actions.suggest_file import naming_file, suggest_file
    from service.formats.codebook_files import read_codebook

    encoders = Encoders(_settings())

    def load_model() -> LoadedModel:
        click.echo("Loading the model …", err=True)
        return encoders.load(model)

    with naming_file("--codebook"):
        tree = read_codebook(codebook)
    with _stopping_tidily(), _progress() as progress:
        written = suggest_file(
            source,
            output,
            tree,
            load_model,
            examples=examples,
            reference=reference,
            top_k=top_k,
            min_score=min_score,
            progress=progress,
        )
    click.echo(f"{written} {'row' if written == 1 else 'rows'} written to {output}", err=True)


@contextmanager
def _stopping_tidily() -> Iterator[None]:
    """Lets what stops the command by a signal also remove its unfinished files, as Ctrl+C does."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    # Under nohup the end of the terminal is ignored, and stays so.
    ours = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    for number in ours:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, before[number])


@contextmanager
def _progress() -> Iterator[Progress]:
    """A bar on a terminal; elsewhere a plain line at most every ten seconds."""
    if not sys.stderr.isatty():
        yield _plain_progress()
        return
    from tqdm import tqdm

    with tqdm(desc="Encoding", unit=" segments", file=sys.stderr, leave=False, delay=1e-3) as bar:

        def show(encoded: int, total: int) -> None:
            if encoded == 0:
                # What went before, such as loading the model, does not count.
                bar.reset(total)
            bar.update(encoded - bar.n)

        yield show


def _plain_progress() -> Progress:
    last = time.monotonic()

    def show(encoded: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if encoded == 0:
            last = now
        elif encoded < total and now - last >= PLAIN_PROGRESS_SECONDS:
            last = now
            click.echo(f"{encoded} of {total} segments encoded", err=True)

    return show


def _settings(**given: Any) -> Settings:
    try:
        return Settings(**given)
    except SettingsError as error:
        raise CannotStart("A setting that must be JSON is not: THEMECODER_HOSTS or THEMECODER_MODELS.") from error
    except ValidationError as error:
        raise CannotStart("; ".join(map(_fault, error.errors(include_input=False)))) from error


def _fault(fault: ErrorDetails) -> str:
    """What is wrong with a setting, by its name and without its value."""
    message = fault["msg"].removeprefix("Value error, ")
    return f"THEMECODER_{str(fault['loc'][0]).upper()}: {message}" if fault["loc"] else message


def _check_installation() -> None:
    """Other packages called service or models would silently take the place of ours."""
    owners = packages_distributions()
    for package in ("service", "models"):
        if set(owners.get(package, [])) - {"themecoder"}:
            raise CannotStart(f"The package {package} of themecoder shares its name with another distribution's.")
