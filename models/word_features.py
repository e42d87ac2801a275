"""Which words a text uses, as a vector of fixed length: what an encoder smooths over, people often code by."""

import re
import zlib
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from models.encoder import Vectors

Floats = npt.NDArray[np.float64]

DIMENSION = 512
# A word counts as its parts of so many characters, so that its other forms are near to it.
PART = 4
FRACTIONS = 2.0**20
_WORD = re.compile(r"\w\w+")


def has_words(text: str) -> bool:
    """Whether there is anything to judge: at least one letter or digit of any script."""
    return any(char.isalnum() for char in text)


class WordFeatures:
    """TF-IDF of the words' parts, hashed into ``DIMENSION`` signed columns (feature hashing: Weinberger et al. 2009).

    Args:
        texts: what says how common a part of a word is.

    Example:
        >>> words = WordFeatures(["money is short", "the money", "the weather"])
        >>> rows = words.of(["money is short", "shortage of money", "snow"])
        >>> bool(rows[0] @ rows[1] > rows[0] @ rows[2])
        True
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._places = _Places()
        used = (self._counts(texts) != 0).sum(axis=0)
        self._rarity: Floats = np.log((1 + len(texts)) / (1 + used)) + 1

    def of(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, zeros for a text without words, shape (len(texts), DIMENSION), float32."""
        features: Vectors = self.exactly(texts).astype(np.float32)
        return features

    def exactly(self, texts: Sequence[str]) -> Floats:
        """The same in double precision."""
        weighed = self._counts(texts) * self._rarity
        lengths = np.sqrt((weighed * weighed).sum(axis=1, keepdims=True))
        features: Floats = weighed / np.maximum(lengths, 1e-12)
        return features

    def _counts(self, texts: Sequence[str]) -> Floats:
        """Signed counts of the parts in each column; a word that is repeated counts less each time."""
        # Imported here because it takes long, and a service that has no texts yet need not wait for it.
        from scipy.sparse import csr_array

        found = [_WORD.findall(text.casefold()) for text in texts]
        numbers = {word: number for number, word in enumerate(dict.fromkeys(chain.from_iterable(found)))}
        words = np.fromiter(map(numbers.__getitem__, chain.from_iterable(found)), dtype=np.int64)
        owners = np.repeat(np.arange(len(texts)), [len(some) for some in found])
        cells, times = np.unique(owners * max(len(numbers), 1) + words, return_counts=True)
        rows, columns = np.divmod(cells, max(len(numbers), 1))
        # Binary fractions, whose sums are exact: in which order they are made, and what stands beside a text, leaves
        # no trace.
        weights = np.round((1 + np.log(times)) * FRACTIONS) / FRACTIONS
        uses = csr_array((weights, (rows, columns)), shape=(len(texts), len(numbers)))
        counts: Floats = (uses @ self._parts(numbers)).toarray()
        return counts

    def _parts(self, words: dict[str, int]) -> Any:
        """The signed columns of each word's parts, shape (words, DIMENSION)."""
        from scipy.sparse import csr_array

        signed = [self._places[word] for word in words]
        ends = np.cumsum([0, *map(len, signed)])
        places = np.fromiter((place for of_word in signed for place in of_word), dtype=np.int64, count=ends[-1])
        return csr_array(
            (np.where(places & 1, -1.0, 1.0), places >> 1, ends), shape=(len(words), DIMENSION), dtype=np.float64
        )


class _Places(dict[str, list[int]]):
    """For each part of a word twice its column, plus 1 if it counts negatively."""

    def __missing__(self, word: str) -> list[int]:
        padded = f" {word} "
        parts = [padded[start : start + PART] for start in range(len(padded) - PART + 1)]
        digests = [zlib.crc32(part.encode(errors="surrogatepass")) for part in parts]
        places = self[word] = [digest % DIMENSION * 2 + (digest >> 31) for digest in digests]
        return places
