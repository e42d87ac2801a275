"""Put a transcript: add it, or bring it to a new state without touching what people have done."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from service.actions.import_transcripts import segment_columns
from service.errors import SegmentHasDecisions, VersionChanged
from service.formats.transcripts import ImportedSegment
from service.storage.database import Database
from service.storage.projects import Project, hold_project
from service.storage.references import ExternalId
from service.storage.transcripts import (
    Segment,
    SegmentFilter,
    Transcript,
    add_segments,
    add_transcript,
    find_transcript,
    list_segments,
    move_segments,
    remove_segments,
    segments_with_work,
    set_transcript,
    transcript,
)


@dataclass(frozen=True, kw_only=True)
class NewState:
    """What the transcript shall be.

    Attributes:
        external_id: of the transcript.
        segments: all of them, in order.
    """

    external_id: str
    label: str | None
    site: str | None
    language: str | None
    segments: Sequence[ImportedSegment]


def put_transcript(
    database: Database, project: Project, wanted: NewState, *, if_version: int | None
) -> tuple[Transcript, bool]:
    """Adds the transcript, or changes it to this state.

    A segment is the same one if its external id and text are (without external id, its paragraph, speaker
    and text); it keeps its number, codings and decisions, and moves to its new place.

    Args:
        database: where to.
        project: of which project.
        wanted: the state.
        if_version: change it only if it has this version; 0 means only if there is none.

    Returns:
        The transcript, and whether it was added.

    Raises:
        VersionChanged: it has another version.
        SegmentHasDecisions: a segment that people worked on would vanish or get another text.
        StorageUnavailable: nothing was stored.
    """
    with database.write() as connection:
        hold_project(connection, project.id)
        found = find_transcript(connection, project.id, ExternalId(wanted.external_id))
        if if_version is not None and if_version != (found.version if found else 0):
            raise VersionChanged
        if found is None:
            transcript_id = add_transcript(
                connection,
                project.id,
                external_id=wanted.external_id,
                label=wanted.label,
                site=wanted.site,
                language=wanted.language,
            )
        else:
            transcript_id = found.id
            said = {"label": wanted.label, "site": wanted.site, "language": wanted.language}
            set_transcript(connection, project.id, transcript_id, **said)
        _bring_to(connection, project.id, transcript_id, wanted.segments)
        return transcript(connection, project.id, transcript_id), found is None


def _bring_to(connection: Connection, project_id: int, transcript_id: int, wanted: Sequence[ImportedSegment]) -> None:
    kept = list_segments(connection, project_id, SegmentFilter(transcript_id=transcript_id))
    same: dict[tuple[object, ...], list[Segment]] = {}
    for segment in sorted(kept, key=lambda one: -one.position):
        same.setdefault(_identity(segment, segment.paragraph), []).append(segment)
    places = {}
    fresh = []
    for position, given in enumerate(wanted):
        row = segment_columns(project_id, transcript_id, position, given)
        matching = same.get(_identity(given, row["paragraph"]))
        if matching:
            places[matching.pop().id] = row
        else:
            fresh.append(row)
    gone = [segment.id for segment in kept if segment.id not in places]
    if segments_with_work(connection, transcript_id).intersection(gone):
        raise SegmentHasDecisions
    remove_segments(connection, gone)
    move_segments(connection, places)
    add_segments(connection, fresh)


def _identity(segment: Segment | ImportedSegment, paragraph: int) -> tuple[object, ...]:
    if segment.external_id is not None:
        return segment.external_id, segment.text
    return None, paragraph, segment.speaker, segment.text
