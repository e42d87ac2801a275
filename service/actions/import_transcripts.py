"""Bring transcripts into a project, with the codings that their files hold."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from models.codebook import Codebook
from service import limits
from service.errors import AlreadyThere, CodeUnknown, FieldNotValid
from service.formats.transcripts import ImportedSegment, ImportedTranscript
from service.storage.database import Database
from service.storage.file_codings import FileCoding, add_file_codings
from service.storage.projects import Project, hold_project
from service.storage.references import ExternalId
from service.storage.transcripts import (
    SegmentFilter,
    Transcript,
    add_segments,
    add_transcript,
    find_transcript,
    list_segments,
    transcript,
)


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """What is taken where the file itself does not say."""

    external_id: str | None = None
    label: str | None = None
    site: str | None = None
    language: str | None = None


def import_transcripts(
    database: Database,
    project: Project,
    codebook: Codebook,
    imported: Sequence[ImportedTranscript],
    defaults: Defaults,
) -> list[Transcript]:
    """Stores transcripts, all or none; codings in them become those of the analyst whom they name.

    Args:
        database: where to.
        project: of which project.
        codebook: its codebook, which the codings must be of.
        imported: what a file gave.
        defaults: for what the file does not say; an external id or label only if it holds one transcript.

    Raises:
        AlreadyThere: the project has a transcript of one of these external ids.
        CodeUnknown: a coding names a code that is not in the codebook; its place is that of the file.
        FieldNotValid: several transcripts cannot have one external id or label.
        StorageUnavailable: nothing was stored.
    """
    if len(imported) > 1 and (defaults.external_id or defaults.label):
        raise FieldNotValid("The file holds several transcripts, which cannot all have this name.", place="label")
    for one in imported:
        _check_codes(one.segments, codebook)
    with database.write() as connection:
        hold_project(connection, project.id)
        return [_store(connection, project, one, defaults) for one in imported]


def segment_columns(project_id: int, transcript_id: int, position: int, segment: ImportedSegment) -> dict[str, Any]:
    """A segment as a row of its table."""
    return {
        "project_id": project_id,
        "transcript_id": transcript_id,
        "external_id": segment.external_id,
        "position": position,
        "paragraph": segment.paragraph or position + 1,
        "text": segment.text,
        "speaker": segment.speaker,
        "role": segment.role,
        "section": segment.section,
        "original_text": segment.original_text,
        "original_language": segment.original_language,
    }


def _store(connection: Connection, project: Project, imported: ImportedTranscript, defaults: Defaults) -> Transcript:
    external_id = imported.document or defaults.external_id
    if external_id and find_transcript(connection, project.id, ExternalId(external_id)):
        raise AlreadyThere("The project has a transcript of this external id already.", place="external_id")
    site = imported.site or defaults.site
    transcript_id = add_transcript(
        connection,
        project.id,
        external_id=external_id,
        label=defaults.label,
        site=site,
        language=imported.language or defaults.language,
    )
    groups = _by_segment(imported.segments)
    rows = [segment_columns(project.id, transcript_id, at, group[0]) for at, group in enumerate(groups)]
    add_segments(connection, rows)
    stored = list_segments(connection, project.id, SegmentFilter(transcript_id=transcript_id))
    codings = [
        FileCoding(segment_id=kept.id, coder=given.coder or "", codes=given.codes)
        for kept, group in zip(stored, groups, strict=True)
        for given in group
        if given.codes is not None
    ]
    add_file_codings(connection, project, codings)
    return transcript(connection, project.id, transcript_id)


def _by_segment(segments: Iterable[ImportedSegment]) -> list[list[ImportedSegment]]:
    """The rows of each segment: one, or one for each coder."""
    groups: dict[object, list[ImportedSegment]] = {}
    for number, segment in enumerate(segments):
        same = replace(segment, codes=None, coder=None, place="") if segment.external_id and segment.coder else number
        group = groups.setdefault(same, [])
        if any(other.coder == segment.coder for other in group):
            group = groups.setdefault(number, [])
        group.append(segment)
    return list(groups.values())


def _check_codes(segments: Iterable[ImportedSegment], codebook: Codebook) -> None:
    for segment in segments:
        for code in segment.codes or ():
            if code not in codebook:
                raise CodeUnknown("The project's codebook has no code of this id.", place=f"{segment.place}, codes")
        if len(segment.codes or ()) > limits.MAX_CODES_PER_EXAMPLE:
            most = limits.MAX_CODES_PER_EXAMPLE
            raise FieldNotValid(f"A segment may have at most {most} codes.", place=f"{segment.place}, codes")
