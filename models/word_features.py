"""Which words a text uses, as a vector of fixed length: what an encoder smooths over, people often code by."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from models.encoder import Vectors
from models.word_counts import DIMENSION, WordCounts

Floats = npt.NDArray[np.float64]


def has_words(text: str) -> bool:
    """Whether there is anything to judge: at least one letter or digit of any script."""
    return any(char.isalnum() for char in text)


class WordFeatures:
    """TF-IDF of the words' parts, hashed into ``DIMENSION`` signed columns.

    Args:
        texts: what says how common a part of a word is; remembered by the counts.
        counts: what they remember already spares time and leaves no trace.

    Attributes:
        own: what :meth:`of` gives for these texts.

    Example:
        >>> words = WordFeatures(["money is short", "the money", "the weather"], WordCounts())
        >>> rows = words.of(["money is short", "shortage of money", "snow"])
        >>> bool(rows[0] @ rows[1] > rows[0] @ rows[2])
        True
    """

    def __init__(self, texts: Sequence[str], counts: WordCounts) -> None:
        self._counts = counts
        rows = counts.remember(texts)
        used = np.bincount(rows.indices, minlength=DIMENSION)
        self._rarity: Floats = np.log((1 + len(texts)) / (1 + used)) + 1
        self.own = _single(self._weighed(rows))

    def remember(self, texts: Sequence[str]) -> None:
        """Has the counts remember texts that will be asked for; what is rare stays as it is."""
        self._counts.remember(texts)

    def of(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, zeros for a text without words, shape (len(texts), DIMENSION), float32."""
        return _single(self._weighed(self._counts.of(texts)))

    def exactly(self, texts: Sequence[str]) -> Floats:
        """The same in double precision."""
        features: Floats = self._weighed(self._counts.of(texts)).toarray()
        return features

    def _weighed(self, rows: Any) -> Any:
        rows.data *= self._rarity[rows.indices]
        lengths = np.sqrt((rows * rows).sum(axis=1))
        rows.data /= np.repeat(np.maximum(lengths, 1e-12), np.diff(rows.indptr))
        return rows


def _single(rows: Any) -> Vectors:
    features: Vectors = rows.astype(np.float32).toarray()
    return features
