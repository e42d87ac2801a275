"""The suggester as a method that can be evaluated: what it learns from is coded segments of the study alone."""

from collections.abc import Sequence

import numpy as np

from models.codebook import Codebook
from models.codings import Codings
from models.encoder import TextEncoder, Vectors
from models.judgements import Scores
from models.protocols import Rows
from models.reference import Background, CorpusSample
from models.remembering_encoder import RememberingEncoder
from models.suggester import Example, Suggester

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
        texts: of all segments of the study.
        vectors: what :func:`models.suggester.encode_segments` gave for them.
        truth: one coder, with a column for each code of the codebook.
        references: how each segment is cited.
    """

    def __init__(
        self,
        *,
        codebook: Codebook,
        encoder: TextEncoder,
        background: Background,
        texts: Sequence[str],
        vectors: Vectors,
        truth: Codings,
        references: Sequence[str],
    ) -> None:
        self._codebook = codebook
        self._encoder = _Known(encoder, [codebook.spell_out(text) for text in texts], vectors)
        self._background = background
        self._texts = texts
        self._vectors = vectors
        self._examples = [
            Example(
                text=text,
                codes=tuple(truth.codes[column] for column in np.flatnonzero(applied)),
                reference=reference,
            )
            for text, applied, reference in zip(texts, truth.applied[0], references, strict=True)
        ]
        corpus = CorpusSample()
        corpus.add(texts, vectors)
        self._reference = corpus.reference()

    def examples(self, rows: Rows) -> list[Example]:
        """Segments as examples, with the codes that people applied."""
        return [self._examples[row] for row in rows]

    def __call__(self, examples: Rows, tested: Rows) -> Scores:
        """Scores of the leaves for the segments tested, having learnt from others."""
        suggester = Suggester(
            self._codebook,
            self._encoder,
            background=self._background,
            reference=self._reference,
            examples=self.examples(examples),
        )
        columns = {leaf.id: column for column, leaf in enumerate(self._codebook.active_leaves)}
        texts = [self._texts[row] for row in tested]
        results = suggester.suggest_encoded(texts, self._vectors[tested], top_k=0, min_score=0)
        scores = np.zeros((len(tested), len(columns)))
        for row, result in enumerate(results):
            for suggestion in result.suggestions:
                scores[row, columns[suggestion.code]] = suggestion.score
        return Scores(scores=scores, abstained=np.array([result.abstained for result in results], dtype=bool))


class _Known:
    """An encoder that has the vectors of the study at hand."""

    def __init__(self, encoder: TextEncoder, texts: Sequence[str], vectors: Vectors) -> None:
        self._known = dict(zip(texts, vectors, strict=True))
        self._others = RememberingEncoder(encoder, capacity=SPARE_VECTORS)
        self.identity = encoder.identity

    def encode(self, texts: Sequence[str]) -> Vectors:
        unknown = [text for text in texts if text not in self._known]
        made = dict(zip(unknown, self._others.encode(unknown), strict=True)) if unknown else {}
        found = [self._known[text] if text in self._known else made[text] for text in texts]
        return np.stack(found) if found else np.zeros((0, self.identity.dimension), dtype=np.float32)
