"""Suggest codes for a transcript, or for a small project at once."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from models.codebook import Codebook, codebook_from_json
from models.reference import CorpusSample
from models.suggester import DEFAULT_TOP_K, Example, Suggester, encode_segments, has_words
from service import limits
from service.actions.kept_vectors import KeptVectorsEncoder
from service.encoders import Encoders, LoadedModel
from service.errors import AnswerTooLarge
from service.formats.suggestion_rows import suggestion_row
from service.storage.codings import coded_segments
from service.storage.database import Database
from service.storage.decisions import wait_for_turn
from service.storage.projects import Project, codebook_content
from service.storage.suggestions import renew_suggestions, settled_codes, settled_segments
from service.storage.transcripts import Segment, SegmentFilter, list_segments, segments_there


@dataclass(frozen=True, kw_only=True)
class Suggested:
    """What became of the segments.

    Attributes:
        segments: how many participants' turns were looked at.
        suggestions: how many suggestions wait for a decision on them now.
        abstained: for how many of the segments no code reached the threshold.
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
        self._encoders = encoders

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
            min_score: withhold suggestions below it; None means the default threshold.

        Raises:
            AnswerTooLarge: too many segments for one call.
            ModelNotReady: the model is not loaded.
            StorageUnavailable: nothing was changed.
        """
        model = self._encoders.get()
        material = self._read(project, transcript_id)
        encoder = KeptVectorsEncoder(model.encoder, self._database, project.id)
        suggester = _suggester(material, model, encoder)
        texts = [segment.text for segment in material.wanted]
        vectors = encode_segments(material.codebook, encoder, texts)
        results = suggester.suggest_encoded(texts, vectors, top_k=top_k, min_score=min_score)
        rows = [
            {"segment_id": segment.id, "rank": rank, **_columns(suggestion, result.basis)}
            for segment, result in zip(material.wanted, results, strict=True)
            for rank, suggestion in enumerate(suggestion_row(segment.id, result)["suggestions"], start=1)
        ]
        kept = self._keep(project, material.wanted, rows, model)
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
            corpus = list_segments(connection, project.id, SegmentFilter(role="participant"))
            coded = {one.segment_id: one.codes for one in coded_segments(connection, project.coding_set_id)}
            coded |= dict.fromkeys(settled_segments(connection, project.coding_set_id), ())
        wanted = [one for one in corpus if transcript_id is None or one.transcript_id == transcript_id]
        if len(wanted) > limits.MAX_SEGMENTS_SUGGESTED_AT_ONCE:
            most = limits.MAX_SEGMENTS_SUGGESTED_AT_ONCE
            raise AnswerTooLarge(
                f"At most {most} segments can be suggested for at once; take one transcript at a time."
            )
        return _Material(codebook=codebook, corpus=corpus, wanted=wanted, coded=coded)

    def _keep(
        self, project: Project, segments: Sequence[Segment], rows: Sequence[dict[str, Any]], model: LoadedModel
    ) -> int:
        with self._database.write() as connection:
            # Read again here: people may have decided meanwhile, or put a transcript anew.
            wait_for_turn(connection, project.coding_set_id)
            there = segments_there(connection, [one.id for one in segments])
            still = [one.id for one in segments if one.id in there]
            settled = settled_codes(connection, project.coding_set_id)
            closed = settled_segments(connection, project.coding_set_id)
            fresh = [row for row in rows if row["segment_id"] in there and _is_open(row, settled, closed)]
            common = {
                "project_id": project.id,
                "coding_set_id": project.coding_set_id,
                "model_version": model.version,
                "codebook_version_id": project.codebook_version_id,
                "status": "pending",
            }
            renew_suggestions(connection, project.coding_set_id, still, [{**row, **common} for row in fresh])
        return len(fresh)


@dataclass(frozen=True, kw_only=True)
class _Material:
    codebook: Codebook
    corpus: list[Segment]
    wanted: list[Segment]
    coded: dict[int, tuple[str, ...]]


def _suggester(material: _Material, model: LoadedModel, encoder: KeptVectorsEncoder) -> Suggester:
    """From all of the project: its corpus is the reference, its codings are the examples."""
    speaking = [segment for segment in material.corpus if has_words(segment.text)]
    texts = [segment.text for segment in speaking]
    corpus = CorpusSample()
    corpus.add(texts, encode_segments(material.codebook, encoder, texts))
    examples = [
        Example(text=segment.text, codes=material.coded[segment.id], reference=segment.reference)
        for segment in material.corpus
        if segment.id in material.coded
    ]
    return Suggester(
        material.codebook, encoder, background=model.background, reference=corpus.reference(), examples=examples
    )


def _columns(suggestion: dict[str, Any], basis: str) -> dict[str, Any]:
    content = {key: suggestion[key] for key in ("name", "path", "evidence")}
    return {
        "code": suggestion["code"],
        "score": suggestion["score"],
        "basis": basis,
        "content": json.dumps({"code": suggestion["code"], **content}, ensure_ascii=False, separators=(",", ":")),
    }


def _is_open(row: dict[str, Any], settled: Collection[tuple[int, str]], closed: Collection[int]) -> bool:
    return row["segment_id"] not in closed and (row["segment_id"], row["code"]) not in settled
