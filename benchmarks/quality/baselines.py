"""The baselines of the quality protocol, each giving scores of shape (tested, candidates)."""

import warnings
from collections.abc import Sequence

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from models.encoder import Vectors, unit_rows
from quality.tasks import Draw, Flags, Floats, Task

NEIGHBOURS = 5
WORDS_WEIGHT = 2.0


def standardised_codes(scores: Floats) -> Floats:
    """Each code's scores over all tested segments brought to mean 0, deviation 1."""
    standardised: Floats = (scores - scores.mean(axis=0)) / np.maximum(scores.std(axis=0), 1e-9)
    return standardised


def standardised_segments(scores: Floats) -> Floats:
    """Each segment's scores over all codes brought to mean 0, deviation 1."""
    spread = np.maximum(scores.std(axis=1, keepdims=True), 1e-9)
    standardised: Floats = (scores - scores.mean(axis=1, keepdims=True)) / spread
    return standardised


def zero_shot(task: Task, draw: Draw, names: Vectors, definitions: Vectors) -> dict[str, Floats]:
    """The baselines that need no examples."""
    tested = task.vectors[draw.tested].astype(np.float64)
    by_name, by_definition = tested @ names.T, tested @ definitions.T
    return {
        "name": by_name,
        "name, standardised": standardised_codes(by_name),
        "name + definition": by_definition,
        "name + definition, standardised": standardised_codes(by_definition),
    }


def few_shot(task: Task, draw: Draw, shots: int, definitions: Vectors) -> dict[str, Floats]:
    """The baselines that learn from so many examples of each code."""
    rows, tested = draw.examples(shots), draw.tested
    labels = task.labels[rows]
    scores = {
        "prototype": prototype(task, draw, shots, definitions),
        "kNN": neighbours(task.vectors[rows], labels, task.vectors[tested]),
        "LR": regression(task.vectors[rows], labels, task.vectors[tested], is_single=task.is_single),
    }
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    seen = words.fit_transform([task.texts[row] for row in rows])
    unseen = words.transform([task.texts[row] for row in tested])
    scores["TF-IDF + LR"] = regression(seen, labels, unseen, is_single=task.is_single)
    parts = [standardised_segments(scores[part]) for part in ("LR", "TF-IDF + LR", "prototype")]
    return {**scores, "sum": parts[0] + parts[1] + parts[2]}


def prototype(task: Task, draw: Draw, shots: int, definitions: Vectors) -> Floats:
    """Cosine to the unit mean of a code's examples and, with the weight of two, its own words."""
    sums = np.stack([task.vectors[taken].sum(axis=0) for taken in draw.taken(shots)])
    means = unit_rows(sums + WORDS_WEIGHT * definitions)
    scores: Floats = task.vectors[draw.tested].astype(np.float64) @ means.T.astype(np.float64)
    return scores


def neighbours(examples: Vectors, labels: Flags, tested: Vectors) -> Floats:
    """The votes of the nearest examples, weighted by cosine."""
    cosines = tested.astype(np.float64) @ examples.T
    nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :NEIGHBOURS]
    weights = np.take_along_axis(cosines, nearest, axis=1)
    scores: Floats = (weights[:, :, None] * labels[nearest]).sum(axis=1)
    return scores


def regression(
    examples: Vectors | sparse.csr_matrix, labels: Flags, tested: Vectors | sparse.csr_matrix, *, is_single: bool
) -> Floats:
    """Logistic regression; codes without an example come last."""
    seen: Sequence[int] = np.flatnonzero(labels.any(axis=0))  # type: ignore[assignment]
    model = LogisticRegression(C=10, class_weight="balanced", max_iter=300)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        # A code that all examples carry cannot be told from anything.
        warnings.simplefilter("ignore", UserWarning)
        if is_single:
            decided = model.fit(examples, labels[:, seen].argmax(axis=1)).decision_function(tested)
        else:
            decided = OneVsRestClassifier(model).fit(examples, labels[:, seen]).decision_function(tested)
    decided = decided.reshape(tested.shape[0], -1)
    scores = np.repeat(decided.min(axis=1, keepdims=True) - 1, labels.shape[1], axis=1)
    scores[:, seen] = decided if decided.shape[1] == len(seen) else np.column_stack([-decided, decided])
    return scores
