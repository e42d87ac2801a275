"""Everything that can be said of the agreement of some coders: per code, per level of the tree, pooled, per pair."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from models.agreement import Figures, code_agreement, empty_coders, pooled_agreement, without_chance
from models.code_set_agreement import set_agreement
from models.codebook import Codebook
from models.codings import Codings, codes_of_level, depth
from models.resampling import RESAMPLES, Resampling, figures_to_json


def compare_coders(
    codings: Codings,
    codebook: Codebook | None,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: int | None = None,
) -> dict[str, Any]:
    """The agreement of coders as a JSON object.

    Codes that nobody applied to a segment compared are listed and count in no pooled figure. Per code and per level,
    a code counts as applied where it or a code below it is applied; the figures under ``all_codes`` take the codes
    as they were applied.

    Args:
        codings: of two or more coders.
        codebook: the tree; without it there is one level, and codes go by their ids.
        seed: of the resampling.
        resamples: how many for each interval.
        level: of this level of the tree only, 1 for themes.

    Returns:
        ``{"coders", "segments", "documents", "resampled", "resamples", "seed", "warnings", "all_codes", "levels",
        "codes", "unused_codes", "pairs"}``; figures are named as in :data:`models.agreement.COEFFICIENTS` and
        :data:`models.code_set_agreement.SET_COEFFICIENTS`.
    """
    compared = codings.on(codings.compared)
    comparison = _Comparison(
        compared, codebook, Resampling(documents=compared.documents, seed=seed, resamples=resamples)
    )
    levels = [one for one in comparison.levels if level in (None, one)]
    used = compared.used()
    return {
        "coders": list(codings.coders),
        "segments": len(compared.documents),
        "segments_seen": {coder: int(np.sum(row)) for coder, row in zip(codings.coders, codings.seen, strict=True)},
        "documents": len(set(compared.documents)),
        "resampled": comparison.resampling.unit,
        "resamples": resamples,
        "seed": seed,
        "warnings": [*comparison.resampling.warnings, *_empty_warnings(comparison.empty)],
        "all_codes": {"codes": len(used.codes), **comparison.figures(used)},
        "levels": [comparison.level(one) for one in levels],
        "codes": [row for one in comparison.levels for row in comparison.codes(one) if level in (None, one)],
        "unused_codes": comparison.unused(levels),
        "pairs": _pairs(codings, comparison.resampling),
    }


class _Comparison:
    """One table of codings, seen at each level of the tree."""

    def __init__(self, compared: Codings, codebook: Codebook | None, resampling: Resampling) -> None:
        self.compared = compared
        self.codebook = codebook
        self.resampling = resampling
        self.empty = empty_coders(compared) if len(compared.documents) else []
        self.levels = range(1, (depth(codebook) if codebook is not None else 1) + 1)
        self._at = {level: self._rolled_up(level) for level in self.levels}

    def _rolled_up(self, level: int) -> Codings:
        if self.codebook is None:
            return self.compared
        return self.compared.rolled_up(self.codebook, [code.id for code in codes_of_level(self.codebook, level)])

    def figures(self, codings: Codings) -> dict[str, Any]:
        """Pooled, and over sets of codes."""
        return {
            "pooled": figures_to_json(self._checked(pooled_agreement(codings, self.resampling))),
            "sets": figures_to_json(self._checked(set_agreement(codings, self.resampling))),
        }

    def level(self, level: int) -> dict[str, Any]:
        """The figures of one level."""
        used = self._at[level].used()
        return {"level": level, "codes": len(used.codes), **self.figures(used)}

    def codes(self, level: int) -> list[dict[str, Any]]:
        """The figures of each code that lies at this level and was used."""
        used = self._at[level].used()
        own = used.only([code for code in used.codes if self._level_of(code) == level])
        rows = []
        for column, figures in enumerate(code_agreement(own, self.resampling)):
            applied = np.sum(own.applied[:, :, column], axis=1).tolist()
            rows.append(
                {
                    **self._named(own.codes[column]),
                    "applied": dict(zip(own.coders, applied, strict=True)),
                    "figures": figures_to_json(self._checked(figures)),
                }
            )
        return rows

    def unused(self, levels: Sequence[int]) -> list[str]:
        """The codes that nobody applied to a segment compared."""
        used = {code for level in self.levels for code in self._at[level].used().codes}
        return [
            code
            for level in levels
            for code in self._at[level].codes
            if self._level_of(code) == level and code not in used
        ]

    def _level_of(self, code: str) -> int:
        return 1 if self.codebook is None else self.codebook.level(code)

    def _named(self, code: str) -> dict[str, Any]:
        if self.codebook is None:
            return {"code": code, "name": code, "path": [code], "level": 1}
        path = [step.name for step in self.codebook.path(code)]
        return {"code": code, "name": path[-1], "path": path, "level": len(path)}

    def _checked(self, figures: Figures) -> Figures:
        if not self.empty:
            return figures
        return without_chance(figures, _empty_reason(self.empty))


def _empty_reason(empty: Sequence[str]) -> str:
    return f"{' and '.join(empty)} applied no code to any of the segments compared."


def _empty_warnings(empty: Sequence[str]) -> list[str]:
    return [f"{_empty_reason(empty)} Leave out who has not coded yet."] if empty else []


def _pairs(codings: Codings, resampling: Resampling) -> list[dict[str, Any]]:
    """The figures of each two of more than two coders, on the segments that both looked at."""
    if len(codings.coders) < 3:
        return []
    return [
        pair_agreement(codings.of(pair), seed=resampling.seed, resamples=resampling.resamples)
        for pair in combinations(codings.coders, 2)
    ]


def pair_agreement(codings: Codings, *, seed: int = 0, resamples: int = RESAMPLES) -> dict[str, Any]:
    """Two coders on the segments that both looked at: ``{"coders", "segments", "codes", "pooled", "sets"}``."""
    compared = codings.on(codings.compared)
    comparison = _Comparison(compared, None, Resampling(documents=compared.documents, seed=seed, resamples=resamples))
    used = compared.used()
    return {
        "coders": list(codings.coders),
        "segments": len(compared.documents),
        "codes": len(used.codes),
        **comparison.figures(used),
    }
