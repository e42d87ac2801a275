"""How far texts are from where their codes would have them: the loss by which an encoder is fitted."""

from collections.abc import Sequence

import torch
from torch import Tensor

from models.training_set import TrainingSet

TEMPERATURE = 0.1
# Of a leaf whose only text is the one that is judged, nothing is left but noise.
LEAST_NORM = 1e-3
# A probability is kept so far from 1 that the loss of a rejected code stays finite.
LEAST_REST = 1e-6


class CodeContrast:
    """The loss of a prototype classifier in which each text is judged without itself.

    A leaf's prototype is the mean direction of its texts, its own words among them. A text's probabilities
    are a softmax over its cosines to the prototypes; a code above the leaves has the sum of those below it.
    The loss of a text is the mean of -log p over its codes, and that of -log (1 - p) over those rejected.

    Args:
        training: the texts and what is said of them.
        vectors: unit vectors of the texts as they are at first, shape (texts, dimension).
    """

    def __init__(self, training: TrainingSet, vectors: Tensor) -> None:
        self._below = torch.from_numpy(training.below).float()
        self._accepted = torch.from_numpy(training.accepted).float()
        self._rejected = torch.from_numpy(training.rejected).float()
        self._members = self._accepted[:, : training.below.shape[1]]
        self._seen = vectors.clone()

    def loss(self, batch: Sequence[int], vectors: Tensor) -> Tensor:
        """The mean loss of some texts, which flows back through their vectors; these are remembered.

        Args:
            batch: which texts, none twice.
            vectors: their unit vectors as they are now, shape (len(batch), dimension).
        """
        rows = torch.tensor(batch)
        self._seen[rows] = 0
        members = self._members[rows]
        logits = _cosines_without_themselves(vectors, members, self._members.T @ self._seen + members.T @ vectors)
        self._seen[rows] = vectors.detach()
        codes = torch.softmax(logits / TEMPERATURE, dim=1) @ self._below.T
        accepted, rejected = self._accepted[rows], self._rejected[rows]
        hits = -torch.log(codes.clamp(min=1e-12))
        misses = -torch.log((1 - codes).clamp(min=LEAST_REST))
        return (_mean(hits, accepted) + _mean(misses, rejected)).mean()


def _cosines_without_themselves(vectors: Tensor, members: Tensor, sums: Tensor) -> Tensor:
    """Cosines of texts to prototypes, each text left out of its own, shape (texts, leaves).

    Args:
        vectors: unit vectors of the texts, shape (texts, dimension).
        members: 1 where a text is part of a prototype, shape (texts, leaves).
        sums: the prototypes' sums, these texts included, shape (leaves, dimension).
    """
    products = vectors @ sums.T
    squares = (sums**2).sum(dim=1) - 2 * members * products + members
    return (products - members) / squares.clamp(min=LEAST_NORM**2).sqrt()


def _mean(losses: Tensor, counted: Tensor) -> Tensor:
    """The mean of those counted in each row, 0 where none is, shape (rows,)."""
    return (losses * counted).sum(dim=1) / counted.sum(dim=1).clamp(min=1)
