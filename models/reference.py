"""Reference statistics: what a corpus says about codes where nobody has decided anything.

A code's wording is rarely what people say when they mean it, and some codes are near to everything that is
said. Both can be seen in a corpus: each code's vector is moved towards the texts that most likely carry it
(a mixture model whose centres start at, and are held back by, the codes' own words and what people coded), and
a code that attracts more than its share of the texts starts from behind. Half of the way only, because a code
may also be frequent.
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
from models.learning import Numbers, code_sums, softmax

Floats = npt.NDArray[np.float64]

# Fewer different texts than this are no corpus: the shipped defaults apply.
LEAST_TEXTS = 50
SAMPLE_SIZE = 4_096
# So many of them are enough to refine codes with.
REFINING_TEXTS = 2_048
# A code's own words count as much as this many examples.
WORDS_WEIGHT = 2.0
# Logits for each unit of cosine.
SHARPNESS = 20.0
ROUNDS = 6
# How far a code that is near to everything is set back.
SET_BACK = 0.5
# Each byte taken from 255.
_INVERTED = bytes(range(255, -1, -1))


@dataclass(frozen=True, kw_only=True)
class RefinedCodes:
    """Codes as their words, the examples and a corpus show them.

    Attributes:
        known: the sums of a code's words and examples, shape (codes, dimension).
        pull: where the corpus moves each, for each unit of the length of ``known``, same shape.
        offsets: what to add to ``SHARPNESS`` times the cosine, shape (codes,).
    """

    known: Floats
    pull: Floats
    offsets: Floats

    @property
    def vectors(self) -> Floats:
        """Unit vectors, shape (codes, dimension)."""
        return _moved(self.known, self.pull)

    def logits(self, vectors: Vectors) -> Floats:
        """How near texts are to the codes, shape (len(vectors), codes)."""
        return SHARPNESS * (vectors.astype(np.float64) @ self.vectors.T) + self.offsets

    def logits_without(self, vectors: Vectors, shares: Floats) -> Floats:
        """The same for examples, each as if it were none; what the corpus says is held still.

        Args:
            vectors: some of those that the codes were refined with.
            shares: how far each is an example of each code, as it was then.
        """
        logits = self.logits(vectors)
        rows, codes = np.nonzero(shares)
        own = vectors[rows].astype(np.float64)
        left = _moved(self.known[codes] - shares[rows, codes, None] * own, self.pull[codes])
        logits[rows, codes] = SHARPNESS * (own * left).sum(axis=1) + self.offsets[codes]
        return logits


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A sample of the vectors of a corpus: of single texts, without what was said around them.

    Attributes:
        vectors: unit vectors, shape (n, dimension).
        hash: hex digest over the sampled texts, for pinning.
    """

    vectors: Vectors
    hash: str

    def refined(self, code_vectors: Vectors, examples: Vectors, shares: Floats, own: Vectors) -> RefinedCodes:
        """The codes moved towards their examples, and towards the texts of the corpus that most likely carry them.

        Where this is no corpus, examples alone move them.

        Args:
            code_vectors: unit vectors of the codes' own words, shape (codes, dimension).
            examples: unit vectors in context, shape (examples, dimension).
            shares: how far each is an example of each code, shape (examples, codes).
            own: the examples' unit vectors without context, by which the corpus knows them, shape as ``examples``.
        """
        known = WORDS_WEIGHT * code_vectors.astype(np.float64) + code_sums(shares, examples)
        still = RefinedCodes(known=known, pull=np.zeros_like(known), offsets=np.zeros(len(known)))
        texts = self._without(own[shares.any(axis=1)])
        if len(texts) < LEAST_TEXTS or not len(known):
            return still
        # A fair share of the texts moves a code as much as what is known holds it back.
        fair = np.float32(max(len(texts) / len(known), 1.0))
        narrow, centres = known.astype(np.float32), still.vectors.astype(np.float32)
        for _ in range(ROUNDS):
            logits, offsets = _attracted(texts, centres)
            pull = softmax(logits + offsets).T @ texts / fair
            centres = _moved(narrow, pull)
        _, offsets = _attracted(texts, centres)
        return RefinedCodes(
            known=known, pull=pull.astype(np.float64), offsets=(offsets - offsets.mean()).astype(np.float64)
        )

    def _without(self, examples: Vectors) -> Vectors:
        """The texts of the sample that nobody has coded."""
        coded = {vector.tobytes() for vector in examples}
        kept = [row for row, vector in enumerate(self.vectors) if vector.tobytes() not in coded] if coded else None
        return (self.vectors if kept is None else self.vectors[kept])[:REFINING_TEXTS]


def _moved(known: Numbers, pull: Numbers) -> Numbers:
    """Unit vectors of codes that are held by what is known and pulled by a corpus."""
    moved = known + np.linalg.norm(known, axis=1, keepdims=True) * pull
    vectors: Numbers = moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-12)
    return vectors


def _attracted(texts: Vectors, centres: Vectors) -> tuple[Vectors, Vectors]:
    """(logits of the codes for each text, what sets back the codes that are near to, or attract, too many)."""
    logits = np.float32(SHARPNESS) * (texts @ centres.T)
    near = -np.float32(SET_BACK) * logits.mean(axis=0)
    share = softmax(logits + near).mean(axis=0) * np.float32(len(centres))
    return logits, near - np.float32(SET_BACK) * np.log(share + np.float32(1e-3))


@dataclass(frozen=True, kw_only=True)
class Background:
    """Talk at large: how well a code fits what has nothing to do with it.

    Attributes:
        texts: the shipped, invented everyday talk.
        vectors: their unit vectors, shape (n, dimension).
        hash: hex digest over the texts.
    """

    texts: tuple[str, ...]
    vectors: Vectors
    hash: str


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
            key = _inverted(_digest(text))
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


def hash_of_sample(sample: Sequence[str]) -> str:
    """The hash of the reference that a :class:`CorpusSample` makes from what :func:`sample_of` gave."""
    return _hash([_inverted(_digest(text)) for text in sample])


def shipped_background(encoder: TextEncoder) -> Background:
    """The shipped, invented everyday talk as this encoder sees it; encodes some hundred short texts.

    Raises:
        EncoderFailed: the encoder did not return one finite unit vector for each text.
    """
    source = resources.files("models") / "reference" / "everyday_talk.json"
    texts = json.loads(source.read_text(encoding="utf-8"))["texts"]
    return Background(
        texts=tuple(texts), vectors=encode_checked(encoder, texts), hash=_hash([text.encode() for text in texts])
    )


def no_reference() -> Reference:
    """The shipped default: no corpus is known, so the codes are left as they are."""
    return Reference(vectors=np.zeros((0, 0), dtype=np.float32), hash="none")


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()


def _inverted(digest: bytes) -> bytes:
    return digest.translate(_INVERTED)


def _hash(parts: Sequence[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:16]
