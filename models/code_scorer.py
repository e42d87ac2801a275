"""How strongly a text means each leaf of a codebook: its words, the corpus and the examples in one linear model."""

from collections.abc import Sequence

import numpy as np

from models.code_lessons import WORDS_WEIGHT, CodedRows, CodeWords
from models.codebook import Codebook
from models.encoder import Vectors
from models.example_bank import Example
from models.learning import (
    Features,
    Floats,
    Learner,
    Lessons,
    PrototypeCodes,
    RidgeCodes,
    Rows,
    SoftmaxCodes,
    softmax,
)
from models.reference import SHARPNESS, Reference
from models.word_counts import WordCounts
from models.word_features import WordFeatures

# How much the use of words counts beside what the encoder makes of a text.
WORD_USE = 0.5
# The more codes, the more of them a regression on indicators masks: 1.2 of its logits at 8 codes, 0.35 at 150.
RIDGE_WEIGHT, MASKING_CODES = 1.4, 50.0
# How fast similarity fades: with one example for each code it counts 1 / (1 + this), with four 1 / (1 + twice this).
FADING = 3.0
# How fast the softmax regression comes to count.
FULL_WEIGHT_EXAMPLES = 20.0
# So many cells (examples x codes) are fitted by softmax regression; prototypes take its place beyond.
MOST_SOFTMAX_CELLS = 400_000
# What a rejection takes from the code on the very segment where it was rejected, in logits.
REJECTED_HERE = 4.0


