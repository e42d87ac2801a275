"""Similarity classification along the coding tree: ranked leaves with score, path and evidence."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from models.calibration import Basis, Calibration, Flags, Floats, fit_calibration
from models.codebook import Code, Codebook
from models.encoder import TextEncoder, Vectors, checked_vectors, unit_rows
from models.errors import ExampleNotAccepted
from models.reference import Background, Reference

# Raised whenever the same input may give other suggestions than before.
METHOD_VERSION = "1"
DEFAULT_TOP_K = 3
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


@dataclass(frozen=True, kw_only=True)
class ScoredCode:
    """A code of a path with its score, the estimated probability (0 to 1) that an analyst applies it here."""

    code: str
    name: str
    score: float


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """One leaf suggested for one segment; the path goes from the theme down to the leaf itself."""

    code: str
    name: str
    path: tuple[ScoredCode, ...]
    score: float
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, kw_only=True)
class BackOff:
    """A code above the leaves that is likely enough although none of its leaves is."""

    code: str
    name: str
    path: tuple[ScoredCode, ...]
    score: float


@dataclass(frozen=True, kw_only=True)
class SegmentSuggestions:
    """What the machine proposes for one segment.

    Attributes:
        abstained: whether no leaf reaches the default threshold.
        basis: whether the scores rest on coded examples of this project or on a prior.
        back_off: where it abstained, the deepest code above the leaves that reaches the threshold.
        suggestions: best first.
    """

    abstained: bool
    basis: Basis
    back_off: BackOff | None
    suggestions: tuple[Suggestion, ...]


class Suggester:
    """Suggests codes of one codebook, from its definitions and from accepted examples.

    Each leaf is represented by the mean of its path of names and its definition, moved towards its
    accepted examples (nearest-prototype classification: Snell et al. 2017, with the code's own words
    as two further examples). Same codebook, examples, reference, encoder and text: same suggestions.

    Args:
        codebook: the tree.
        encoder: what makes the vectors.
        background: the shipped everyday talk, as this encoder sees it.
        reference: a sample of the corpus that the segments come from.
        examples: coded segments. Their ``codes`` may name codes above the leaves; these teach nothing
            about leaves and are passed over.

    Raises:
        ExampleNotAccepted: an example names a code that is not in the codebook.
        EncoderFailed: the encoder did not return unit vectors.
    """

    def __init__(
        self,
        codebook: Codebook,
        encoder: TextEncoder,
        *,
        background: Background,
        reference: Reference,
        examples: Sequence[Example] = (),
    ) -> None:
        self.codebook = codebook
        self._encoder = encoder
        self._leaves = codebook.active_leaves
        self._columns = {leaf.id: column for column, leaf in enumerate(self._leaves)}
        self._words = self._code_vectors()
        self._examples = _ExampleBank(self._columns, _merged(examples, codebook), self._encode, self._words)
        self._centres = self._examples.centres(reference)
        self._zero, self._unit = background.scale(self._examples.prototypes)
        self.calibration = self._fit()

    @property
    def basis(self) -> Basis:
        """Whether the scores rest on coded examples of this project or on a prior."""
        return self.calibration.basis

    def suggest(
        self, texts: Sequence[str], *, top_k: int = DEFAULT_TOP_K, min_score: float | None = None
    ) -> list[SegmentSuggestions]:
        """Suggestions for each text, in order; see :meth:`suggest_encoded`."""
        return self.suggest_encoded(texts, self._encode(texts), top_k=top_k, min_score=min_score)

    def suggest_encoded(
        self,
        texts: Sequence[str],
        vectors: Vectors,
        *,
        top_k: int = DEFAULT_TOP_K,
        min_score: float | None = None,
    ) -> list[SegmentSuggestions]:
        """Suggestions for texts whose vectors are known.

        Args:
            texts: the segments.
            vectors: what :func:`encode_segments` gave for them, shape (len(texts), dimension).
            top_k: how many leaves at most; 0 means every active leaf.
            min_score: withhold suggestions below it; None means the default threshold.

        Returns:
            One result for each text, in order. A text without any letter or digit gets no suggestion.
        """
        similarities = self._examples.similarities(texts, vectors)
        scores = self.calibration.scores(self._standing(similarities))
        return [
            self._result(text, vector, row, top_k=top_k, min_score=min_score)
            for text, vector, row in zip(texts, vectors, scores, strict=True)
        ]

    def _result(
        self, text: str, vector: Vectors, scores: Floats, *, top_k: int, min_score: float | None
    ) -> SegmentSuggestions:
        if not has_words(text) or not len(scores):
            return SegmentSuggestions(abstained=True, basis=self.basis, back_off=None, suggestions=())
        threshold = self.calibration.threshold
        least = threshold if min_score is None else min_score
        tree_scores = self._tree_scores(scores)
        ranked = np.argsort(-scores, kind="stable")[: top_k or None]
        suggestions = tuple(
            self._suggestion(int(column), text, vector, tree_scores) for column in ranked if scores[column] >= least
        )
        abstained = bool(scores[ranked[0]] < threshold)
        return SegmentSuggestions(
            abstained=abstained,
            basis=self.basis,
            back_off=self._back_off(tree_scores) if abstained else None,
            suggestions=suggestions,
        )

    def _suggestion(self, column: int, text: str, vector: Vectors, tree_scores: Mapping[str, float]) -> Suggestion:
        leaf = self._leaves[column]
        definition = Evidence(
            kind="definition",
            text=leaf.description or leaf.name,
            similarity=float(self._words[column] @ vector),
        )
        return Suggestion(
            code=leaf.id,
            name=leaf.name,
            path=self._scored_path(leaf.id, tree_scores),
            score=tree_scores[leaf.id],
            evidence=(*self._examples.nearest(column, text, vector), definition),
        )

    def _back_off(self, tree_scores: Mapping[str, float]) -> BackOff | None:
        above = [
            (self.codebook.level(code_id), score, code_id)
            for code_id, score in tree_scores.items()
            if code_id not in self._columns and score >= self.calibration.threshold
        ]
        if not above:
            return None
        _, score, code_id = max(above, key=lambda entry: entry[:2])
        path = self._scored_path(code_id, tree_scores)
        return BackOff(code=code_id, name=self.codebook[code_id].name, path=path, score=score)

    def _scored_path(self, code_id: str, tree_scores: Mapping[str, float]) -> tuple[ScoredCode, ...]:
        return tuple(
            ScoredCode(code=code.id, name=code.name, score=tree_scores[code.id]) for code in self.codebook.path(code_id)
        )

    def _tree_scores(self, scores: Floats) -> dict[str, float]:
        """The score of every code that has an active leaf: a leaf's own, else the sum of those below."""
        totals: dict[str, float] = {}
        for ids, score in zip(self._leaf_paths, scores, strict=True):
            for code_id in ids:
                totals[code_id] = totals.get(code_id, 0.0) + float(score)
        return {code_id: min(round(total, 6), 1.0) for code_id, total in totals.items()}

    @cached_property
    def _leaf_paths(self) -> list[tuple[str, ...]]:
        return [tuple(code.id for code in self.codebook.path(leaf.id)) for leaf in self._leaves]

    def _standing(self, similarities: Floats) -> Floats:
        standing: Floats = (similarities - self._centres - self._zero) / self._unit
        return standing

    def _fit(self) -> Calibration:
        similarities, applied = self._examples.judged_without_themselves()
        return fit_calibration(self._standing(similarities), applied)

    def _encode(self, texts: Sequence[str]) -> Vectors:
        return encode_segments(self.codebook, self._encoder, texts)

    def _code_vectors(self) -> Vectors:
        """The mean direction of each leaf's path of names and its definition."""
        paths = self._encode([_path_of_names(self.codebook.path(leaf.id)) for leaf in self._leaves])
        definitions = self._encode([leaf.description or leaf.name for leaf in self._leaves])
        return unit_rows(paths + definitions)


