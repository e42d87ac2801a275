"""Coded segments and codes' own words -> what the models of :mod:`models.learning` are fitted to."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.codebook import Code, Codebook
from models.encoder import Vectors
from models.example_bank import Example
from models.learning import Flags, Floats, Rows

# A code's own words count as much as this many coded segments.
WORDS_WEIGHT = 3.0


@dataclass(frozen=True, kw_only=True)
class CodeWords:
    """The leaves' own words.

    Attributes:
        texts: one for each leaf: its path of names, definition and include note.
        vectors: their unit vectors, shape (leaves, dimension).
        excluded: (column of a leaf, what its note says that it is not).
        excluded_vectors: unit vectors of these, shape (len(excluded), dimension).
    """

    texts: Sequence[str]
    vectors: Vectors
    excluded: Sequence[tuple[int, str]]
    excluded_vectors: Vectors


class CodedRows:
    """Which leaves each example carries, as far as it says so.

    Args:
        examples: what :func:`models.example_bank.merged_examples` gives.
        codebook: the tree.
        leaves: the codes that can be suggested, in the order of the columns.
        likely: how likely each leaf is for each example before it is learnt from, shape (examples, leaves);
            it shares an example of a code above the leaves out among the leaves below.

    Attributes:
        applied: shape (examples, leaves).
        targets: the same with what was shared out, and a last column for "no code applies".
        rejected: shape (examples, leaves).
        known: the rows that say which codes apply, or that none does.
        open: the rows of which only rejections are known.
    """

    def __init__(self, examples: Sequence[Example], codebook: Codebook, leaves: Sequence[Code], likely: Floats) -> None:
        below = _leaves_below(codebook, leaves)
        own = {leaf.id: column for column, leaf in enumerate(leaves)}
        shape = (len(examples), len(leaves))
        self.applied: Flags = np.zeros(shape, dtype=bool)
        self.rejected: Flags = np.zeros(shape, dtype=bool)
        self.targets: Floats = np.zeros((len(examples), len(leaves) + 1))
        for row, example in enumerate(examples):
            for code in example.codes:
                if code in own:
                    self.applied[row, own[code]] = True
                elif code in below:
                    among = likely[row, below[code]]
                    self.targets[row, below[code]] = among / among.sum()
            for code in example.rejected:
                self.rejected[row, below.get(code, [])] = True
            self.targets[row, -1] = not example.codes and not example.rejected
        self.targets[:, :-1] = np.maximum(self.targets[:, :-1], self.applied)
        self.rejected &= self.targets[:, :-1] == 0
        self.known: Rows = np.flatnonzero(self.targets.any(axis=1))
        self.open: Rows = np.flatnonzero(~self.targets.any(axis=1) & self.rejected.any(axis=1))


def _leaves_below(codebook: Codebook, leaves: Sequence[Code]) -> dict[str, list[int]]:
    """The columns of the leaves at and below each code."""
    below: dict[str, list[int]] = {}
    for column, leaf in enumerate(leaves):
        for code in codebook.path(leaf.id):
            below.setdefault(code.id, []).append(column)
    return below