class CodeScorer:
    """Logits of the leaves, and of "none of these" where examples teach it.

    Args:
        codebook: the tree; its active leaves are the columns below.
        words: the leaves' own words.
        examples: what :func:`models.example_bank.merged_examples` gives.
        vectors: the examples' unit vectors in context, shape (examples, dimension).
        own: those without context, same shape.
        reference: a sample of the corpus.
        word_counts: remembers which words texts use.

    Attributes:
        coded: which leaves the examples carry.
        untaught: how far logits still rest on the codes' bare words, 1 (wholly) to 0.
    """

    def __init__(
        self,
        codebook: Codebook,
        words: CodeWords,
        examples: Sequence[Example],
        vectors: Vectors,
        own: Vectors,
        reference: Reference,
        word_counts: WordCounts,
    ) -> None:
        self._codebook = codebook
        leaves = codebook.active_leaves
        self._rows = {example.text: row for row, example in enumerate(examples)}
        # Before anything is learnt: only an example of a code above the leaves needs it.
        is_leaf = {leaf.id for leaf in leaves}
        needed = [any(code not in is_leaf for code in example.codes) for example in examples]
        likely = np.zeros((len(examples), len(leaves)))
        if any(needed):
            untaught = reference.refined(words.vectors, vectors[:0], np.zeros((0, len(leaves))), own[:0])
            likely[needed] = softmax(untaught.logits(vectors[needed]))
        self.coded = CodedRows(examples, codebook, leaves, likely)
        totals = self.coded.targets.sum(axis=1, keepdims=True)
        self._shares: Floats = self.coded.targets[:, :-1] / np.maximum(totals, 1.0)
        self._similar = reference.refined(words.vectors, vectors, self._shares, own)
        texts = [example.text for example in examples]
        self._word_use = WordFeatures(self._spelt_out([*texts, *words.texts]), word_counts)
        excluded = self._word_use.of(self._spelt_out([text for _, text in words.excluded]))
        use = np.concatenate([self._word_use.own, excluded])
        both = np.concatenate([vectors, words.vectors, words.excluded_vectors])
        self._features: Features = np.concatenate([both, np.float32(np.sqrt(WORD_USE)) * use], axis=1)
        self._excluded = [column for column, _ in words.excluded]
        self._learn(len(leaves), len(examples))

    def logits(self, texts: Sequence[str], vectors: Vectors) -> Floats:
        """Shape (texts, leaves + 1); the last column is "none of these", 0 as long as nothing teaches it.

        The vectors are those of the texts in context.
        A text that is an example is judged as if it were none, but codes that were rejected there stay so.
        """
        split = vectors.shape[1]
        # In double precision, so that what else is in the call leaves no trace.
        logits: Floats = vectors.astype(np.float64) @ self._coefficients[:split] + self._intercepts
        logits += self._word_use.exactly(self._spelt_out(texts)) @ self._coefficients[split:]
        own = [(at, self._rows[text]) for at, text in enumerate(texts) if text in self._rows]
        if own:
            places, rows = np.array(own).T
            learnt = self._lesson_of[rows] >= 0
            # A text may come twice, but an example is asked once.
            asked, which = np.unique(rows[learnt], return_inverse=True)
            logits[places[learnt]] = self.without_themselves(asked)[which]
            logits[places, :-1] -= REJECTED_HERE * self.coded.rejected[rows]
        return logits

    def remember_words(self, texts: Sequence[str]) -> None:
        """Counts the words of texts that will be judged, now or again, only once."""
        self._word_use.remember(self._spelt_out(texts))

    def without_themselves(self, rows: Rows) -> Floats:
        """The logits of known examples, each as if it had not been learnt from; shape (len(rows), leaves + 1).

        Args:
            rows: which examples; none twice.
        """
        vectors = self._features[rows, : self._similar.known.shape[1]]
        logits = np.zeros((len(rows), len(self._similar.offsets) + 1))
        logits[:, :-1] = self._similarity_weight * self._similar.logits_without(vectors, self._shares[rows])
        for learner, weight in self._learners:
            learnt = learner.without_themselves(self._lesson_of[rows])
            logits[:, : learnt.shape[1]] += weight * learnt
        return logits

    def _spelt_out(self, texts: Sequence[str]) -> list[str]:
        return [self._codebook.spell_out(text) for text in texts]

    def _learn(self, leaves: int, examples: int) -> None:
        known = self.coded.known
        self._lesson_of: Rows = np.full(examples, -1)
        self._lesson_of[known] = np.arange(len(known))
        taught = self.coded.targets.sum()
        self.untaught = leaves / max(leaves + FULL_WEIGHT_EXAMPLES * taught, 1.0)
        # A code with some examples of its own is hardly judged by similarity any more.
        self._similarity_weight = 1 / (1 + FADING * np.sqrt(taught / max(leaves, 1)))
        self._learners: list[tuple[Learner, float]] = []
        lessons = self._lessons(leaves, examples)
        if leaves:
            self._learners.append((RidgeCodes(lessons), RIDGE_WEIGHT / (1 + leaves / MASKING_CODES)))
        if leaves and taught:
            is_small = len(lessons.features) * leaves <= MOST_SOFTMAX_CELLS
            self._learners.append((SoftmaxCodes(lessons) if is_small else PrototypeCodes(lessons), 1 - self.untaught))
        self._sum_up(leaves)

    def _lessons(self, leaves: int, examples: int) -> Lessons:
        features = self._features
        known, open_rows = self.coded.known, self.coded.open
        own_words, excluded = features[examples : examples + leaves], features[examples + leaves :]
        knows_none = bool(self.coded.targets[:, -1].any())
        targets = np.concatenate([self.coded.targets[known], np.eye(leaves, leaves + 1)])
        # People reject what was suggested, which is near to the code: without anything accepted to hold against it,
        # that would drive the code away from its own meaning.
        has_accepted = self.coded.applied.any(axis=0)
        rejections = [(row, int(code)) for row, code in np.argwhere(self.coded.rejected[open_rows] & has_accepted)]
        rejections += [(len(open_rows) + row, column) for row, column in enumerate(self._excluded)]
        return Lessons(
            features=np.concatenate([features[known], own_words]),
            targets=targets if knows_none else targets[:, :-1],
            weights=np.append(np.ones(len(known)), np.full(leaves, WORDS_WEIGHT)),
            rejections=rejections,
            rejected_features=np.concatenate([features[open_rows], excluded]),
        )

    def _sum_up(self, leaves: int) -> None:
        """All parts are linear in the features, so one matrix holds their sum."""
        split = self._similar.known.shape[1]
        self._coefficients: Floats = np.zeros((self._features.shape[1], leaves + 1))
        self._coefficients[:split, :-1] = self._similarity_weight * SHARPNESS * self._similar.vectors.T
        self._intercepts: Floats = np.append(self._similarity_weight * self._similar.offsets, 0.0)
        for learner, weight in self._learners:
            codes = len(learner.intercepts)
            self._coefficients[:, :codes] += weight * learner.coefficients
            self._intercepts[:codes] += weight * learner.intercepts
        self._coefficients[split:] *= np.sqrt(WORD_USE)
