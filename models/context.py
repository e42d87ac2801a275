"""What was said around a segment, and how it comes into the segment's vector.

A turn means more than its words: "Yes, always." means what was asked. So the vectors of the turns directly before and
after are mixed into a segment's own, for examples and judged segments alike.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from models.encoder import Vectors, unit_rows
from models.word_features import has_words

# How much each neighbouring turn counts beside the segment itself; fixed, and not learnt from anything.
NEIGHBOUR_WEIGHT = np.float32(0.3)
# The number of the paragraph after one is higher by this.
NEXT_PARAGRAPH = 1

ContextUse = Literal["neighbours", "none"]
"""Whether what was said around segments counts."""


class Context(NamedTuple):
    """The texts directly before and after a segment; None where there is none, or nothing is known.

    A text without words counts as none. A tuple, because they are made by the million.
    """

    before: str | None = None
    after: str | None = None


NO_CONTEXT = Context()


def follows(earlier: int | None, later: int | None) -> bool:
    """Whether nothing lies between two segments that stand one after the other, by the numbers of their paragraphs."""
    return earlier is not None and later is not None and 0 <= later - earlier <= NEXT_PARAGRAPH


def neighbouring_texts(contexts: Sequence[Context]) -> set[str]:
    """The different texts with words in some contexts."""
    around = {text for context in contexts for text in context if text is not None}
    return set(filter(has_words, around))


def in_context(
    vectors: Vectors, neighbours: Sequence[tuple[Hashable, Hashable]], known: Mapping[Any, Vectors]
) -> Vectors:
    """Segments' vectors with those of the turns before and after mixed in: unit(own + 0.3 before + 0.3 after).

    Args:
        vectors: the segments' own unit vectors, shape (n, dimension).
        neighbours: for each segment the names of the turns before and after.
        known: unit vectors by those names, shape (dimension,); what is not there counts as none.

    Returns:
        Unit vectors, shape (n, dimension), float32. A segment without neighbours keeps the bits of its own.

    Example:
        >>> own = np.eye(2, dtype=np.float32)
        >>> mixed = in_context(own, [(None, "reply"), (None, None)], {"reply": own[1]})
        >>> (mixed @ own[1]).round(2).astype(str).tolist()
        ['0.29', '1.0']
    """
    mixed = vectors.copy()
    touched: set[int] = set()
    for side in (0, 1):
        rows = [row for row, names in enumerate(neighbours) if names[side] in known]
        if rows:
            mixed[rows] += NEIGHBOUR_WEIGHT * np.stack([known[neighbours[row][side]] for row in rows])
            touched.update(rows)
    if touched:
        changed = sorted(touched)
        mixed[changed] = unit_rows(mixed[changed])
    return mixed
