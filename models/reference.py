"""Reference statistics: how a code's similarities lie over texts that mostly do not carry it.

Some codes are near to everything that is said, because their wording is general or close to the
topic of the whole study; their similarities are not comparable with those of other codes. Over a
corpus most segments do not carry a given code, so the lower quartile of the code's similarities
tells how near it is to what it does *not* mean. (The mean would also rise with how often the code
applies, and punish frequent codes for being frequent.)
"""

import hashlib
import heapq
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np
import numpy.typing as npt

from models.encoder import TextEncoder, Vectors, encode_checked

Floats = npt.NDArray[np.float64]

# Fewer different texts than this are no corpus: the shipped defaults apply.
LEAST_TEXTS = 100
# With this many texts the corpus counts half.
HALF_WEIGHT_TEXTS = 100
SAMPLE_SIZE = 4_096
QUARTILE = 0.25


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A sample of the vectors of a corpus.

    Attributes:
        vectors: unit vectors, shape (n, dimension).
        hash: hex digest over the sampled texts, for pinning.
    """

    vectors: Vectors
    hash: str

    def centres(self, code_vectors: Vectors) -> Floats:
        """What to subtract from each code's similarities, shape (number of codes,).

        The lower quartile of each code's similarities over the corpus, less the mean of these, and
        shrunk towards 0 by ``n / (n + 100)`` as far as the corpus is small.
        """
        if len(self.vectors) < LEAST_TEXTS or not len(code_vectors):
            return np.zeros(len(code_vectors))
        quartiles = np.quantile(self.vectors @ code_vectors.T, QUARTILE, axis=0)
        weight = len(self.vectors) / (len(self.vectors) + HALF_WEIGHT_TEXTS)
        centres: Floats = weight * (quartiles - quartiles.mean())
        return centres


@dataclass(frozen=True, kw_only=True)
class Background:
    """How similar a codebook is to talk at large: the zero point and the unit of its similarities.

    Attributes:
        vectors: unit vectors of the shipped, invented everyday talk, shape (n, dimension).
        hash: hex digest over the texts.
    """

    vectors: Vectors
    hash: str

    def scale(self, code_vectors: Vectors) -> tuple[float, float]:
        """(the median of the best similarity of a text of everyday talk to any code, the deviation of all).

        (0, 1) if there are no codes.
        """
        if not len(code_vectors):
            return 0.0, 1.0
        similarities = self.vectors @ code_vectors.T
        return float(np.median(similarities.max(axis=1))), float(max(similarities.std(), 1e-6))


class CorpusSample:
    """Collects a sample of a corpus that depends on its different texts alone, not on order or batches.

    Example:
        >>> sample = CorpusSample()
        >>> sample.add(["one", "two", "one"], np.eye(3, dtype=np.float32)[[0, 1, 0]])
        >>> sample.reference().vectors.shape
        (2, 3)
    """

    def __init__(self) -> None:
        self._kept: list[tuple[bytes, Vectors]] = []
        self._digests: set[bytes] = set()

    def add(self, texts: Sequence[str], vectors: Vectors) -> None:
        """Takes in a part of the corpus: texts and their unit vectors, shape (len(texts), dimension)."""
        for text, vector in zip(texts, vectors, strict=True):
            # Inverted, so that the heap's smallest entry is the largest digest that is kept.
            key = bytes(255 - byte for byte in _digest(text))
            is_full = len(self._kept) >= SAMPLE_SIZE
            if key in self._digests or (is_full and key < self._kept[0][0]):
                continue
            self._digests.add(key)
            heapq.heappush(self._kept, (key, vector.copy()))
            if len(self._kept) > SAMPLE_SIZE:
                self._digests.discard(heapq.heappop(self._kept)[0])

    def reference(self) -> Reference:
        """The sample as reference; an empty corpus gives one that changes nothing."""
        kept = sorted(self._kept, key=lambda pair: pair[0])
        vectors = np.stack([vector for _, vector in kept]) if kept else np.zeros((0, 0), dtype=np.float32)
        return Reference(vectors=vectors, hash=_hash([key for key, _ in kept]))


def sample_of(texts: Iterable[str]) -> list[str]:
    """The different ones of these texts that a :class:`CorpusSample` keeps, in the order of its reference."""
    digests = {text: _digest(text) for text in texts}
    kept = heapq.nsmallest(SAMPLE_SIZE, digests, key=digests.__getitem__)
    return kept[::-1]


def shipped_background(encoder: TextEncoder) -> Background:
    """The shipped, invented everyday talk as this encoder sees it; encodes some hundred short texts.

    Raises:
        EncoderFailed: the encoder did not return one finite unit vector for each text.
    """
    source = resources.files("models") / "reference" / "everyday_talk.json"
    texts = json.loads(source.read_text(encoding="utf-8"))["texts"]
    return Background(vectors=encode_checked(encoder, texts), hash=_hash([text.encode() for text in texts]))


def no_reference() -> Reference:
    """The shipped default: no corpus is known, so the codes' similarities are left as they are."""
    return Reference(vectors=np.zeros((0, 0), dtype=np.float32), hash="none")


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()


def _hash(parts: Sequence[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:16]
