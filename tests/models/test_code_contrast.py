"""The loss of a prototype classifier, against the same reckoned text by text."""

import numpy as np
import torch

from models.code_contrast import TEMPERATURE, CodeContrast
from models.encoder import Vectors, unit_rows
from models.training_set import TrainingSet

LEAVES, THEME = 3, 3
BELOW = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]], dtype=bool)


def some_training_set() -> TrainingSet:
    """Two texts of each leaf, one of two leaves, one of the theme only, one with a rejection only."""
    accepted = np.zeros((9, 4), dtype=bool)
    for row, codes in enumerate(([0], [0], [1], [1], [2], [2], [0, 2], [THEME], [])):
        accepted[row, codes] = True
    rejected = np.zeros_like(accepted)
    rejected[8, [1, THEME]] = True
    rejected[0, 2] = True
    return TrainingSet(
        texts=tuple(f"text {row}" for row in range(9)), own_words=3, accepted=accepted, rejected=rejected, below=BELOW
    )


def some_vectors(seed: int) -> Vectors:
    return unit_rows(np.random.default_rng(seed).normal(size=(9, 5)))


def reckoned(training: TrainingSet, vectors: Vectors, row: int) -> float:
    """The loss of one text, written out."""
    others = [other for other in range(len(vectors)) if other != row]
    prototypes = [sum(vectors[other] for other in others if training.accepted[other, leaf]) for leaf in range(LEAVES)]
    cosines = np.array([prototype @ vectors[row] / np.linalg.norm(prototype) for prototype in prototypes])
    leaves = np.exp(cosines / TEMPERATURE) / np.exp(cosines / TEMPERATURE).sum()
    codes = [leaves[BELOW[code]].sum() for code in range(4)]
    hits = [-np.log(codes[code]) for code in np.flatnonzero(training.accepted[row])]
    misses = [-np.log(1 - codes[code]) for code in np.flatnonzero(training.rejected[row])]
    return float(np.mean(hits or [0]) + np.mean(misses or [0]))


def test_the_loss_is_that_of_each_text_judged_without_itself() -> None:
    training, vectors = some_training_set(), some_vectors(1)
    contrast = CodeContrast(training, torch.from_numpy(vectors))
    for row in range(9):
        loss = contrast.loss([row], torch.from_numpy(vectors[[row]]))
        assert np.isclose(float(loss), reckoned(training, vectors, row), atol=1e-4)


def test_texts_of_other_batches_are_as_they_were_last_seen() -> None:
    training, before, after = some_training_set(), some_vectors(1), some_vectors(2)
    contrast = CodeContrast(training, torch.from_numpy(before))
    contrast.loss([4, 2, 7], torch.from_numpy(after[[4, 2, 7]]))
    now = before.copy()
    now[[4, 2, 7]] = after[[4, 2, 7]]
    loss = contrast.loss([0, 6], torch.from_numpy(now[[0, 6]]))
    assert np.isclose(float(loss), np.mean([reckoned(training, now, row) for row in (0, 6)]), atol=1e-4)


def test_a_leaf_whose_only_text_is_judged_has_a_finite_loss_and_slope() -> None:
    training = some_training_set().beginning(3)
    vectors = torch.from_numpy(some_vectors(3)[:3]).requires_grad_()
    loss = CodeContrast(training, vectors.detach()).loss([0, 1, 2], vectors)
    loss.backward()
    assert torch.isfinite(loss)
    assert vectors.grad is not None
    assert torch.isfinite(vectors.grad).all()


def test_the_slope_leads_to_a_smaller_loss() -> None:
    training = some_training_set()
    vectors = torch.from_numpy(some_vectors(4)).requires_grad_()
    everything = list(range(9))
    contrast = CodeContrast(training, vectors.detach())
    loss = contrast.loss(everything, vectors)
    loss.backward()
    assert vectors.grad is not None
    moved = torch.nn.functional.normalize((vectors - 0.01 * vectors.grad).detach(), dim=1)
    assert contrast.loss(everything, moved) < loss
