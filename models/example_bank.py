"""What people have decided so far: one example for each text, and which of them speak for a suggestion."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np

from models.codebook import Codebook
from models.context import NO_CONTEXT, Context
from models.encoder import Vectors, unit_rows
from models.errors import ExampleNotAccepted
from models.learning import Flags
from models.word_features import has_words

EVIDENCE_EXAMPLES = 3


@dataclass(frozen=True, kw_only=True)
class Example:
    """A segment that people have coded.

    Attributes:
        text: its text.
        codes: ids of the codes that apply. Empty without rejected ones means that it was looked at and none
            does; empty with rejected ones, that nothing else is known.
        reference: how it is cited, e.g. "BU 11".
        rejected: ids of the codes that were found not to apply.
        context: what was said around it.
        document: which transcript it comes from, if that is known.
    """

    text: str
    codes: tuple[str, ...]
    reference: str | None = None
    rejected: tuple[str, ...] = ()
    context: Context = NO_CONTEXT
    document: str | None = None


class Evidence(NamedTuple):
    """Why a code is suggested: its definition, or an accepted example that the segment resembles.

    Attributes:
        similarity: cosine, -1 to 1, of the segment in its context with the definition, or with the example in its own.
    """

    kind: Literal["definition", "example"]
    text: str
    similarity: float
    reference: str | None = None


class ExampleBank:
    """The accepted examples of each leaf.

    Args:
        examples: what :func:`merged_examples` gives: no two of the same text.
        vectors: their unit vectors in context, shape (examples, dimension).
        applied: which leaves they carry, shape (examples, leaves).

    Example:
        >>> bank = ExampleBank(
        ...     [Example(text="Money is short.", codes=("cost",), reference="BU 3")],
        ...     vectors=np.array([[0, 1]], dtype=np.float32),
        ...     applied=np.array([[False, True]]),
        ... )
        >>> [(near.reference, round(near.similarity, 1)) for near in bank.nearest(1, "Fees", np.array([0.6, 0.8]))]
        [('BU 3', 0.8)]
    """

    def __init__(self, examples: Sequence[Example], *, vectors: Vectors, applied: Flags) -> None:
        self._examples = examples
        self._vectors = vectors
        self._applied = applied
        self._rows = {example.text: row for row, example in enumerate(examples)}
        self._of_leaf: dict[int, tuple[list[int], Vectors]] = {}

    def nearest(self, column: int, text: str, vector: Vectors) -> Iterator[Evidence]:
        """The examples of a leaf that are most similar to a segment, best first, without the segment itself.

        Args:
            column: which leaf.
            text: the segment.
            vector: its unit vector in context, shape (dimension,).
        """
        rows, vectors = self._examples_of(column)
        if not rows:
            return
        similarities = vectors @ vector
        # One more than needed, because the segment itself may be among them.
        best = np.argsort(-similarities, kind="stable")[: EVIDENCE_EXAMPLES + 1]
        others = [index for index in best if rows[index] != self._rows.get(text)]
        for index in others[:EVIDENCE_EXAMPLES]:
            example = self._examples[rows[index]]
            yield Evidence(
                kind="example",
                text=example.text,
                similarity=cosine(similarities[index]),
                reference=example.reference,
            )

    def _examples_of(self, column: int) -> tuple[list[int], Vectors]:
        """The rows of a leaf's examples and their vectors side by side, gathered when first asked for."""
        if column not in self._of_leaf:
            rows = [int(row) for row in np.flatnonzero(self._applied[:, column])]
            self._of_leaf[column] = rows, self._vectors[rows]
        return self._of_leaf[column]


def merged_examples(examples: Sequence[Example], codebook: Codebook) -> list[Example]:
    """One example for each text that has words, in the order of the texts, whatever the order given.

    It has the codes of all with this text, and the first reference in alphabetical order; what was said around them
    is for :func:`merged_vectors`. Retired codes are left out.
    What some applied and others rejected is contradictory: neither counts. A text of which nothing else is known is
    left out.

    Raises:
        ExampleNotAccepted: an example names a code that is not in the codebook.
    """
    known = {code.id for code in codebook.codes}
    speaking = {code.id for leaf in codebook.active_leaves for code in codebook.path(leaf.id)}
    of_text: dict[str, list[Example]] = {}
    for index, example in enumerate(examples):
        for place, codes in (("codes", example.codes), ("rejected", example.rejected)):
            if not known.issuperset(codes):
                raise ExampleNotAccepted(
                    "The example names a code that is not in the codebook.", places=(f"examples[{index}].{place}",)
                )
        kept = _of_codes(example, speaking)
        if has_words(example.text) and kept is not None:
            of_text.setdefault(example.text, []).append(kept)
    merged = [_merged(of_text[text]) for text in sorted(of_text)]
    return [example for example in merged if example is not None]


def merged_vectors(texts: Sequence[str], vectors: Vectors) -> dict[str, Vectors]:
    """The mean direction of the different vectors that each text has, shape (dimension,), whatever the order given.

    Args:
        texts: of examples; one has several vectors where it stands in several contexts.
        vectors: theirs, shape (len(texts), dimension).
    """
    of_text: dict[str, dict[bytes, Vectors]] = {}
    for text, vector in zip(texts, vectors, strict=True):
        of_text.setdefault(text, {})[vector.tobytes()] = vector
    return {text: _middle([vector for _, vector in sorted(some.items())]) for text, some in of_text.items()}


def _middle(different: Sequence[Vectors]) -> Vectors:
    return different[0] if len(different) == 1 else unit_rows(np.mean(different, axis=0)[None])[0]


def _of_codes(example: Example, speaking: set[str]) -> Example | None:
    """What it says of these codes; None if that is nothing, though it says something of others."""
    if speaking.issuperset(example.codes) and speaking.issuperset(example.rejected):
        return example
    codes, rejected = (tuple(filter(speaking.__contains__, some)) for some in (example.codes, example.rejected))
    return replace(example, codes=codes, rejected=rejected) if codes or rejected else None


def _merged(same: Sequence[Example]) -> Example | None:
    if len(same) == 1 and len(same[0].codes) + len(same[0].rejected) <= 1:
        return same[0]
    applied = {code for example in same for code in example.codes}
    rejected = {code for example in same for code in example.rejected}
    disputed = applied & rejected
    if disputed and not applied ^ rejected:
        return None
    return Example(
        text=same[0].text,
        codes=tuple(sorted(applied - disputed)),
        reference=min((example.reference for example in same if example.reference is not None), default=None),
        rejected=tuple(sorted(rejected - disputed)),
    )


def cosine(product: float) -> float:
    """The product of two unit vectors, without what rounding adds beyond -1 and 1."""
    return min(max(float(product), -1.0), 1.0)
