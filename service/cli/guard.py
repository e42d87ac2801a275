"""What all commands share: settings from the environment, errors as one line, a tidy end."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError

from models.errors import ModelsError
from service.errors import CannotStart, InternalError, ServiceError
from service.settings import Settings

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
Command = Callable[..., None]


def says_what_went_wrong(command: Command) -> Command:
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


@contextmanager
def stopping_tidily() -> Iterator[None]:
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


def read_settings(**given: Any) -> Settings:
    """The settings, with what the command line says before what the environment says.

    Raises:
        CannotStart: a setting is no good.
    """
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
