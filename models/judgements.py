"""What a method says of tested segments beside what people said, and what can be read off each segment."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from models.codebook import Codebook
from models.codings import Codings, Flags, covering
from models.protocols import Rows
from models.resampling import Floats

# A further code beside the first is taken as applied if it more likely is than not.
FURTHER_CODES = 0.5
MACHINE = "machine"


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What a method says.

    Attributes:
        scores: of each segment and leaf, higher for the better, shape (segments, leaves).
        abstained: where it suggests nothing, shape (segments,).
        no_code: how likely it finds it that no code applies, higher for the likelier, shape (segments,).
    """

    scores: Floats
    abstained: Flags
    no_code: Floats


Method = Callable[[Rows, Rows], Scores]
"""Learns from the segments of the first argument and scores those of the second; both are numbers of segments."""


@dataclass(frozen=True, kw_only=True)
class Study:
    """A coded study.

    Attributes:
        codebook: the tree.
        humans: the coders, with a column for each code of the codebook, in its order.
        truth: the one coder, or consensus, that the machine is judged by; the same columns. Where it says nothing of a
            segment, the segment only counts for the agreement of the machine with others.
        references: how each segment is cited.
        sites: of each segment; None where it has none.
    """

    codebook: Codebook
    humans: Codings
    truth: Codings
    references: tuple[str, ...]
    sites: tuple[str | None, ...]

    @cached_property
    def leaves(self) -> tuple[str, ...]:
        """The ids of what a method may suggest."""
        return tuple(leaf.id for leaf in self.codebook.active_leaves)

    @cached_property
    def leaf_columns(self) -> Rows:
        """The columns of the leaves among those of the codes."""
        return np.array([self.truth.codes.index(leaf) for leaf in self.leaves], dtype=np.intp)

    @cached_property
    def applied(self) -> Flags:
        """Whether each leaf truly applies to each segment, shape (segments, leaves)."""
        applied: Flags = self.truth.applied[0][:, self.leaf_columns]
        return applied

    def on(self, rows: Rows) -> "Study":
        """The study of these segments alone, in this order."""
        return Study(
            codebook=self.codebook,
            humans=self.humans.on(rows),
            truth=self.truth.on(rows),
            references=tuple(self.references[row] for row in rows),
            sites=tuple(self.sites[row] for row in rows),
        )

    def covers(self, codes: Sequence[str]) -> Flags:
        """Whether each column is one of these codes or below it, shape (columns, codes)."""
        return covering(self.codebook, self.truth.codes, codes)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Tested segments with what people and the machine said; every array has a row for each segment.

    Attributes:
        study: of the tested segments alone, in their order.
        scores: shape (segments, leaves).
        abstained: shape (segments,).
        no_code: shape (segments,).
    """

    study: Study
    scores: Floats
    abstained: Flags
    no_code: Floats

    @property
    def known(self) -> "Judged":
        """The segments of which there is a truth."""
        return self.on(np.flatnonzero(self.study.truth.seen[0]))

    def on(self, rows: Rows) -> "Judged":
        """These segments alone, in this order."""
        return Judged(
            study=self.study.on(rows),
            scores=self.scores[rows],
            abstained=self.abstained[rows],
            no_code=self.no_code[rows],
        )

    @cached_property
    def order(self) -> Rows:
        """The leaves of each segment, best first; of equal scores the first in the codebook."""
        return np.argsort(-self.scores, axis=1, kind="stable")

    @cached_property
    def best(self) -> Floats:
        """The score of the first suggestion; 0 where there is no leaf at all."""
        best: Floats = self.scores.max(axis=1, initial=0)
        return best

    @cached_property
    def ranked(self) -> Flags:
        """Whether the first, second, … suggestion is right, shape (segments, leaves)."""
        return np.take_along_axis(self.study.applied, self.order, axis=1)

    @cached_property
    def first_is_right(self) -> Flags:
        """Whether the first suggestion is right, shape (segments,)."""
        return self.ranked[:, 0] if self.ranked.shape[1] else np.zeros(len(self.scores), dtype=bool)

    @cached_property
    def has_leaf(self) -> Flags:
        """Whether people applied a leaf at all, shape (segments,)."""
        return np.asarray(self.study.applied.sum(axis=1) > 0)

    @cached_property
    def machine_leaves(self) -> Flags:
        """What the machine applied: its first suggestion unless it abstained, and further ones scored 0.5 or more."""
        applied = self.scores >= FURTHER_CODES
        if applied.shape[1]:
            applied[np.arange(len(applied)), self.order[:, 0]] = True
        return applied & ~self.abstained[:, None]

    @cached_property
    def machine(self) -> Codings:
        """The machine as a coder beside the human ones."""
        truth = self.study.truth
        applied = np.zeros((1, *truth.applied.shape[1:]), dtype=bool)
        applied[0][:, self.study.leaf_columns] = self.machine_leaves
        seen = np.ones((1, len(truth.documents)), dtype=bool)
        return Codings(coders=(MACHINE,), codes=truth.codes, applied=applied, seen=seen, documents=truth.documents)

    def rolled_up(self, codes: Sequence[str]) -> tuple[Flags, Flags]:
        """What people and the machine applied, codes counting with all below them; each (segments, codes)."""
        covers = self.study.covers(codes).astype(np.float32)
        human, machine = self.study.truth.applied[0], self.machine.applied[0]
        return human.astype(np.float32) @ covers > 0, machine.astype(np.float32) @ covers > 0
