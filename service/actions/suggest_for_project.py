"""Suggest codes for a transcript, or for a small project at once."""

from dataclasses import dataclass

from models.codebook import Codebook, codebook_from_json
from models.reference import CorpusSample, sample_of
from models.suggester import DEFAULT_TOP_K, Example, Suggester, encode_segments, has_words, put_in_context
from service import limits
from service.actions.kept_vectors import KeptVectorsEncoder, ProjectVectors
from service.actions.project_models import ProjectModels
from service.actions.project_suggestions import (
    Origin,
    coded_examples,
    keep_suggestions,
    suggestion_columns,
    with_texts,
)
from service.encoders import Encoders, LoadedModel
from service.errors import AnswerTooLarge
from service.storage.database import Database
from service.storage.projects import Project, codebook_content
from service.storage.transcripts import SpokenText, spoken_texts


@dataclass(frozen=True, kw_only=True)
class Suggested:
    """What became of the segments.

    Attributes:
        segments: how many participants' turns were looked at.
        suggestions: how many suggestions wait for a decision on them now.
        abstained: for how many of the segments nothing is suggested by default.
        model_version: changes whenever the same input may give other suggestions.
    """

    segments: int
    suggestions: int
    abstained: int
    model_version: str
    codebook_version: int


class SuggestForProject:
    """Suggests from the project's own decisions and corpus, and keeps what is suggested.

    Args:
        database: where projects are.
        encoders: the configured models.
    """

    def __init__(self, database: Database, encoders: Encoders) -> None:
        self._database = database
        self._models = ProjectModels(database, encoders)

    def __call__(
        self,
        project: Project,
        *,
        transcript_id: int | None = None,
        top_k: int = DEFAULT_TOP_K,
        min_score: float | None = None,
    ) -> Suggested:
        """Makes new suggestions in the place of those that nobody has decided on.

        Participants' turns alone are suggested for. What stands, was rejected or replaced is not offered
        again, nor is anything for a segment to which no code applies.

        Args:
            project: whose segments.
            transcript_id: of one transcript only.
            top_k: how many leaves for each segment; 0 means all.
            min_score: withhold suggestions below it; None means the default, abstention.

        Raises:
            AnswerTooLarge: too many segments for one call.
            ModelNotReady: the model is not loaded.
            AdaptationUnavailable: the folder of the model that was fitted to the project is missing or damaged.
            StorageUnavailable: nothing was changed.
        """
        model = self._models.in_use(project.id)
        material = self._read(project, transcript_id)
        encoder = KeptVectorsEncoder(model.encoder, ProjectVectors(self._database, project.id))
        suggester = _suggester(material, model, encoder)
        texts = [segment.text for segment in material.wanted]
        own = encode_segments(material.codebook, encoder, texts)
        contexts = [segment.context for segment in material.wanted]
        vectors = put_in_context(material.codebook, encoder, texts, own, contexts)
        results = suggester.suggest_encoded(texts, vectors, top_k=top_k, min_score=min_score)
        segment_ids = [segment.id for segment in material.wanted]
        rows = suggestion_columns(segment_ids, results)
        origin = Origin(
            project_id=project.id,
            coding_set_id=project.coding_set_id,
            codebook_version_id=project.codebook_version_id,
            model_version=model.version,
        )
        with self._database.write() as connection:
            kept = keep_suggestions(connection, origin, segment_ids, rows)
        return Suggested(
            segments=len(texts),
            suggestions=kept,
            abstained=sum(result.abstained for result in results),
            model_version=model.version,
            codebook_version=project.codebook_number,
        )

    def _read(self, project: Project, transcript_id: int | None) -> "_Material":
        with self._database.read() as connection:
            codebook = codebook_from_json(codebook_content(connection, project.codebook_version_id))
            corpus = spoken_texts(connection, project.id)
            coded = coded_examples(connection, project.coding_set_id, corpus)
        wanted = [one for one in corpus if transcript_id is None or one.transcript_id == transcript_id]
        if len(wanted) > limits.MAX_SEGMENTS_SUGGESTED_AT_ONCE:
            most = limits.MAX_SEGMENTS_SUGGESTED_AT_ONCE
            raise AnswerTooLarge(
                f"At most {most} segments can be suggested for at once; take one transcript at a time, or start a run."
            )
        examples = with_texts(coded, corpus, codebook)
        return _Material(codebook=codebook, corpus=corpus, wanted=wanted, examples=examples)


@dataclass(frozen=True, kw_only=True)
class _Material:
    codebook: Codebook
    corpus: list[SpokenText]
    wanted: list[SpokenText]
    examples: list[Example]


def _suggester(material: _Material, model: LoadedModel, encoder: KeptVectorsEncoder) -> Suggester:
    """From all of the project: its corpus is the reference, its codings are the examples."""
    sample = sample_of(segment.text for segment in material.corpus if has_words(segment.text))
    corpus = CorpusSample()
    corpus.add(sample, encode_segments(material.codebook, encoder, sample))
    return Suggester(
        material.codebook,
        encoder,
        background=model.background,
        reference=corpus.reference(),
        examples=material.examples,
        word_counts=model.word_counts,
        temperature=model.temperature,
    )
