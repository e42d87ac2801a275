"""What analysts really decided on suggestions: how often they accepted, and whether scores foretold it.

Decisions that were taken with the suggestion in view are anchored by it: people tend to agree with what they are shown.
So figures of assisted decisions say how useful suggestions are, and those of blind ones how right.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.codings import Flags
from models.resampling import RESAMPLES, Floats, Resampling, estimate, estimates, figures_to_json, ratio, undefined
from models.score_measures import BINS, LEAST_IN_BIN

NO_DECISION = "Nothing was decided on."


@dataclass(frozen=True, kw_only=True)
class DecidedSuggestion:
    """One suggestion of which it is known what an analyst makes of it.

    Attributes:
        code: what was suggested.
        score: of the suggestion.
        wanted: whether the analyst applied the code.
        document: the transcript of the segment.
        site: None if it has none.
    """

    code: str
    score: float
    wanted: bool
    document: str
    site: str | None


def decision_figures(
    decided: Sequence[DecidedSuggestion], *, seed: int = 0, resamples: int = RESAMPLES
) -> dict[str, Any]:
    """``{"suggestions", "acceptance", "brier", "brier_of_base_rate", "bins", "codes", "sites", "warnings"}``.

    ``acceptance`` is the share of suggestions whose code the analyst applied, of all, and in ``codes`` and ``sites`` of
    each code and site, those with the lowest first; ``bins`` hold as many suggestions each, by their scores.
    """
    n = len(decided)
    if not n:
        nothing = undefined(NO_DECISION).to_json()
        empty = {"acceptance": nothing, "brier": nothing, "brier_of_base_rate": nothing}
        return {"suggestions": 0, **empty, "bins": [], "codes": [], "sites": [], "warnings": []}
    resampling = Resampling(documents=[one.document for one in decided], seed=seed, resamples=resamples)
    wanted = np.array([one.wanted for one in decided], dtype=np.float64)
    scores = np.array([one.score for one in decided])
    totals = resampling.totals(np.column_stack([wanted, (scores - wanted) ** 2, np.ones(n)]))
    share = ratio(totals[:, 0], totals[:, 2])
    figures = {
        "acceptance": estimate(share, n=n),
        "brier": estimate(ratio(totals[:, 1], totals[:, 2]), n=n),
        "brier_of_base_rate": estimate(share * (1 - share), n=n),
    }
    return {
        "suggestions": n,
        **figures_to_json(figures),
        "bins": _bins(scores, wanted, resampling),
        "codes": _groups("code", [one.code for one in decided], wanted, resampling),
        "sites": _groups("site", [one.site for one in decided], wanted, resampling),
        "warnings": list(resampling.warnings),
    }


def _bins(scores: Floats, wanted: Floats, resampling: Resampling) -> list[dict[str, Any]]:
    count = min(BINS, max(1, len(scores) // LEAST_IN_BIN))
    parts = np.array_split(np.argsort(scores, kind="stable"), count)
    members = np.zeros((len(scores), count), dtype=bool)
    for number, rows in enumerate(parts):
        members[rows, number] = True
    shares = _shares(members, wanted, resampling)
    return [{"score": float(scores[rows].mean()), "wanted": share} for rows, share in zip(parts, shares, strict=True)]


def _groups(kind: str, names: Sequence[str | None], wanted: Floats, resampling: Resampling) -> list[dict[str, Any]]:
    different = sorted({name for name in names if name is not None})
    members = np.array([[name == one for one in different] for name in names], dtype=bool)
    shares = _shares(members.reshape(len(names), len(different)), wanted, resampling)
    rows = [{kind: name, "acceptance": share} for name, share in zip(different, shares, strict=True)]
    return sorted(rows, key=lambda row: row["acceptance"]["value"])


def _shares(members: Flags, wanted: Floats, resampling: Resampling) -> list[dict[str, Any]]:
    count = members.shape[1]
    totals = resampling.totals(np.hstack([members * wanted[:, None], members]).astype(np.float64))
    found = estimates(ratio(totals[:, :count], totals[:, count:]), n=members.sum(axis=0).tolist(), reason=NO_DECISION)
    return [share.to_json() for share in found]
