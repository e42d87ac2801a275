"""What the rest of the product knows of an encoder: texts in, unit vectors out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from models.errors import EncoderFailed

Vectors = npt.NDArray[np.float32]

UNIT_TOLERANCE = 1e-3


@dataclass(frozen=True, kw_only=True)
class EncoderIdentity:
    """Which encoder made a vector. Vectors of different identities are never compared.

    Attributes:
        name: readable name, e.g. ``"all-minilm-l6-v2"``.
        hash: hex digest of everything that decides the vectors: weights, configuration, tokenizer.
        dimension: length of a vector.
    """

    name: str
    hash: str
    dimension: int


class TextEncoder(Protocol):
    """Turns texts into unit vectors. A vector depends on its own text alone."""

    @property
    def identity(self) -> EncoderIdentity:
        """Who made the vectors."""
        ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of the texts, shape (number of texts, dimension), float32, in order.

        Raises:
            EncoderFailed: the encoder could not make a finite unit vector for every text.
        """
        ...


def checked_vectors(vectors: Vectors, count: int, dimension: int) -> Vectors:
    """The vectors themselves, when they are what an encoder promises.

    Args:
        vectors: what an encoder returned.
        count: how many texts it was given.
        dimension: the length that its identity promises.

    Raises:
        EncoderFailed: wrong shape, not finite, or not of unit length.
    """
    if vectors.shape != (count, dimension):
        raise EncoderFailed("The encoder returned vectors of an unexpected shape.")
    if not np.isfinite(vectors).all():
        raise EncoderFailed("The encoder returned a vector that is not finite.")
    if count and np.abs(np.linalg.norm(vectors, axis=1) - 1).max() > UNIT_TOLERANCE:
        raise EncoderFailed("The encoder returned a vector that is not of unit length.")
    return vectors


def unit_rows(rows: Vectors) -> Vectors:
    """Each row scaled to length 1; a zero row stays zero. Shape (n, d) in and out, float32."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Vectors = (rows / np.where(norms > 0, norms, 1)).astype(np.float32)
    return scaled
