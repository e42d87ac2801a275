"""Segments that speak of the same thing, found by their vectors: candidates for a code that a codebook lacks."""

import math
import re
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from models.encoder import Vectors, unit_rows

# Two may be chance.
LEAST_SIZE = 3
# The segments of two groups must be more similar, on average, than any two segments are by so many standard deviations;
# but never less than the first of these, nor more than the second: where all speak of one thing, that is one group.
DEVIATIONS = 1.5
LEAST_SIMILARITY, SURELY_SIMILAR = 0.45, 0.6
TYPICAL = 3
TELLING_WORDS = 5
# A word of one segment tells of that segment alone.
LEAST_USES = 2
_WORD = re.compile(r"[^\W\d_](?:['\u2019-]?[^\W\d_]){2,}")


@dataclass(frozen=True, kw_only=True)
class SegmentGroup:
    """Segments that are similar to each other.

    Attributes:
        members: their positions, in order.
        typical: positions of the members nearest to the centre, of different transcripts as far as there are.
        similarity: mean cosine of its members with their centre.
    """

    members: Sequence[int]
    typical: Sequence[int]
    similarity: float


def group_segments(vectors: Vectors, transcripts: Sequence[Hashable]) -> list[SegmentGroup]:
    """Groups of at least ``LEAST_SIZE`` segments, the largest first; of equal size the most coherent.

    Average linkage on cosines (Sokal & Michener 1958): the two groups whose segments are on average most similar
    become one, until no two are similar enough. That is the mean over all pairs of segments and ``DEVIATIONS`` standard
    deviations, within ``LEAST_SIMILARITY`` and ``SURELY_SIMILAR``. Deterministic. Takes time and memory with the square
    of the number of segments.

    Args:
        vectors: unit vectors, shape (segments, dimension).
        transcripts: the transcript of each.

    Example:
        >>> rows = np.array([[1, 0], [0, 1], [1, 0], [1, 0]], dtype=np.float32)
        >>> group_segments(rows, ["a", "a", "a", "b"])
        [SegmentGroup(members=[0, 2, 3], typical=[0, 3, 2], similarity=1.0)]
    """
    if len(vectors) < LEAST_SIZE:
        return []
    by_label: dict[int, list[int]] = {}
    for at, label in enumerate(_labels(vectors)):
        by_label.setdefault(label, []).append(at)
    groups = [_group(vectors, members, transcripts) for members in by_label.values() if len(members) >= LEAST_SIZE]
    return sorted(groups, key=lambda group: (-len(group.members), -group.similarity, group.members[0]))


class WordUse:
    """How many texts of a corpus use each word.

    Args:
        texts: the corpus.

    Example:
        >>> corpus = WordUse(["the bus was late", "no bus came", "a bus", "the train was late", "the tea"])
        >>> corpus.telling(["the bus was late", "no bus came", "a bus"])
        ['bus']
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._uses, self._count = _uses(texts)

    def telling(self, texts: Sequence[str]) -> list[str]:
        """The words that set some texts apart from the corpus, the most telling first; at most ``TELLING_WORDS``.

        TF-IDF with texts as the unit: the share of these texts that use a word, times the logarithm of how much more
        frequent it is in them than in the corpus. Words of three letters or more that ``LEAST_USES`` of them use.
        """
        uses, _ = _uses(texts)
        telling = {}
        for word, count in uses.items():
            share = count / len(texts)
            ratio = share / ((self._uses[word] + 1) / (self._count + 1))
            if count >= LEAST_USES and ratio > 1:
                telling[word] = share * math.log(ratio)
        return sorted(telling, key=lambda word: (-telling[word], word))[:TELLING_WORDS]


def _labels(vectors: Vectors) -> list[int]:
    """The number of the group of each segment."""
    # Imported here because it takes long, and a service that is asked nothing of the kind need not wait for it.
    from scipy.cluster.hierarchy import fcluster, linkage

    # Equal texts are equal, and noise below what is shown decides nothing.
    similarities = np.clip(vectors @ vectors.T, -1, 1)[np.triu_indices(len(vectors), 1)].astype(np.float64).round(6)
    enough = similarities.mean() + DEVIATIONS * similarities.std()
    enough = min(max(enough, LEAST_SIMILARITY), SURELY_SIMILAR)
    merges = linkage(1 - similarities, method="average")
    labels: list[int] = fcluster(merges, 1 - enough, criterion="distance").tolist()
    return labels


def _group(vectors: Vectors, members: list[int], transcripts: Sequence[Hashable]) -> SegmentGroup:
    centre = unit_rows(vectors[members].mean(axis=0, keepdims=True))[0]
    similarities = (vectors[members] @ centre).astype(np.float64).round(6)
    nearest = [members[at] for at in np.argsort(-similarities, kind="stable")]
    firsts: dict[Hashable, int] = {}
    for at in nearest:
        firsts.setdefault(transcripts[at], at)
    own_transcript = set(firsts.values())
    ordered = sorted(nearest, key=lambda at: at not in own_transcript)
    return SegmentGroup(members=members, typical=ordered[:TYPICAL], similarity=round(float(similarities.mean()), 6))


def _uses(texts: Iterable[str]) -> tuple[Counter[str], int]:
    """(how many texts use each word, how many texts there are)."""
    uses: Counter[str] = Counter()
    count = 0
    for text in texts:
        uses.update(set(_WORD.findall(text.casefold())))
        count += 1
    return uses, count
