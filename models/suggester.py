"""Similarity classification along the coding tree: ranked leaves with score, path and evidence."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.calibration import Basis, Floats, fit_calibration
from models.codebook import Code, Codebook
from models.encoder import TextEncoder, Vectors, checked_vectors, encode_checked, unit_rows
from models.example_bank import Evidence, Example, ExampleBank, has_words, merged_examples
from models.reference import Background, Reference

__all__ = [
    "DEFAULT_TOP_K",
    "METHOD_VERSION",
    "BackOff",
    "Evidence",
    "Example",
    "ScoredCode",
    "SegmentSuggestions",
    "Suggester",
    "Suggestion",
    "encode_segments",
    "has_words",
]

# Raised whenever the same input may give other suggestions than before.
METHOD_VERSION = "1"
DEFAULT_TOP_K = 3
# Scores are compared as they are shown: what looks equal is equal, and noise below it decides nothing.
SCORE_DECIMALS = 6


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

    Example:
        >>> from models.codebook import built_in_codebook
        >>> from models.hashing_encoder import HashingEncoder
        >>> from models.reference import no_reference, shipped_background
        >>> encoder = HashingEncoder()
        >>> heard = Example(text="They taught us to listen.", codes=("benefits-mhws-services",), reference="BU 3")
        >>> suggester = Suggester(
        ...     built_in_codebook("upsides"),
        ...     encoder,
        ...     background=shipped_background(encoder),
        ...     reference=no_reference(),
        ...     examples=[heard],
        ... )
        >>> (result,) = suggester.suggest(["The peers taught us how to listen."], top_k=1, min_score=0)
        >>> result.suggestions[0].code, result.suggestions[0].evidence[0].reference
        ('benefits-mhws-services', 'BU 3')
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
        self._lay_out_tree()
        self._words = self._code_vectors()
        coded = merged_examples(examples, codebook)
        self._bank = ExampleBank(
            coded,
            vectors=self._encode([example.text for example in coded]),
            leaf_ids=[leaf.id for leaf in self._leaves],
            words=self._words,
            reference=reference,
        )
        self._zero, self._unit = background.scale(self._bank.prototypes)
        similarities, applied = self._bank.judged_without_themselves()
        self.calibration = fit_calibration(self._standing(similarities), applied)

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

        Raises:
            EncoderFailed: these are not unit vectors of the encoder's dimension, one for each text.
        """
        checked_vectors(vectors, len(texts), self._encoder.identity.dimension)
        similarities = self._bank.similarities(texts, vectors)
        scores = self._tree_scores(self.calibration.scores(self._standing(similarities)))
        return [
            self._result(text, vector, row, top_k=top_k, min_score=min_score)
            for text, vector, row in zip(texts, vectors, scores, strict=True)
        ]

    def _result(
        self, text: str, vector: Vectors, scores: Floats, *, top_k: int, min_score: float | None
    ) -> SegmentSuggestions:
        if not has_words(text) or not self._leaves:
            return SegmentSuggestions(abstained=True, basis=self.basis, back_off=None, suggestions=())
        threshold = self.calibration.threshold
        least = threshold if min_score is None else min_score
        ranked = np.argsort(-scores[: len(self._leaves)], kind="stable")
        abstained = bool(scores[ranked[0]] < threshold)
        return SegmentSuggestions(
            abstained=abstained,
            basis=self.basis,
            back_off=self._back_off(scores) if abstained else None,
            suggestions=tuple(
                self._suggestion(int(column), text, vector, scores)
                for column in ranked[: top_k or None]
                if scores[column] >= least
            ),
        )

    def _suggestion(self, column: int, text: str, vector: Vectors, scores: Floats) -> Suggestion:
        leaf = self._leaves[column]
        definition = Evidence(
            kind="definition", text=_definition(leaf), similarity=float(np.clip(self._words[column] @ vector, -1, 1))
        )
        return Suggestion(
            code=leaf.id,
            name=leaf.name,
            path=self._scored_path(leaf, scores),
            score=float(scores[column]),
            evidence=(*self._bank.nearest(column, text, vector), definition),
        )

    def _back_off(self, scores: Floats) -> BackOff | None:
        """The deepest code above the leaves that reaches the threshold; of several the likeliest."""
        likely = np.flatnonzero(scores[len(self._leaves) :] >= self.calibration.threshold)
        if not len(likely):
            return None
        paths = [self._scored_path(self._above[index], scores) for index in likely]
        path = max(paths, key=lambda path: (len(path), path[-1].score))
        return BackOff(code=path[-1].code, name=path[-1].name, path=path, score=path[-1].score)

    def _scored_path(self, code: Code, scores: Floats) -> tuple[ScoredCode, ...]:
        return tuple(
            ScoredCode(code=step.id, name=step.name, score=float(scores[self._columns[step.id]]))
            for step in self.codebook.path(code.id)
        )

    def _lay_out_tree(self) -> None:
        """Gives each leaf, then each code above one, its column of a tree's scores."""
        below: dict[str, list[int]] = defaultdict(list)
        for column, leaf in enumerate(self._leaves):
            for code in self.codebook.path(leaf.id)[:-1]:
                below[code.id].append(column)
        self._above = [code for code in self.codebook.codes if code.id in below]
        self._leaves_below = [below[code.id] for code in self._above]
        self._columns = {code.id: column for column, code in enumerate((*self._leaves, *self._above))}

    def _tree_scores(self, leaf_scores: Floats) -> Floats:
        """A leaf's own score, and for a code above the leaves the sum of those below, shape (texts, codes)."""
        sums = [leaf_scores[:, columns].sum(axis=1) for columns in self._leaves_below]
        scores: Floats = np.minimum(np.column_stack([leaf_scores, *sums]).round(SCORE_DECIMALS), 1.0)
        return scores

    def _standing(self, similarities: Floats) -> Floats:
        standing: Floats = (similarities - self._zero) / self._unit
        return standing

    def _encode(self, texts: Sequence[str]) -> Vectors:
        return encode_segments(self.codebook, self._encoder, texts)

    def _code_vectors(self) -> Vectors:
        """The mean direction of each leaf's path of names and its definition."""
        paths = [self.codebook.path(leaf.id) for leaf in self._leaves]
        names = self._encode([" > ".join(code.name for code in path) for path in paths])
        definitions = self._encode([_definition(leaf) for leaf in self._leaves])
        return unit_rows(names + definitions)


def encode_segments(codebook: Codebook, encoder: TextEncoder, texts: Sequence[str]) -> Vectors:
    """Unit vectors of texts as the encoder reads them, the codebook's glossary spelt out.

    Returns:
        Shape (len(texts), dimension), float32.

    Raises:
        EncoderFailed: the encoder did not return one finite unit vector for each text.
    """
    return encode_checked(encoder, [codebook.spell_out(text) for text in texts])


def _definition(leaf: Code) -> str:
    return leaf.description if has_words(leaf.description) else leaf.name
