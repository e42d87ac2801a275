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
# A language has hardly more; their parts take some 50 MB.
MOST_WORDS = 100_000
_WORD = re.compile(r"\w\w+")


class WordCounts:
    """Counts of the words' parts, hashed into ``DIMENSION`` signed columns (feature hashing: Weinberger et al. 2009).

    Remembers those that it is told to, in memory only and with digests of the texts, never the texts. Safe for many
    threads.

    Args:
        capacity: the number of texts remembered; with more it begins anew.

    Example:
        >>> counts = WordCounts()
        >>> remembered = counts.remember(["money is money"])
        >>> rows = counts.of(["money is money", "money is"]).toarray()
        >>> bool(abs(rows[0]).sum() > abs(rows[1]).sum())
        True
    """

    def __init__(self, *, capacity: int = 50_000) -> None:
        self._capacity = capacity
        self._places = _Places()
        self._rows: dict[bytes, int] = {}
        self._remembered: Any = None
        self._lock = threading.Lock()

    def remember(self, texts: Sequence[str]) -> Any:
        """Counts those of the texts that are not remembered yet; gives back what :meth:`of` would."""
        # Imported here because it takes long, and a service that has no texts yet need not wait for it.
        from scipy.sparse import vstack

        if not texts:
            return self._counted(texts)
        keys = list(map(_digest, texts))
        by_key = dict(zip(keys, texts, strict=True))
        with self._lock:
            fresh = {key: text for key, text in by_key.items() if key not in self._rows}
            if len(self._rows) + len(fresh) > self._capacity:
                fresh, self._rows, self._remembered = by_key, {}, None
            if fresh:
                counted = self._counted(list(fresh.values()))
                known = [] if self._remembered is None else [self._remembered]
                self._remembered = vstack([*known, counted], format="csr")
                self._rows.update(zip(fresh, range(len(self._rows), len(self._rows) + len(fresh)), strict=True))
            return self._remembered[[self._rows[key] for key in keys]]

    def of(self, texts: Sequence[str]) -> Any:
        """Counts of the parts in each column, a sparse array of shape (len(texts), DIMENSION), float64.

        A word that is repeated counts less each time. A row depends on its own text alone, to the bit.
        """
        with self._lock:
            rows = [self._rows.get(key) for key in map(_digest, texts)]
            if rows and None not in rows:
                return self._remembered[rows]
        return self._counted(texts)

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
        if len(self) >= MOST_WORDS:
            self.clear()
        padded = f" {word} "
        parts = [padded[start : start + PART] for start in range(len(padded) - PART + 1)]
        digests = [zlib.crc32(part.encode(errors="surrogatepass")) for part in parts]
        places = self[word] = [digest % DIMENSION * 2 + (digest >> 31) for digest in digests]
        return places


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()
