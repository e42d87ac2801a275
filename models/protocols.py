"""Which segments a method learns from and on which it is tested. A segment is never both at once.

Few shots: each draw sets aside segments to learn from and tests on the others; for each number of shots the first so
many segments of each code are the examples, so that a larger number only adds to a smaller one, and all numbers are
tested on the same segments. By document, the segments of one half of the documents are learnt from, and those of the
other half tested. At random, the first 16 of each code's shuffled segments (at most half of them) are learnt from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from models.codings import Flags

Split = Literal["document", "random"]
Rows = npt.NDArray[np.intp]

# As many as the largest usual number of shots.
POOL = 16


@dataclass(frozen=True, kw_only=True)
class Fold:
    """One run of learning and testing.

    Attributes:
        shots: examples of each code, as far as there are so many; None for everything that is not tested.
        draw: which draw it is, or which document or site is left out, from 0.
        examples: the segments that are learnt from, ascending.
        tested: the segments that are tested.
        available: how many examples of each code there are to learn from.
    """

    shots: int | None
    draw: int
    examples: Rows
    tested: Rows
    available: npt.NDArray[np.int64]


def zero_shot(segments: int, codes: int) -> Fold:
    """Every segment tested, without an example."""
    return Fold(
        shots=0,
        draw=0,
        examples=np.zeros(0, dtype=np.intp),
        tested=np.arange(segments),
        available=np.zeros(codes, dtype=np.int64),
    )


def few_shots(
    applied: Flags, documents: Sequence[str], *, shots: Sequence[int], draws: int, split: Split, seed: int
) -> list[Fold]:
    """The folds of a learning curve, by shots and then by draws; 0 shots are one fold that tests every segment.

    Args:
        applied: which codes each segment carries, shape (segments, codes).
        documents: the document of each segment.
        shots: numbers of examples of each code.
        draws: how many times examples are drawn.
        split: what is set aside.
        seed: the same seed gives the same folds.
    """
    pools = [_pools(applied, documents, split, max(shots, default=0), [seed, draw]) for draw in range(draws)]
    folds = []
    for number in sorted(set(shots)):
        if number == 0:
            folds.append(zero_shot(*applied.shape))
            continue
        folds += [_fold(number, draw, *pool) for draw, pool in enumerate(pools)]
    return folds


def leave_one_out(applied: Flags, known: Flags, groups: Sequence[str]) -> list[Fold]:
    """A fold for each group (document or site): it is tested, and all others are learnt from.

    Args:
        applied: which codes each segment carries, shape (segments, codes).
        known: whether there is anything to learn from a segment, shape (segments,).
        groups: the group of each segment.
    """
    names = list(dict.fromkeys(groups))
    numbers = np.array([names.index(group) for group in groups], dtype=np.intp)
    folds = []
    for left_out in range(len(names)):
        examples = np.flatnonzero((numbers != left_out) & known)
        folds.append(
            Fold(
                shots=None,
                draw=left_out,
                examples=examples,
                tested=np.flatnonzero(numbers == left_out),
                available=applied[examples].sum(axis=0),
            )
        )
    return folds


def shortages(folds: Sequence[Fold], codes: Sequence[str]) -> list[Mapping[str, object]]:
    """The codes with fewer examples than shots in some draw: ``{"shots", "code", "least", "most"}``."""
    found: list[Mapping[str, object]] = []
    for shots in sorted({fold.shots for fold in folds if fold.shots}):
        available = np.array([fold.available for fold in folds if fold.shots == shots])
        for column in np.flatnonzero(available.min(axis=0) < shots).tolist():
            least, most = int(available[:, column].min()), int(available[:, column].max())
            found.append({"shots": shots, "code": codes[column], "least": least, "most": min(most, shots)})
    return found


def _pools(
    applied: Flags, documents: Sequence[str], split: Split, most: int, seed: Sequence[int]
) -> tuple[list[Rows], Rows]:
    """The segments of each code to learn from, in the order in which they are taken, and the segments tested."""
    random = np.random.default_rng(seed)
    if split == "document":
        names = random.permutation(sorted(set(documents)))
        learning = set(names[: len(names) // 2].tolist())
        in_learning = np.array([document in learning for document in documents], dtype=bool)
        shuffled = [random.permutation(np.flatnonzero(column)) for column in applied.T]
        return [rows[in_learning[rows]] for rows in shuffled], np.flatnonzero(~in_learning)
    size = max(POOL, most)
    shuffled = [random.permutation(np.flatnonzero(column)) for column in applied.T]
    pools = [rows[: min(size, len(rows) // 2)] for rows in shuffled]
    pooled = np.zeros(len(applied), dtype=bool)
    for pool in pools:
        pooled[pool] = True
    return pools, np.flatnonzero(~pooled)


def _fold(shots: int, draw: int, pools: Sequence[Rows], tested: Rows) -> Fold:
    taken = [pool[:shots] for pool in pools]
    return Fold(
        shots=shots,
        draw=draw,
        examples=np.unique(np.concatenate(taken)) if taken else np.zeros(0, dtype=np.intp),
        tested=tested,
        available=np.array([len(pool) for pool in pools], dtype=np.int64),
    )
