"""Plain methods that the suggester is measured against, as methods that the evaluation takes."""

from collections.abc import Callable

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from models.codings import Flags
from models.encoder import Vectors, unit_rows
from models.judgements import Scores
from models.protocols import Rows
from models.resampling import Floats

Fitted = Callable[[Vectors], Floats]
Fit = Callable[[Vectors, Flags], Fitted]
"""Learns from vectors and which codes apply, and gives what scores further vectors, shape (vectors, codes)."""

# The code's own words count as so many examples.
WORDS_WEIGHT = 2


def method(fit: Fit, vectors: Vectors, applied: Flags) -> Callable[[Rows, Rows], Scores]:
    """A baseline on one study, never abstaining."""

    def run(examples: Rows, tested: Rows) -> Scores:
        scores = fit(vectors[examples], applied[examples])(vectors[tested])
        abstained, best = np.zeros(len(tested), dtype=bool), scores.max(axis=1, initial=-np.inf)
        return Scores(scores=scores, abstained=abstained, no_code=-best)

    return run


def prototype(words: Vectors) -> Fit:
    """Cosine to the unit mean of a code's examples and, with the weight of two, its own words."""

    def fit(vectors: Vectors, applied: Flags) -> Fitted:
        sums = applied.T.astype(np.float32) @ vectors
        prototypes = unit_rows(sums + WORDS_WEIGHT * words)
        return lambda tested: np.asarray(tested @ prototypes.T, dtype=np.float64)

    return fit


def logistic_regression(vectors: Vectors, applied: Flags) -> Fitted:
    """C = 10, balanced; multinomial where each example has one code, else one against the rest."""
    columns = np.flatnonzero(applied.any(axis=0))
    model = LogisticRegression(C=10, class_weight="balanced", max_iter=2_000)
    is_single = bool((applied.sum(axis=1) == 1).all())
    if is_single:
        fitted = model.fit(vectors, applied[:, columns].argmax(axis=1))
    else:
        fitted = OneVsRestClassifier(model).fit(vectors, applied[:, columns])

    def score(tested: Vectors) -> Floats:
        # A code without examples comes after all others.
        scores = np.full((len(tested), applied.shape[1]), -np.inf)
        scores[:, columns] = fitted.predict_proba(tested)
        return scores

    return score
