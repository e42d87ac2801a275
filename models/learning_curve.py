"""How the main measures grow with the number of examples, over several draws of them; and two settings compared.

The interval of a point takes in which transcripts were collected (they are resampled, the same ones in each draw); the
spread over draws beside it says how much hangs on which examples were drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.judgements import Judged, Scores, Study
from models.protocols import Fold, Rows
from models.ranking_measures import NO_LEAF, ranking_names, ranking_values
from models.resampling import Estimate, Floats, Resampling, estimate, figures_to_json, ratio

MEASURES = ("hit@1", "hit@3", "mrr", "micro_f1", "macro_f1")
RANKED = ("hit@1", "hit@3", "mrr")


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What a method said in one fold."""

    fold: Fold
    said: Scores

    def judged(self, study: Study) -> Judged:
        """Beside what people said."""
        said = self.said
        return Judged(
            study=study.on(self.fold.tested), scores=said.scores, abstained=said.abstained, no_code=said.no_code
        )


def curve_point(study: Study, predictions: Sequence[Prediction], resampling: Resampling) -> dict[str, Any]:
    """One number of shots: ``{"shots", "draws", "segments", "figures", "spread"}``.

    Args:
        study: whole.
        predictions: of all folds with this number of shots; folds without a number are parts of one draw.
        resampling: made for the documents of the whole study.

    Returns:
        ``figures`` are means over draws, ``n`` the segments with a truth that were tested in any of them; ``spread``
        the standard deviation over draws, None if there is one draw.
    """
    shots = predictions[0].fold.shots
    draws = [list(predictions)] if shots is None else [[one] for one in predictions]
    tested = np.unique(np.concatenate([one.fold.tested for one in predictions]))
    known = int(study.truth.seen[0, tested].sum())
    by_draw = np.stack([_samples(study, draw, resampling) for draw in draws])
    defined = ~np.isnan(by_draw)
    means = ratio(np.where(defined, by_draw, 0).sum(axis=0), defined.sum(axis=0).astype(np.float64))
    figures = {name: estimate(means[:, column], n=known, reason=NO_LEAF) for column, name in enumerate(MEASURES)}
    return {
        "shots": shots,
        "draws": len(draws),
        "segments": known,
        "figures": figures_to_json(figures),
        "spread": {name: _deviation(by_draw[:, 0, column]) for column, name in enumerate(MEASURES)},
    }


def first_judged(study: Study, predictions: Sequence[Prediction]) -> tuple[Rows, Judged]:
    """Each segment once, as judged in the first of the folds in which it was tested; and which segments these are."""
    seen = np.zeros(len(study.references), dtype=bool)
    rows, scores, abstained, no_code = [], [], [], []
    for one in predictions:
        new = ~seen[one.fold.tested]
        rows.append(one.fold.tested[new])
        scores.append(one.said.scores[new])
        abstained.append(one.said.abstained[new])
        no_code.append(one.said.no_code[new])
        seen[one.fold.tested] = True
    chosen = np.concatenate(rows)
    order = np.argsort(chosen)
    return chosen[order], Judged(
        study=study.on(chosen[order]),
        scores=np.concatenate(scores)[order],
        abstained=np.concatenate(abstained)[order],
        no_code=np.concatenate(no_code)[order],
    )


def compare_settings(first: Judged, second: Judged, resampling: Resampling) -> dict[str, Estimate]:
    """How much better the second is than the first on the same segments: paired bootstrap differences.

    Args:
        first: of a method or setting.
        second: of another, for the same segments in the same order.
        resampling: made for their documents; both are resampled alike.
    """
    rows = np.arange(len(first.scores))
    difference = _measures(second, rows, len(rows), resampling) - _measures(first, rows, len(rows), resampling)
    return {name: estimate(difference[:, column], n=len(rows), reason=NO_LEAF) for column, name in enumerate(MEASURES)}


def _samples(study: Study, draw: Sequence[Prediction], resampling: Resampling) -> Floats:
    rows, judged = first_judged(study, draw)
    known = judged.study.truth.seen[0]
    return _measures(judged.known, rows[known], len(study.references), resampling)


def _measures(judged: Judged, rows: Rows, segments: int, resampling: Resampling) -> Floats:
    """The measures of the sample and of each resample, shape (1 + resamples, measures)."""
    ranks = ranking_values(judged)[:, [ranking_names().index(name) for name in RANKED]]
    human, machine = judged.study.applied, judged.machine_leaves
    codes = human.shape[1]
    values = np.zeros((segments, len(RANKED) + 1 + 3 * codes))
    values[rows] = np.hstack([ranks, judged.has_leaf[:, None], human & machine, human, machine])
    totals = resampling.totals(values)
    start = len(RANKED) + 1
    both, of_human, of_machine = (totals[:, start + part * codes : start + (part + 1) * codes] for part in range(3))
    used = of_human > 0
    each = np.where(used, np.nan_to_num(ratio(2 * both, of_human + of_machine)), 0)
    return np.column_stack(
        [
            *(ratio(totals[:, column], totals[:, len(RANKED)]) for column in range(len(RANKED))),
            ratio(2 * both.sum(axis=1), of_human.sum(axis=1) + of_machine.sum(axis=1)),
            ratio(each.sum(axis=1), used.sum(axis=1).astype(np.float64)),
        ]
    )


def _deviation(values: Floats) -> float | None:
    """None where there is no more than one draw, or a draw in which the measure is undefined."""
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
    return None if np.isnan(deviation) else deviation
