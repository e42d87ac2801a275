"""What people have coded so far: where it moves the codes, and which of it speaks for a suggestion."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from models.calibration import Flags, Floats
from models.codebook import Codebook
from models.encoder import Vectors, unit_rows
from models.errors import ExampleNotAccepted
from models.reference import Reference

EVIDENCE_EXAMPLES = 3
# A code's own words count as much as this many accepted examples.
DEFINITION_WEIGHT = 2.0
# The calibration needs some hundred examples; more only cost time.
CALIBRATION_EXAMPLES = 2_000


@dataclass(frozen=True, kw_only=True)
class Example:
    """A segment that people have coded.

    Attributes:
        text: its text.
        codes: ids of the codes that apply; empty means that it was looked at and none does.
        reference: how it is cited, e.g. "BU 11".
    """

    text: str
    codes: tuple[str, ...]
    reference: str | None = None


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Why a code is suggested: its definition, or an accepted example that the segment resembles.

    Attributes:
        similarity: cosine, -1 to 1.
    """

    kind: Literal["definition", "example"]
    text: str
    similarity: float
    reference: str | None = None


class ExampleBank:
    """The examples of each leaf, and the prototypes that they make with the leaves' own words.

    Args:
        examples: what :func:`merged_examples` gives: no two of the same text.
        vectors: their unit vectors, shape (examples, dimension).
        leaf_ids: the codes that can be suggested, in the order of all columns below. Other codes of an
            example teach nothing.
        words: unit vectors of the leaves' own words, shape (leaves, dimension).
        reference: a sample of the corpus. What it says of a leaf gives way as the leaf has examples.

    Attributes:
        prototypes: unit vectors, shape (leaves, dimension): the direction of a leaf's examples and,
            with the weight of ``DEFINITION_WEIGHT`` examples, its words.

    Example:
        >>> from models.reference import no_reference
        >>> bank = ExampleBank(
        ...     [Example(text="Money is short.", codes=("cost",), reference="BU 3")],
        ...     vectors=np.array([[0, 1]], dtype=np.float32),
        ...     leaf_ids=["access", "cost"],
        ...     words=np.array([[1, 0], [0.8, 0.6]], dtype=np.float32),
        ...     reference=no_reference(),
        ... )
        >>> np.allclose(bank.prototypes, [[1, 0], [0.588, 0.809]], atol=0.001)
        True
    """

    def __init__(
        self,
        examples: Sequence[Example],
        *,
        vectors: Vectors,
        leaf_ids: Sequence[str],
        words: Vectors,
        reference: Reference,
    ) -> None:
        self._examples = examples
        self._vectors = vectors
        self._rows = {example.text: row for row, example in enumerate(examples)}
        self._applied: Flags = np.zeros((len(examples), len(leaf_ids)), dtype=bool)
        # In double precision, so that the order of the examples leaves no trace.
        self._sums: Floats = DEFINITION_WEIGHT * words.astype(np.float64)
        columns = {leaf_id: column for column, leaf_id in enumerate(leaf_ids)}
        for row, example in enumerate(examples):
            own = sorted({columns[code] for code in example.codes if code in columns})
            self._applied[row, own] = True
            self._sums[own] += vectors[row]
        self._counts: Floats = self._applied.sum(axis=0, dtype=np.float64)
        self.prototypes = unit_rows(self._sums)
        self._centres = reference.centres(self.prototypes)
        self._of_leaf: dict[int, tuple[list[int], Vectors]] = {}

    def similarities(self, texts: Sequence[str], vectors: Vectors) -> Floats:
        """Cosine to each leaf's prototype less the leaf's centre, shape (texts, leaves).

        A text that is an example itself is judged as if it were none.
        """
        # In double precision, so that what else is in the call leaves no trace.
        cosines = vectors.astype(np.float64) @ self.prototypes.T.astype(np.float64)
        similarities: Floats = cosines - _trust(self._counts) * self._centres
        for row, text in enumerate(texts):
            example = self._rows.get(text)
            if example is not None and self._applied[example].any():
                own = np.flatnonzero(self._applied[example])
                without = unit_rows(self._sums[own] - self._vectors[example]).astype(np.float64)
                similarities[row, own] = without @ vectors[row] - _trust(self._counts[own] - 1) * self._centres[own]
        return similarities

    def judged_without_themselves(self) -> tuple[Floats, Flags]:
        """What a calibration is fitted to.

        Returns:
            The similarities of the examples, at most ``CALIBRATION_EXAMPLES``, and whether each leaf
            applies; both of shape (examples, leaves). Examples that carry other codes only are left out.
        """
        known = [row for row, example in enumerate(self._examples) if self._applied[row].any() or not example.codes]
        rows = known[:: max(1, -(-len(known) // CALIBRATION_EXAMPLES))]
        texts = [self._examples[row].text for row in rows]
        return self.similarities(texts, self._vectors[rows]), self._applied[rows]

    def nearest(self, column: int, text: str, vector: Vectors) -> Iterator[Evidence]:
        """The examples of a leaf that are most similar to a segment, best first, without the segment itself.

        Args:
            column: which leaf.
            text: the segment.
            vector: its unit vector, shape (dimension,).
        """
        rows, vectors = self._examples_of(column)
        similarities = np.clip(vectors @ vector, -1, 1)
        # One more than needed, because the segment itself may be among them.
        best = np.argsort(-similarities, kind="stable")[: EVIDENCE_EXAMPLES + 1]
        others = [index for index in best if rows[index] != self._rows.get(text)]
        for index in others[:EVIDENCE_EXAMPLES]:
            example = self._examples[rows[index]]
            yield Evidence(
                kind="example",
                text=example.text,
                similarity=float(similarities[index]),
                reference=example.reference,
            )

    def _examples_of(self, column: int) -> tuple[list[int], Vectors]:
        """The rows of a leaf's examples and their vectors side by side, gathered when first asked for."""
        if column not in self._of_leaf:
            rows = [int(row) for row in np.flatnonzero(self._applied[:, column])]
            self._of_leaf[column] = rows, self._vectors[rows]
        return self._of_leaf[column]


def _trust(examples: Floats) -> Floats:
    """How far a leaf's centre counts beside so many examples of its own: 1 without any, then ever less."""
    trust: Floats = DEFINITION_WEIGHT / (DEFINITION_WEIGHT + examples)
    return trust


def merged_examples(examples: Sequence[Example], codebook: Codebook) -> list[Example]:
    """One example for each text that has words, with the codes of all that have it, and the first reference.

    Raises:
        ExampleNotAccepted: an example names a code that is not in the codebook.
    """
    merged: dict[str, Example] = {}
    for index, example in enumerate(examples):
        if any(code not in codebook for code in example.codes):
            raise ExampleNotAccepted(
                "The example names a code that is not in the codebook.", places=(f"examples[{index}].codes",)
            )
        if has_words(example.text):
            before = merged.get(example.text, Example(text=example.text, codes=()))
            merged[example.text] = Example(
                text=example.text,
                codes=tuple(dict.fromkeys((*before.codes, *example.codes))),
                reference=before.reference if before.reference is not None else example.reference,
            )
    return list(merged.values())


def has_words(text: str) -> bool:
    """Whether there is anything to judge: at least one letter or digit of any script."""
    return any(char.isalnum() for char in text)
