"""What the rest of the product knows of an encoder: texts in, unit vectors out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from models.errors import EncoderFailed, ModelsError

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


def encode_checked(encoder: TextEncoder, texts: Sequence[str]) -> Vectors:
    """What the encoder makes of the texts, when it keeps its promise.

    Returns:
        Unit vectors, shape (len(texts), dimension), float32, in order.

    Raises:
        EncoderFailed: it raised something of its own, or its vectors are not what it promises.
        ModelsError: what else it raised.
    """
    try:
        vectors = encoder.encode(texts)
    except ModelsError:
        raise
    except Exception as error:
        # An encoder may be anybody's code. Its error is not shown further: it may quote the text.
        raise EncoderFailed(f"The encoder stopped with an error ({type(error).__name__}).") from None
    return checked_vectors(vectors, len(texts), encoder.identity.dimension)


def checked_vectors(vectors: Vectors, count: int, dimension: int) -> Vectors:
    """The vectors themselves, when they are what an encoder promises.

    Args:
        vectors: what an encoder returned.
        count: how many texts it was given.
        dimension: the length that its identity promises.

    Raises:
        EncoderFailed: not float32, wrong shape, not finite, or not of unit length.
    """
    if not isinstance(vectors, np.ndarray) or vectors.dtype != np.float32:
        raise EncoderFailed("The encoder returned something else than float32 vectors.")
    if vectors.shape != (count, dimension):
        raise EncoderFailed("The encoder returned vectors of an unexpected shape.")
    if not np.isfinite(vectors).all():
        raise EncoderFailed("The encoder returned a vector that is not finite.")
    if count and np.abs(np.linalg.norm(vectors, axis=1) - 1).max() > UNIT_TOLERANCE:
        raise EncoderFailed("The encoder returned a vector that is not of unit length.")
    return vectors


def unit_rows(rows: npt.NDArray[np.floating[Any]]) -> Vectors:
    """Each row scaled to length 1, as float32; a zero row stays zero. Shape (n, d) in and out."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Vectors = (rows / np.where(norms > 0, norms, 1)).astype(np.float32)
    return scaled
