"""A text longer than the model reads -> overlapping windows, and their vectors -> one vector."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.encoder import Vectors, unit_rows


@dataclass(frozen=True)
class Window:
    """Word pieces ``start`` to ``end`` (exclusive) of one text; ``fresh`` of them stand in no window before."""

    start: int
    end: int
    fresh: int


def split_into_windows(pieces: int, *, limit: int, overlap: int) -> list[Window]:
    """Windows that together hold every word piece of a text, each within the model's limit.

    As few windows as the limit allows, all of one length (up to one piece), so that none is a stub whose
    vector would count for little text, and none is longer than it needs to be.

    Args:
        pieces: number of word pieces of the text, without special tokens.
        limit: the most that one window may hold.
        overlap: the least that neighbouring windows share; smaller than ``limit``.

    Returns:
        At least one window, also for a text without pieces.
    """
    if pieces <= limit:
        return [Window(0, pieces, pieces)]
    count = -(-(pieces - overlap) // (limit - overlap))
    length = -(-(pieces + (count - 1) * overlap) // count)
    starts = [index * (pieces - length) // (count - 1) for index in range(count)]
    ends = [start + length for start in starts]
    fresh = [length, *(end - before for before, end in itertools.pairwise(ends))]
    return [Window(*window) for window in zip(starts, ends, fresh, strict=True)]


def pool_windows(vectors: Vectors, owners: Sequence[int], weights: Sequence[int], count: int) -> Vectors:
    """One unit vector for each text: the mean of its windows' vectors, weighted by their fresh pieces.

    Args:
        vectors: unit vectors of windows, shape (number of windows, dimension).
        owners: for each window the index of its text.
        weights: for each window its fresh word pieces; 0 counts as 1.
        count: number of texts; each owns at least one window.

    Returns:
        Unit vectors, shape (count, dimension), float32.
    """
    sums = np.zeros((count, vectors.shape[1]), dtype=np.float64)
    np.add.at(sums, np.asarray(owners), vectors * np.maximum(np.asarray(weights), 1)[:, None])
    return unit_rows(sums)
