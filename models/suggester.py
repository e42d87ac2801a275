"""Similarity classification along the coding tree: ranked leaves with score, path and evidence."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.calibration import MOST_NO_CODE, Basis, Calibration, Chances, Floats, fit_calibration, shipped_prior
from models.code_lessons import CodeWords
from models.code_scorer import CodeScorer
from models.codebook import Code, Codebook
from models.context import Context, in_context, neighbouring_texts
from models.encoder import TextEncoder, Vectors, checked_vectors, encode_checked, unit_rows
from models.example_bank import Evidence, Example, ExampleBank, merged_examples, merged_vectors
from models.reference import Background, Reference
from models.word_counts import WordCounts
from models.word_features import has_words

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
    "code_words",
    "encode_segments",
    "has_words",
    "put_examples_in_context",
    "put_in_context",
]

# Raised whenever the same input may give other suggestions than before.
METHOD_VERSION = "5"
DEFAULT_TOP_K = 3
# Scores are compared as they are shown: what looks equal is equal, and noise below it decides nothing.
SCORE_DECIMALS = 6
# The calibration needs some hundred examples; more only cost time.
CALIBRATION_EXAMPLES = 500
# A code of a path: its column of a tree's scores, its id and its name.
_Step = tuple[int, str, str]


class ScoredCode(NamedTuple):
    """A code of a path with its score, the estimated probability (0 to 1) that an analyst applies it here.

    A tuple, as are suggestions, because they are made by the hundred thousand.
    """

    code: str
    name: str
    score: float


class Suggestion(NamedTuple):
    """One leaf suggested for one segment; the path goes from the theme down to the leaf itself."""

    code: str
    name: str
    path: tuple[ScoredCode, ...]
    score: float
    evidence: tuple[Evidence, ...]


class BackOff(NamedTuple):
    """A code above the leaves that is likely enough although none of its leaves is."""

    code: str
    name: str
    path: tuple[ScoredCode, ...]
    score: float


@dataclass(frozen=True, kw_only=True)
class SegmentSuggestions:
    """What the machine proposes for one segment.

    Attributes:
        abstained: whether no leaf reaches the default threshold, or it is likelier that no code applies than that
            any does.
        no_code: the estimated probability (0 to 1) that no code applies.
        basis: whether the scores rest on coded examples of this project or on a prior.
        back_off: where it abstained although some code may well apply, the deepest code above the leaves that
            reaches the threshold.
        suggestions: best first.
    """

    abstained: bool
    no_code: float
    basis: Basis
    back_off: BackOff | None
    suggestions: tuple[Suggestion, ...]


class _Judged(NamedTuple):
    """A segment with what was worked out for many at once.

    Attributes:
        scores: of each code.
        ranked: the columns of the best leaves.
        similarities: to the words of these, -1 to 1.
        likely_above: the column of the code to back off to; -1 if there is none.
        no_code: how likely it is that none applies.
        abstained: whether nothing is suggested by default.
    """

    text: str
    vector: Vectors
    scores: list[float]
    ranked: list[int]
    similarities: list[float]
    likely_above: int
    no_code: float
    abstained: bool


class Suggester:
    """Suggests codes of one codebook, from its words, a corpus, and what people have accepted and rejected.

    See :class:`models.code_scorer.CodeScorer` for the method. Same codebook, examples in whatever order,
    reference, encoder and text: same suggestions.

    Args:
        codebook: the tree.
        encoder: what makes the vectors.
        background: the shipped everyday talk, as this encoder sees it.
        reference: a sample of the corpus that the segments come from.
        examples: coded segments. A code above the leaves says that one of those below it applies; a retired
            one says nothing.
        vectors: the examples' in their contexts, where they are known, shape (len(examples), dimension).
        word_counts: remembers which words texts use, from one suggester to the next.
        temperature: what logits are divided by with an encoder that was fitted to such examples; see
            :func:`models.calibration.fit_temperature`.

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

    def __init__(  # noqa: PLR0913 - each is one thing that suggestions rest on
        self,
        codebook: Codebook,
        encoder: TextEncoder,
        *,
        background: Background,
        reference: Reference,
        examples: Sequence[Example] = (),
        vectors: Vectors | None = None,
        word_counts: WordCounts | None = None,
        temperature: float = 1.0,
    ) -> None:
        self.codebook = codebook
        self._encoder = encoder
        self._leaves = codebook.active_leaves
        self._definitions = [_definition(leaf) for leaf in self._leaves]
        self._lay_out_tree()
        coded = merged_examples(examples, codebook)
        texts = [example.text for example in coded]
        own = self._encode(texts)
        if vectors is None:
            vectors = put_examples_in_context(codebook, encoder, texts, own, examples)
        else:
            known = merged_vectors([example.text for example in examples], vectors)
            vectors = np.array([known[text] for text in texts], dtype=np.float32).reshape(own.shape)
        self._words = code_words(codebook, self._leaves, encoder)
        self._scorer = CodeScorer(codebook, self._words, coded, vectors, own, reference, word_counts or WordCounts())
        self._bank = ExampleBank(coded, vectors=vectors, applied=self._scorer.coded.applied)
        talk = self._scorer.logits(background.texts, background.vectors)[:, :-1]
        self._zero = float(np.median(talk.max(axis=1, initial=0)))
        self.calibration = self._fit_calibration(temperature)

    @property
    def basis(self) -> Basis:
        """Whether the scores rest on coded examples of this project or on a prior."""
        return self.calibration.basis

    def suggest(
        self,
        texts: Sequence[str],
        contexts: Sequence[Context] | None = None,
        *,
        top_k: int = DEFAULT_TOP_K,
        min_score: float | None = None,
    ) -> list[SegmentSuggestions]:
        """Suggestions for each text in its context (None: alone), in order; see :meth:`suggest_encoded`."""
        vectors = self._encode(texts)
        if contexts is not None:
            vectors = put_in_context(self.codebook, self._encoder, texts, vectors, contexts)
        return self.suggest_encoded(texts, vectors, top_k=top_k, min_score=min_score)

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
            vectors: what :func:`encode_segments` gave for them, or :func:`put_in_context` made of that, shape
                (len(texts), dimension).
            top_k: how many leaves at most; 0 means every active leaf.
            min_score: withhold suggestions below it; None means that nothing is suggested where it abstains, and
                else from the default threshold, but everything as long as the scores rest on a prior.

        Returns:
            One result for each text, in order. A text without any letter or digit gets no suggestion.

        Raises:
            EncoderFailed: these are not unit vectors of the encoder's dimension, one for each text.
        """
        chances = self.chances(texts, vectors)
        no_code = chances.none.round(SCORE_DECIMALS)
        scores = self._tree_scores(chances.codes)
        abstained = self.calibration.abstains(Chances(codes=scores[:, : len(self._leaves)], none=no_code))
        best = np.argsort(-scores[:, : len(self._leaves)], axis=1, kind="stable")[:, : top_k or None]
        similarities, above = self._similarities(best, vectors), self._likely_above(scores)
        worked_out = (scores, best, similarities, above, no_code, abstained)
        judged = zip(texts, vectors, *(numbers.tolist() for numbers in worked_out), strict=True)
        return [self._result(_Judged._make(one), min_score) for one in judged]

    def chances(self, texts: Sequence[str], vectors: Vectors) -> Chances:
        """The bare numbers of :meth:`suggest_encoded`, unrounded.

        Columns stand in the order of the codebook's active leaves.

        Raises:
            EncoderFailed: these are not unit vectors of the encoder's dimension, one for each text.
        """
        return self.calibration.chances(*self.standing(texts, vectors))

    def standing(self, texts: Sequence[str], vectors: Vectors) -> tuple[Floats, Floats]:
        """What scores are made from: (how far the leaves lie above everyday talk, what examples say for "none").

        Returns:
            Logits of shapes (len(texts), leaves) and (len(texts),).

        Raises:
            EncoderFailed: these are not unit vectors of the encoder's dimension, one for each text.
        """
        checked_vectors(vectors, len(texts), self._encoder.identity.dimension)
        return self._standing(self._scorer.logits(texts, vectors))

    def remember_words(self, texts: Sequence[str]) -> None:
        """Counts the words of texts that will be suggested for, now or again, only once; changes no suggestion."""
        self._scorer.remember_words(texts)

    def _similarities(self, columns: npt.NDArray[np.intp], vectors: Vectors) -> Vectors:
        """How similar each text is to these of the leaves' words, shape (texts, columns)."""
        # Row by row, so that how many there are leaves no trace in the bits.
        by_rank = [(self._words.vectors[of_rank] * vectors).sum(axis=1) for of_rank in columns.T]
        products = np.column_stack(by_rank) if by_rank else np.zeros(columns.shape, dtype=np.float32)
        return products.clip(-1, 1)

    def _likely_above(self, scores: Floats) -> npt.NDArray[np.intp]:
        """The column of the deepest code above the leaves that reaches the threshold, of several the likeliest.

        Shape (texts,); -1 where none does.
        """
        leaves = len(self._leaves)
        above = scores[:, leaves:]
        depths = np.array([len(path) for path in self._paths[leaves:]])
        # No score is above 1, so that depth goes first.
        places = np.where(above >= self.calibration.threshold, 2 * depths + above, -1.0)
        # One that is never reached, for a codebook without any code above the leaves.
        places = np.column_stack([places, np.full(len(places), -1.0)])
        found = places.argmax(axis=1)
        return np.where(places.max(axis=1) > 0, found + leaves, -1)

    def _result(self, segment: _Judged, min_score: float | None) -> SegmentSuggestions:
        if not has_words(segment.text) or not segment.ranked:
            return SegmentSuggestions(abstained=True, no_code=1.0, basis=self.basis, back_off=None, suggestions=())
        backs_off = segment.abstained and segment.no_code <= MOST_NO_CODE and segment.likely_above >= 0
        return SegmentSuggestions(
            abstained=segment.abstained,
            no_code=segment.no_code,
            basis=self.basis,
            back_off=self._back_off(segment) if backs_off else None,
            suggestions=tuple(self._suggestions(segment, self._least(segment, min_score))),
        )

    def _least(self, segment: _Judged, min_score: float | None) -> float:
        """The score from which something is suggested."""
        if min_score is not None:
            return min_score
        if self.basis == "prior":
            # Nobody has decided yet what is good enough: the best are shown, and that they rest on a prior.
            return 0.0
        return np.inf if segment.abstained else self.calibration.threshold

    def _suggestions(self, segment: _Judged, least: float) -> Iterator[Suggestion]:
        for column, similarity in zip(segment.ranked, segment.similarities, strict=True):
            score = segment.scores[column]
            if score < least:
                return
            leaf = self._leaves[column]
            definition = Evidence("definition", self._definitions[column], similarity)
            evidence = (*self._bank.nearest(column, segment.text, segment.vector), definition)
            path = self._scored_path(column, segment.scores)
            yield Suggestion(leaf.id, leaf.name, path, score, evidence)

    def _back_off(self, segment: _Judged) -> BackOff:
        path = self._scored_path(segment.likely_above, segment.scores)
        return BackOff(code=path[-1].code, name=path[-1].name, path=path, score=path[-1].score)

    def _scored_path(self, column: int, scores: Sequence[float]) -> tuple[ScoredCode, ...]:
        return tuple([ScoredCode(code, name, scores[at]) for at, code, name in self._paths[column]])

    def _lay_out_tree(self) -> None:
        """Gives each leaf, then each code above one, its column of a tree's scores."""
        below: dict[str, list[int]] = defaultdict(list)
        for column, leaf in enumerate(self._leaves):
            for code in self.codebook.path(leaf.id)[:-1]:
                below[code.id].append(column)
        above = [code for code in self.codebook.codes if code.id in below]
        self._leaves_below = [below[code.id] for code in above]
        columns = {code.id: column for column, code in enumerate((*self._leaves, *above))}
        self._paths: list[list[_Step]] = [
            [(columns[step.id], step.id, step.name) for step in self.codebook.path(code)] for code in columns
        ]

    def _tree_scores(self, leaf_scores: Floats) -> Floats:
        """A leaf's own score, and for a code above the leaves the sum of those below, shape (texts, codes)."""
        sums = [leaf_scores[:, columns].sum(axis=1) for columns in self._leaves_below]
        scores: Floats = np.minimum(np.column_stack([leaf_scores, *sums]).round(SCORE_DECIMALS), 1.0)
        return scores

    def _standing(self, logits: Floats) -> tuple[Floats, Floats]:
        """(how far the leaves lie above everyday talk, what examples say for "none")."""
        return logits[:, :-1] - self._zero, logits[:, -1]

    def _fit_calibration(self, temperature: float) -> Calibration:
        coded = self._scorer.coded
        says_all = coded.applied.any(axis=1) | (coded.targets[:, -1] > 0)
        known = np.flatnonzero(says_all)
        rows = known[:: max(1, -(-len(known) // CALIBRATION_EXAMPLES))]
        standing, none = self._standing(self._scorer.without_themselves(rows))
        prior = shipped_prior(self._scorer.untaught)
        return fit_calibration(standing, none, coded.applied[rows], prior, temperature)

    def _encode(self, texts: Sequence[str]) -> Vectors:
        return encode_segments(self.codebook, self._encoder, texts)


def encode_segments(codebook: Codebook, encoder: TextEncoder, texts: Sequence[str]) -> Vectors:
    """Unit vectors of texts as the encoder reads them, the codebook's glossary spelt out.

    Returns:
        Shape (len(texts), dimension), float32.

    Raises:
        EncoderFailed: the encoder did not return one finite unit vector for each text.
    """
    return encode_checked(encoder, [codebook.spell_out(text) for text in texts])


def put_in_context(
    codebook: Codebook, encoder: TextEncoder, texts: Sequence[str], vectors: Vectors, contexts: Sequence[Context]
) -> Vectors:
    """Vectors of segments, with those of what was said around them mixed in; see :func:`models.context.in_context`.

    Args:
        codebook: whose glossary is spelt out.
        encoder: what made the vectors, and makes those of the texts around that are not among ``texts``.
        texts: the segments.
        vectors: what :func:`encode_segments` gave for them, shape (len(texts), dimension).
        contexts: one for each of them.

    Raises:
        EncoderFailed: the encoder did not return one finite unit vector for each text.
    """
    around = neighbouring_texts(contexts)
    known = {text: vector for text, vector in zip(texts, vectors, strict=True) if text in around}
    others = sorted(around - known.keys())
    if others:
        known |= zip(others, encode_segments(codebook, encoder, others), strict=True)
    return in_context(vectors, contexts, known)


def put_examples_in_context(
    codebook: Codebook, encoder: TextEncoder, texts: Sequence[str], vectors: Vectors, examples: Sequence[Example]
) -> Vectors:
    """The same for different texts, each of which is put into all the contexts that it has among the examples.

    Raises:
        EncoderFailed: the encoder did not return one finite unit vector for each text.
    """
    row_of = {text: row for row, text in enumerate(texts)}
    given = [example for example in examples if example.text in row_of]
    if not any(any(example.context) for example in given):
        return vectors
    repeated = [example.text for example in given]
    rows = [row_of[text] for text in repeated]
    contexts = [example.context for example in given]
    merged = merged_vectors(repeated, put_in_context(codebook, encoder, repeated, vectors[rows], contexts))
    return np.stack([merged[text] for text in texts])


def code_words(codebook: Codebook, leaves: Sequence[Code], encoder: TextEncoder) -> CodeWords:
    """Each leaf's words: the mean direction of its path of names and of what its definition says.

    Raises:
        EncoderFailed: the encoder did not return one finite unit vector for each text.
    """
    paths = [" > ".join(code.name for code in codebook.path(leaf.id)) for leaf in leaves]
    meanings = [" ".join(filter(has_words, (_definition(leaf), leaf.include))) for leaf in leaves]
    excluded = [(column, leaf.exclude) for column, leaf in enumerate(leaves) if has_words(leaf.exclude)]
    return CodeWords(
        texts=[f"{path} {meaning}" for path, meaning in zip(paths, meanings, strict=True)],
        vectors=unit_rows(encode_segments(codebook, encoder, paths) + encode_segments(codebook, encoder, meanings)),
        excluded=excluded,
        excluded_vectors=encode_segments(codebook, encoder, [text for _, text in excluded]),
    )


def _definition(leaf: Code) -> str:
    return leaf.description if has_words(leaf.description) else leaf.name
