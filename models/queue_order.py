"""Which segments to look at next, of those that are still open.

Segments are given in reading order, which is itself the first of the orders. Each function gives indices into what it
is given, the next segment first; same input, same order.

The informative order is :func:`most_doubtful` by :func:`doubt`, then :func:`near_duplicates_last`. A simulated analyst
needed fewer decisions with it than in reading order on four sets, but clearly fewer than in random order on two of
them alone, so reading order is the usual one: see ``cards/queue_order.md``.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from heapq import nsmallest

import numpy as np
import numpy.typing as npt

from models.encoder import Vectors

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

# So many times more doubtful segments are looked through as are wanted, because some are near-duplicates.
CHOICE = 10
# Cosine of two segments from which on they say nearly the same.
NEAR = 0.8
# So many newest decisions back, what is like a segment decided on waits: suggestions made before do not know of them.
LAST_DECISIONS = 200


def by_chance(identities: Sequence[int], *, seed: int, count: int) -> list[int]:
    """A random order in which each segment keeps its place beside the others, whichever are no longer open.

    What is looked at in this order is a random sample of all segments, so that figures on it are without bias.

    Args:
        identities: what tells segments from each other, for good.
        seed: another one gives another order.
        count: how many are wanted.
    """
    return nsmallest(count, range(len(identities)), key=lambda index: _lot(seed, identities[index]))


def by_site(sites: Sequence[str | None], looked_at: Mapping[str | None, int], *, count: int) -> list[int]:
    """Always one of the site of which the fewest segments have been looked at; within a site in reading order.

    Of sites that are equal in this, the one that is read first comes first.

    Args:
        sites: of each segment; those without one are like a site of their own.
        looked_at: how many segments of a site have been; none where it is not named.
        count: how many are wanted.
    """
    places = {site: place for place, site in enumerate(dict.fromkeys(sites))}
    reached = {site: looked_at.get(site, 0) for site in places}
    turns: list[tuple[int, int]] = []
    for site in sites:
        turns.append((reached[site], places[site]))
        reached[site] += 1
    return nsmallest(count, range(len(sites)), key=turns.__getitem__)


def doubt(scores: Floats) -> Floats:
    """How unsure the machine is of a segment: 1 less the margin between its first two suggestions, 0 to 1.

    Args:
        scores: of the suggestions that wait on each segment, best first, 0 where there are fewer,
            shape (segments, 2).
    """
    doubts: Floats = 1 - (scores[:, 0] - scores[:, 1])
    return doubts


def most_doubtful(doubts: Floats, *, count: int) -> Indices:
    """The segments of which the machine is least sure; of equal ones the first.

    Args:
        doubts: of each segment, the more the larger, shape (segments,).
        count: how many are wanted.
    """
    return np.argsort(-doubts, kind="stable")[:count]


def near_duplicates_last(vectors: Vectors, looked_at: Vectors, *, count: int) -> list[int]:
    """In the order given, but what says nearly the same as one before it, or as one looked at, after all others.

    Args:
        vectors: of the segments, unit rows.
        looked_at: of segments that have been looked at, unit rows of the same length.
        count: how many are wanted.
    """
    likeness = (vectors @ looked_at.T).max(axis=1, initial=-1)
    taken: list[int] = []
    for index, vector in enumerate(vectors):
        if len(taken) < count and likeness[index] < NEAR:
            taken.append(index)
            likeness = np.maximum(likeness, vectors @ vector)
    others = sorted(set(range(len(vectors))) - set(taken))
    return (taken + others)[:count]


def _lot(seed: int, identity: int) -> bytes:
    return sha256(f"{seed} {identity}".encode()).digest()
