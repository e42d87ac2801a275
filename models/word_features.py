"""Which words a text uses, as a vector of fixed length: what an encoder smooths over, people often code by."""

import re
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from models.encoder import Vectors

DIMENSION = 512
_WORD = re.compile(r"\w\w+")


class WordFeatures:
    """TF-IDF of words, hashed into ``DIMENSION`` signed columns (feature hashing: Weinberger et al. 2009).

    Args:
        texts: what says how common a word is.

    Example:
        >>> words = WordFeatures(["money is short", "the money", "the weather"])
        >>> rows = words.of(["money is short", "short of money", "snow"])
        >>> bool(rows[0] @ rows[1] > rows[0] @ rows[2])
        True
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._places = _Places()
        _, columns, _ = self._counts(texts)
        used = np.bincount(columns, minlength=DIMENSION)
        self._rarity = np.log((1 + len(texts)) / (1 + used)) + 1

    def sparse(self, texts: Sequence[str]) -> Any:
        """Unit vectors, zeros for a text without words, as a CSR matrix of shape (len(texts), DIMENSION)."""
        # Imported here because it takes long, and a service that has no texts yet need not wait for it.
        from scipy.sparse import csr_array

        rows, columns, counts = self._counts(texts)
        # A word that is repeated counts less each time.
        values = np.sign(counts) * np.log1p(np.abs(counts)) * self._rarity[columns]
        norms = np.sqrt(np.bincount(rows, weights=values * values, minlength=len(texts)))
        return csr_array((values / norms[rows], (rows, columns)), shape=(len(texts), DIMENSION))

    def of(self, texts: Sequence[str]) -> Vectors:
        """The same in full, float32."""
        features: Vectors = self.sparse(texts).toarray().astype(np.float32)
        return features

    def _counts(self, texts: Sequence[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[Any]]:
        """(text, column, signed count of the column's words in it) wherever words do not cancel out."""
        places = self._places
        found = [_WORD.findall(text.casefold()) for text in texts]
        signed = np.fromiter((places[word] for words in found for word in words), dtype=np.int64)
        owners = np.repeat(np.arange(len(texts)), [len(words) for words in found])
        cells, inverse = np.unique(owners * DIMENSION + (signed >> 1), return_inverse=True)
        counts = np.bincount(inverse, weights=np.where(signed & 1, -1.0, 1.0), minlength=len(cells))
        kept = counts != 0
        return cells[kept] // DIMENSION, cells[kept] % DIMENSION, counts[kept]


class _Places(dict[str, int]):
    """Twice a word's column, plus 1 if it counts negatively."""

    def __missing__(self, word: str) -> int:
        digest = zlib.crc32(word.encode(errors="surrogatepass"))
        place = self[word] = digest % DIMENSION * 2 + (digest >> 31)
        return place
