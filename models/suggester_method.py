"""The suggester as a method that can be evaluated: what it learns from is coded segments of the study alone."""

from collections.abc import Mapping, Sequence

import numpy as np

from models.codebook import Codebook
from models.encoder import TextEncoder, Vectors
from models.judgements import Scores
from models.protocols import Rows
from models.reference import Background, CorpusSample
from models.remembering_encoder import RememberingEncoder
from models.suggester import Example, Suggester, put_in_context
from models.word_counts import WordCounts

# Besides the segments' texts, what the codebook says is encoded.
SPARE_VECTORS = 10_000


class SuggesterMethod:
    """Learns from some segments of a study and scores others, every text encoded once.

    As where a project is suggested for, the texts of all segments are the corpus that similarities are seen against;
    how people coded the segments tested is not known to it.

    Args:
        codebook: the tree.
        encoder: what makes the vectors.
        background: the shipped everyday talk, as this encoder sees it.
        segments: all of the study, with the codes that people applied, and with what was said around them where that
            is to count.
        known: what :func:`models.suggester.encode_segments` gives for their texts, and for those around them.
        temperature: see :class:`models.suggester.Suggester`.
    """

    def __init__(
        self,
        *,
        codebook: Codebook,
        encoder: TextEncoder,
        background: Background,
        segments: Sequence[Example],
        known: Mapping[str, Vectors],
        temperature: float = 1.0,
    ) -> None:
        self._codebook = codebook
        self._temperature = temperature
        self._encoder = _Known(encoder, {codebook.spell_out(text): vector for text, vector in known.items()})
        self._background = background
        self._segments = segments
        texts, contexts = [one.text for one in segments], [one.context for one in segments]
        own = np.stack([known[text] for text in texts])
        self._vectors = put_in_context(codebook, self._encoder, texts, own, contexts)
        corpus = CorpusSample()
        corpus.add(texts, own)
        self._reference = corpus.reference()
        self._word_counts = WordCounts()

    def examples(self, rows: Rows) -> list[Example]:
        """Segments as examples, with the codes that people applied."""
        return [self._segments[row] for row in rows]

    def __call__(self, examples: Rows, tested: Rows) -> Scores:
        """Scores of the leaves for the segments tested, having learnt from others."""
        suggester = Suggester(
            self._codebook,
            self._encoder,
            background=self._background,
            reference=self._reference,
            examples=self.examples(examples),
            word_counts=self._word_counts,
            temperature=self._temperature,
        )
        columns = {leaf.id: column for column, leaf in enumerate(self._codebook.active_leaves)}
        texts = [self._segments[row].text for row in tested]
        results = suggester.suggest_encoded(texts, self._vectors[tested], top_k=0, min_score=0)
        scores = np.zeros((len(tested), len(columns)))
        for row, result in enumerate(results):
            for suggestion in result.suggestions:
                scores[row, columns[suggestion.code]] = suggestion.score
        return Scores(
            scores=scores,
            abstained=np.array([result.abstained for result in results], dtype=bool),
            no_code=np.array([result.no_code for result in results], dtype=np.float64),
        )


class _Known:
    """An encoder that has the vectors of the study at hand."""

    def __init__(self, encoder: TextEncoder, known: Mapping[str, Vectors]) -> None:
        self._known = known
        self._others = RememberingEncoder(encoder, capacity=SPARE_VECTORS)
        self.identity = encoder.identity

    def encode(self, texts: Sequence[str]) -> Vectors:
        unknown = [text for text in texts if text not in self._known]
        made = dict(zip(unknown, self._others.encode(unknown), strict=True)) if unknown else {}
        found = [self._known[text] if text in self._known else made[text] for text in texts]
        return np.stack(found) if found else np.zeros((0, self.identity.dimension), dtype=np.float32)
