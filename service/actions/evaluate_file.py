"""Evaluate the suggester on a file of coded segments."""

from collections.abc import Callable
from pathlib import Path

from models.codebook import Codebook
from service.actions.run_protocol import Check, Evaluated, Fit, Options, Progress, run_protocol
from service.actions.suggest_file import naming_file
from service.encoders import LoadedModel
from service.formats.coded_rows import coded_table, read_coded_rows


def evaluate_file(
    source: Path,
    codebook: Codebook,
    load_model: Callable[[], LoadedModel],
    options: Options,
    *,
    fit: Fit | None = None,
    progress: Progress = lambda _what, _done, _all: None,
    check: Check = lambda: None,
) -> Evaluated:
    """Evaluates the suggester on the coded segments of a file; see :func:`run_protocol`.

    Raises:
        InputError: a subclass says what is wrong in the file, and in which line; a note names the file.
        ModelsError: the model cannot be loaded, or an encoder error.
    """
    with naming_file("CODED"):
        table = coded_table(read_coded_rows(source), [code.id for code in codebook.codes])
        return run_protocol(table, codebook, load_model, options, fit=fit, progress=progress, check=check)
