"""Compare the coders of a file of coded segments."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.codebook import Codebook
from models.coder_comparison import compare_coders
from service.actions.suggest_file import naming_file
from service.errors import FieldNotValid
from service.formats.coded_rows import CodedTable, coded_table, read_coded_rows

LEAST_CODERS = 2


def compare_coders_of_file(
    source: Path, codebook: Codebook | None, *, coders: Sequence[str] | None = None, seed: int = 0
) -> dict[str, Any]:
    """The agreement of the coders of a file.

    Args:
        source: coded segments; texts are not needed.
        codebook: the tree; without it codes go by their ids.
        coders: which coders; None for all that the file names.
        seed: of the resampling.

    Returns:
        What :func:`models.coder_comparison.compare_coders` gives, and ``notes``: what was left out, with the lines.

    Raises:
        FieldNotValid: a coder is not in the file, there are fewer than two, or no two have a segment in common;
            a row has an unknown code, or contradicts another.
        InputError: a subclass says what is wrong in the file, and in which line.
    """
    with naming_file("CODED"):
        known = [code.id for code in codebook.codes] if codebook is not None else None
        table = coded_table(read_coded_rows(source, needs_text=False), known, needs_text=False)
    chosen = table.codings.of(chosen_coders(table, coders))
    if not len(chosen.compared):
        raise FieldNotValid("No segment was looked at by two of the coders.", place="--coders")
    return {**compare_coders(chosen, codebook, seed=seed), "notes": list(table.notes)}


def chosen_coders(table: CodedTable, coders: Sequence[str] | None) -> tuple[str, ...]:
    """The coders to compare, each once.

    Raises:
        FieldNotValid: one of them is not in the file, or there are fewer than two.
    """
    there = table.codings.coders
    wanted = there if coders is None else tuple(dict.fromkeys(coders))
    for number, coder in enumerate(wanted, start=1):
        if coder not in there:
            raise FieldNotValid("No row of the file has this coder.", place=f"--coders, name {number}")
    if len(wanted) < LEAST_CODERS:
        raise FieldNotValid("Agreement needs two coders or more.", place="--coders")
    return wanted
