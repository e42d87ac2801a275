"""What suggestions in a project rest on, and how they are kept: the same for one request and for a run."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json
from sqlalchemy import Connection

from models.codebook import Codebook
from models.context import NO_CONTEXT, Context
from models.suggester import Example, SegmentSuggestions, Suggestion
from service.formats.suggestion_rows import suggestion_content
from service.storage.codings import codes_by_segment, rejected_codes
from service.storage.decisions import wait_for_turn
from service.storage.suggestions import renew_suggestions, settled_codes, settled_segments
from service.storage.transcripts import SpokenText, segments_there


@dataclass(frozen=True, kw_only=True)
class CodedExample:
    """What people found in a segment, without its text, which never changes.

    Attributes:
        reference: how the segment is cited.
        codes: empty where no code applies, or where only rejections are known.
        rejected: codes that were rejected or replaced there.
    """

    segment_id: int
    reference: str
    codes: tuple[str, ...]
    rejected: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What suggestions are kept with: whose they are, and what they rest on."""

    project_id: int
    coding_set_id: int
    codebook_version_id: int
    model_version: str


def coded_examples(connection: Connection, coding_set_id: int, corpus: Sequence[SpokenText]) -> list[CodedExample]:
    """What was found in a coding set on segments of the corpus, as it stands now and in the corpus's order."""
    coded = codes_by_segment(connection, coding_set_id)
    closed = settled_segments(connection, coding_set_id)
    coded |= dict.fromkeys(closed, ())
    rejected: dict[int, list[str]] = defaultdict(list)
    for segment_id, code in sorted(rejected_codes(connection, coding_set_id)):
        # That no code applies says more.
        if segment_id not in closed:
            rejected[segment_id].append(code)
    return [
        CodedExample(
            segment_id=segment.id,
            reference=segment.reference,
            codes=coded.get(segment.id, ()),
            rejected=tuple(rejected.get(segment.id, ())),
        )
        for segment in corpus
        if segment.id in coded or segment.id in rejected
    ]


def with_texts(examples: Sequence[CodedExample], corpus: Sequence[SpokenText], codebook: Codebook) -> list[Example]:
    """The examples of the corpus as a suggester takes them, in their contexts; see :func:`with_text`."""
    spoken = {one.id: one for one in corpus}
    there = [(one, spoken[one.segment_id]) for one in examples if one.segment_id in spoken]
    made = [
        with_text(one, said.text, codebook, context=said.context, document=str(said.transcript_id))
        for one, said in there
    ]
    return [example for example in made if example is not None]


def with_text(
    one: CodedExample, text: str, codebook: Codebook, *, context: Context = NO_CONTEXT, document: str | None = None
) -> Example | None:
    """An example as a suggester takes it; None if it says nothing of codes that the codebook has."""
    known, rejected = (tuple(filter(codebook.__contains__, codes)) for codes in (one.codes, one.rejected))
    if not (known or rejected) and (one.codes or one.rejected):
        return None
    return Example(
        text=text, codes=known, rejected=rejected, reference=one.reference, context=context, document=document
    )


def pinned_form(examples: Sequence[CodedExample]) -> list[list[Any]]:
    """The examples as a run is pinned to them."""
    return [[one.segment_id, one.reference, list(one.codes), list(one.rejected)] for one in examples]


def from_pinned(pinned: Sequence[Sequence[Any]]) -> list[CodedExample]:
    """The examples that a run is pinned to, from their :func:`pinned_form`."""
    return [
        CodedExample(segment_id=one, reference=reference, codes=tuple(codes), rejected=tuple(rejected))
        for one, reference, codes, rejected in pinned
    ]


def suggestion_columns(segment_ids: Sequence[int], results: Sequence[SegmentSuggestions]) -> list[dict[str, Any]]:
    """A row for each suggestion, with what is not common to all of them."""
    return [
        {"segment_id": segment_id, "rank": rank, **_columns(suggestion, result.basis)}
        for segment_id, result in zip(segment_ids, results, strict=True)
        for rank, suggestion in enumerate(result.suggestions, start=1)
    ]


def keep_suggestions(
    connection: Connection, origin: Origin, segment_ids: Sequence[int], rows: Sequence[Mapping[str, Any]]
) -> int:
    """Puts rows of :func:`suggestion_columns` in the place of what still waits on these segments.

    What stands, was rejected or replaced is not offered again, nor is anything for a segment to which no code applies.

    Returns:
        How many of them wait for a decision now.
    """
    # Read here: people may have decided meanwhile, or put a transcript anew.
    wait_for_turn(connection, origin.coding_set_id)
    there = segments_there(connection, segment_ids)
    settled = settled_codes(connection, origin.coding_set_id, segment_ids)
    closed = settled_segments(connection, origin.coding_set_id)
    common = {
        "project_id": origin.project_id,
        "coding_set_id": origin.coding_set_id,
        "model_version": origin.model_version,
        "codebook_version_id": origin.codebook_version_id,
        "status": "pending",
        "renewed": False,
    }
    fresh = [{**row, **common} for row in rows if row["segment_id"] in there and _is_open(row, settled, closed)]
    renew_suggestions(connection, origin.coding_set_id, [one for one in segment_ids if one in there], fresh)
    return len(fresh)


def _columns(suggestion: Suggestion, basis: str) -> dict[str, Any]:
    content = suggestion_content(suggestion)
    # Its score has a column of its own.
    del content["score"]
    return {"code": suggestion.code, "score": suggestion.score, "basis": basis, "content": to_json(content).decode()}


def _is_open(row: Mapping[str, Any], settled: Collection[tuple[int, str]], closed: Collection[int]) -> bool:
    return row["segment_id"] not in closed and (row["segment_id"], row["code"]) not in settled
