"""Which segments to look at next, of those that are still open.

Segments are given in reading order, which is itself the first of the orders. Each function gives indices into what it
is given, the next segment first; same input, same order.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from heapq import nsmallest

import numpy as np
import numpy.typing as npt

from models.encoder import Vectors

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


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


def most_doubtful(doubt: Floats, *, count: int) -> Indices:
    """The segments of which the machine is least sure; of equal ones the first.

    Args:
        doubt: of each segment, the more the larger, shape (segments,).
        count: how many are wanted.
    """
    return np.argsort(-doubt, kind="stable")[:count]


def unlike_each_other(vectors: Vectors, looked_at: Vectors, *, count: int) -> Indices:
    """Always the segment that is least like what is taken already and what has been looked at.

    Greedy k-center (Sener and Savarese 2018, arXiv:1708.00489), so that near-duplicates do not come one after another.

    Args:
        vectors: of the segments, unit rows; of equally unlike ones the first is taken.
        looked_at: of segments that have been looked at, unit rows of the same length.
        count: how many are wanted.
    """
    likeness = (vectors @ looked_at.T).max(axis=1, initial=-1)
    taken: list[int] = []
    for _ in range(min(count, len(vectors))):
        index = int(likeness.argmin())
        taken.append(index)
        likeness = np.maximum(likeness, vectors @ vectors[index])
        likeness[index] = np.inf
    return np.array(taken, dtype=np.int64)


def _lot(seed: int, identity: int) -> bytes:
    return sha256(f"{seed} {identity}".encode()).digest()
