"""How often texts use which parts of words, counted once for each text."""

import hashlib
import re
import threading
import zlib
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

DIMENSION = 512
# A word counts as its parts of so many characters, so that its other forms are near to it.
PART = 4
FRACTIONS = 2.0**20
_WORD = re.compile(r"\w\w+")


class WordCounts:
    """Counts of the words' parts, hashed into ``DIMENSION`` signed columns (feature hashing: Weinberger et al. 2009).

    Remembers them, in memory only and with digests of the texts, never the texts. Safe for many threads.

    Args:
        capacity: the number of texts remembered; with more it begins anew.

    Example:
        >>> rows = WordCounts().of(["money is money", "money is"]).toarray()
        >>> bool(abs(rows[0]).sum() > abs(rows[1]).sum())
        True
    """

    def __init__(self, *, capacity: int = 50_000) -> None:
        self._capacity = capacity
        self._places = _Places()
        self._rows: dict[bytes, int] = {}
        self._counts: Any = None
        self._lock = threading.Lock()

    def of(self, texts: Sequence[str]) -> Any:
        """Counts of the parts in each column, a sparse array of shape (len(texts), DIMENSION), float64.

        A word that is repeated counts less each time. A row depends on its own text alone, to the bit.
        """
        keys = [hashlib.sha256(text.encode(errors="surrogatepass")).digest() for text in texts]
        with self._lock:
            missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._rows}
            if len(self._rows) + len(missing) > self._capacity:
                missing = dict(zip(keys, texts, strict=True))
                self._rows, self._counts, self._places = {}, None, _Places()
            self._remember(missing)
            return self._counts[[self._rows[key] for key in keys]]

    def _remember(self, texts: dict[bytes, str]) -> None:
        # Imported here because it takes long, and a service that has no texts yet need not wait for it.
        from scipy.sparse import vstack

        if self._counts is not None and not texts:
            return
        self._rows.update(zip(texts, range(len(self._rows), len(self._rows) + len(texts)), strict=True))
        counted = self._counted(list(texts.values()))
        self._counts = counted if self._counts is None else vstack([self._counts, counted], format="csr")

    def _counted(self, texts: Sequence[str]) -> Any:
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
        counts = uses @ self._parts(numbers)
        counts.eliminate_zeros()
        counts.sort_indices()
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
