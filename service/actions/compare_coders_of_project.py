"""Compare the coders of a project."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from models.coder_comparison import compare_coders
from models.codings import Codings, depth
from service.actions.project_codings import coded_project
from service.errors import FieldNotValid
from service.storage.database import Database
from service.storage.references import Ref

LEAST_CODERS = 2


def compare_coders_of_project(
    database: Database,
    ref: Ref,
    *,
    coders: Sequence[str] | None = None,
    codes: Sequence[str] | None = None,
    level: int | None = None,
) -> dict[str, Any]:
    """The agreement of the coders of a project.

    Args:
        database: where it is.
        ref: which project.
        coders: names of coders as exports have them; None for all that have looked at a segment.
        codes: ids of codes; the figures are about these and those below them alone. None for all.
        level: of this level of the tree only, 1 for themes.

    Returns:
        What :func:`models.coder_comparison.compare_coders` gives, and ``notes``.

    Raises:
        NotFound: there is no such project.
        FieldNotValid: a coder or code is not in the project, the tree has no such level, there are fewer than two
            coders, or no two have a segment in common.
    """
    found = coded_project(database, ref)
    if level is not None and level > depth(found.codebook):
        raise FieldNotValid("The coding tree has no such level.", place="level")
    chosen = found.table.codings.of(_coders(found.table.codings, coders))
    if codes is not None:
        for code in codes:
            if code not in found.codebook:
                raise FieldNotValid("The project's codebook has no code of this id.", place="codes")
        chosen = _only(
            chosen, [one for one in chosen.codes if {*codes} & {step.id for step in found.codebook.path(one)}]
        )
    if not len(chosen.compared):
        raise FieldNotValid("No segment was looked at by two of the coders.", place="coders")
    return {**compare_coders(chosen, found.codebook, level=level), "notes": list(found.table.notes)}


def _coders(codings: Codings, coders: Sequence[str] | None) -> tuple[str, ...]:
    wanted = codings.coders if coders is None else _named(codings.coders, coders)
    if len(wanted) < LEAST_CODERS:
        raise FieldNotValid("Agreement needs two coders or more who have looked at segments.", place="coders")
    return wanted


def _named(there: Sequence[str], coders: Sequence[str]) -> tuple[str, ...]:
    if any(coder not in there for coder in coders):
        raise FieldNotValid("The project has no coder of this name who has looked at a segment.", place="coders")
    return tuple(dict.fromkeys(coders))


def _only(codings: Codings, codes: Sequence[str]) -> Codings:
    """The other codes count as not applied, so that the columns stay those of the codebook."""
    kept = np.array([code in set(codes) for code in codings.codes], dtype=bool)
    return Codings(
        coders=codings.coders,
        codes=codings.codes,
        applied=codings.applied & kept,
        seen=codings.seen,
        documents=codings.documents,
    )
