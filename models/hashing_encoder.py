"""An encoder without weights: for tests, and for building a client before a model is at hand."""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from models.encoder import EncoderIdentity, Vectors, unit_rows

DIMENSION = 384
WORD = re.compile(r"\w+")


class HashingEncoder:
    """Words and their character trigrams, hashed into signed buckets.

    Texts that share words lie near each other; meaning plays no part. The same text gives the same
    vector on every machine and in every process (feature hashing: Weinberger et al. 2009).

    Example:
        >>> vectors = HashingEncoder().encode(["peer support", "peer support", "weather"])
        >>> bool(vectors[0] @ vectors[1] > 0.999), bool(vectors[0] @ vectors[2] < 0.5)
        (True, True)
    """

    identity = EncoderIdentity(name="hashing", hash="hashing-2", dimension=DIMENSION)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, shape (number of texts, 384), float32."""
        rows = np.zeros((len(texts), DIMENSION), dtype=np.float32)
        # No feature falls into the first bucket, so that no text, not even one without words, is a zero vector.
        rows[:, 0] = 1
        for row, text in zip(rows, texts, strict=True):
            for feature, count in Counter(_features(text)).items():
                bucket, sign = _bucket(feature)
                row[bucket] += sign * np.sqrt(count)
        return unit_rows(rows)


def _features(text: str) -> list[str]:
    words = WORD.findall(text.casefold())
    trigrams = [f"#{word}#"[i : i + 3] for word in words for i in range(len(word))]
    return [*words, *trigrams]


def _bucket(feature: str) -> tuple[int, int]:
    digest = int.from_bytes(hashlib.blake2b(feature.encode(), digest_size=8).digest(), "big")
    return 1 + digest % (DIMENSION - 1), 1 if digest >> 63 else -1
