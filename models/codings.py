"""Who applied which code to which segment: the table that agreement and evaluation are computed from.

The unit is a pair of segment and code. "No code applies" and "not looked at" are different: a coder who looked at a
segment said no to every code that he did not apply; of a segment that he did not look at he said nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.codebook import Code, Codebook

Flags = npt.NDArray[np.bool_]

CONSENSUS = "consensus"


@dataclass(frozen=True, kw_only=True)
class Codings:
    """The codings of some coders.

    Attributes:
        coders: their names.
        codes: ids of the codes, one for each column.
        applied: shape (coders, segments, codes); false wherever the coder did not look.
        seen: whether the coder looked at the segment, shape (coders, segments).
        documents: the transcript of each segment.

    Example:
        >>> table = Codings(coders=("A", "B"), codes=("hope",), documents=("d", "d"),
        ...     applied=np.array([[[True], [False]], [[True], [False]]]), seen=np.array([[True, True], [True, False]]))
        >>> table.compared.tolist(), table.consensus().seen.tolist()
        ([0], [[True, True]])
    """

    coders: tuple[str, ...]
    codes: tuple[str, ...]
    applied: Flags
    seen: Flags
    documents: tuple[str, ...]

    @property
    def compared(self) -> npt.NDArray[np.intp]:
        """The segments that two coders or more looked at; the others say nothing about agreement."""
        return np.flatnonzero(self.seen.sum(axis=0) >= 2)

    def of(self, coders: Sequence[str]) -> "Codings":
        """The codings of these coders alone, in this order. ValueError if one is not there."""
        rows = [self.coders.index(coder) for coder in coders]
        return Codings(
            coders=tuple(coders),
            codes=self.codes,
            applied=self.applied[rows],
            seen=self.seen[rows],
            documents=self.documents,
        )

    def on(self, segments: Sequence[int] | npt.NDArray[np.intp]) -> "Codings":
        """The codings of these segments alone, in this order."""
        rows = np.asarray(segments, dtype=np.intp)
        return Codings(
            coders=self.coders,
            codes=self.codes,
            applied=self.applied[:, rows],
            seen=self.seen[:, rows],
            documents=tuple(self.documents[row] for row in rows),
        )

    def only(self, codes: Sequence[str]) -> "Codings":
        """The columns of these codes alone, in this order. ValueError if one is not there."""
        columns = [self.codes.index(code) for code in codes]
        return self._with_columns(tuple(codes), self.applied[:, :, columns])

    def used(self) -> "Codings":
        """The columns of the codes that somebody applied to a segment that two or more looked at."""
        used: list[bool] = np.any(self.applied[:, self.compared], axis=(0, 1)).tolist()
        return self.only([code for code, is_used in zip(self.codes, used, strict=True) if is_used])

    def rolled_up(self, codebook: Codebook, codes: Sequence[str]) -> "Codings":
        """Columns of other codes: one counts as applied where it, or a code below it, is applied."""
        covers = covering(codebook, self.codes, codes)
        columns = [self.applied[:, :, covers[:, column]].any(axis=2) for column in range(len(codes))]
        shape = (*self.seen.shape, 0)
        return self._with_columns(tuple(codes), np.stack(columns, axis=2) if columns else np.zeros(shape, dtype=bool))

    def and_(self, other: "Codings") -> "Codings":
        """These coders and those of another table of the same segments and codes."""
        return Codings(
            coders=(*self.coders, *other.coders),
            codes=self.codes,
            applied=np.concatenate([self.applied, other.applied]),
            seen=np.concatenate([self.seen, other.seen]),
            documents=self.documents,
        )

    def consensus(self) -> "Codings":
        """One coder named ``consensus``: a code stands where more than half of those who looked applied it.

        No code applies where more than half found none. Where neither is so, there is no consensus, and the segment
        counts as not looked at.
        """
        looked = self.seen.sum(axis=0)
        stands = 2 * self.applied.sum(axis=0) > looked[:, None]
        found_none = self.seen & ~self.applied.any(axis=2)
        agreed = stands.any(axis=1) | (2 * found_none.sum(axis=0) > looked)
        return Codings(
            coders=(CONSENSUS,),
            codes=self.codes,
            applied=stands[None],
            seen=agreed[None],
            documents=self.documents,
        )

    def _with_columns(self, codes: tuple[str, ...], applied: Flags) -> "Codings":
        return Codings(coders=self.coders, codes=codes, applied=applied, seen=self.seen, documents=self.documents)


def covering(codebook: Codebook, codes: Sequence[str], above: Sequence[str]) -> Flags:
    """Whether each code is one of others, or below it; shape (len(codes), len(above)). KeyError if one is unknown."""
    paths = [{step.id for step in codebook.path(code)} for code in codes]
    return np.array([[one in path for one in above] for path in paths], dtype=bool).reshape(len(codes), len(above))


def codes_of_level(codebook: Codebook, level: int) -> list[Code]:
    """The codes of a level of the tree (1 for themes), and the leaves that lie above it, in the codebook's order."""
    leaves = {leaf.id for leaf in codebook.leaves}
    levels = {code.id: codebook.level(code.id) for code in codebook.codes}
    return [
        code for code in codebook.codes if levels[code.id] == level or (levels[code.id] < level and code.id in leaves)
    ]


def depth(codebook: Codebook) -> int:
    """How many levels the tree has; 0 without codes."""
    return max((codebook.level(code.id) for code in codebook.codes), default=0)