class _ExampleBank:
    """The examples of each leaf, and the prototypes that they make with the codes' own words."""

    def __init__(
        self,
        columns: Mapping[str, int],
        examples: Sequence[Example],
        encode: Callable[[Sequence[str]], Vectors],
        words: Vectors,
    ) -> None:
        self._examples = examples
        self._vectors = encode([example.text for example in examples])
        self._rows = {example.text: row for row, example in enumerate(examples)}
        self._words = words
        self.applied = np.zeros((len(examples), len(columns)), dtype=bool)
        for row, example in enumerate(examples):
            self.applied[row, [columns[code] for code in example.codes if code in columns]] = True
        self._sums = self.applied.T.astype(np.float32) @ self._vectors + DEFINITION_WEIGHT * words
        self.prototypes = unit_rows(self._sums)

    def centres(self, reference: Reference) -> Floats:
        """The reference's centres, giving way as a code has examples of its own."""
        trust = DEFINITION_WEIGHT / (DEFINITION_WEIGHT + self.applied.sum(axis=0))
        centres: Floats = trust * reference.centres(self.prototypes)
        return centres

    def similarities(self, texts: Sequence[str], vectors: Vectors) -> Floats:
        """Cosine to each leaf's prototype, shape (texts, leaves); a text that is an example counts not itself."""
        similarities = (vectors @ self.prototypes.T).astype(np.float64)
        for row, text in enumerate(texts):
            if text in self._rows:
                self._leave_out(similarities[row], self._rows[text], vectors[row])
        return similarities

    def judged_without_themselves(self) -> tuple[Floats, Flags]:
        """Similarities of the examples (at most ``CALIBRATION_EXAMPLES``) and which leaves they carry."""
        known = [row for row, example in enumerate(self._examples) if self.applied[row].any() or not example.codes]
        rows = known[:: max(1, -(-len(known) // CALIBRATION_EXAMPLES))]
        texts = [self._examples[row].text for row in rows]
        return self.similarities(texts, self._vectors[rows]), self.applied[rows]

    def nearest(self, column: int, text: str, vector: Vectors) -> Iterator[Evidence]:
        """The leaf's examples that are most similar, best first, without the segment itself."""
        rows = [int(row) for row in np.flatnonzero(self.applied[:, column]) if row != self._rows.get(text)]
        similarities = self._vectors[rows] @ vector
        for index in np.argsort(-similarities, kind="stable")[:EVIDENCE_EXAMPLES]:
            example = self._examples[rows[index]]
            yield Evidence(
                kind="example",
                text=example.text,
                similarity=float(similarities[index]),
                reference=example.reference,
            )

    def _leave_out(self, similarities: Floats, example: int, vector: Vectors) -> None:
        own = np.flatnonzero(self.applied[example])
        if len(own):
            without = unit_rows(self._sums[own] - self._vectors[example])
            similarities[own] = without @ vector


def encode_segments(codebook: Codebook, encoder: TextEncoder, texts: Sequence[str]) -> Vectors:
    """Unit vectors of texts as the encoder reads them, the codebook's glossary spelt out.

    Returns:
        Shape (len(texts), dimension), float32.

    Raises:
        EncoderFailed: the encoder did not return one finite unit vector for each text.
    """
    vectors = encoder.encode([codebook.spell_out(text) for text in texts])
    return checked_vectors(vectors, len(texts), encoder.identity.dimension)


def has_words(text: str) -> bool:
    """Whether there is anything to judge: at least one letter or digit of any script."""
    return any(char.isalnum() for char in text)


def _path_of_names(path: Sequence[Code]) -> str:
    return " > ".join(code.name for code in path)


def _merged(examples: Sequence[Example], codebook: Codebook) -> list[Example]:
    """One example for each text, with the codes of all that have it; the first reference stays."""
    merged: dict[str, Example] = {}
    for index, example in enumerate(examples):
        if any(code not in codebook for code in example.codes):
            raise ExampleNotAccepted(
                "The example names a code that is not in the codebook.", places=(f"examples[{index}].codes",)
            )
        if not has_words(example.text):
            continue
        before = merged.get(example.text, Example(text=example.text, codes=(), reference=example.reference))
        codes = tuple(dict.fromkeys((*before.codes, *example.codes)))
        merged[example.text] = Example(text=example.text, codes=codes, reference=before.reference)
    return list(merged.values())
