"""Transcripts and their segments."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count, pairwise
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, bindparam, delete, exists, func, insert, or_, select, update

from models.context import Context, follows
from service import limits
from service.errors import NotFound
from service.storage.references import Ref, is_named
from service.storage.rows import Value, added, is_among
from service.storage.tables import codings, decisions, failed_segments, no_codes, segments, suggestions, transcripts
from service.storage.times import in_utc, now

# What an analyst's work hangs on; suggestions alone do not count, they are made again.
WORK = (decisions, codings, no_codes)
DEFAULT_LABEL = "T"


@dataclass(frozen=True, kw_only=True)
class Transcript:
    """One imported document.

    Attributes:
        label: unique in the project; with the paragraph it makes a segment's reference.
        version: counts changes, for If-Match.
        segments: how many it has.
    """

    id: int
    external_id: str | None
    label: str
    site: str | None
    language: str | None
    version: int
    created_at: datetime
    segments: int


@dataclass(frozen=True, kw_only=True)
class Segment:
    """The unit of coding: one speaker turn or paragraph.

    Attributes:
        transcript_label: of its transcript.
        position: reading order in the transcript, from 0.
        paragraph: the number by which it is cited.
    """

    id: int
    transcript_id: int
    transcript_label: str
    site: str | None
    external_id: str | None
    position: int
    paragraph: int
    text: str
    speaker: str | None
    role: str
    section: str | None
    original_text: str | None
    original_language: str | None

    @property
    def reference(self) -> str:
        """How it is cited, e.g. ``BU 11``."""
        return f"{self.transcript_label} {self.paragraph}"


@dataclass(frozen=True, kw_only=True)
class SegmentFilter:
    """Which segments are wanted; None means any."""

    transcript_id: int | None = None
    site: str | None = None
    speaker: str | None = None
    role: str | None = None


Neighbours = tuple[int | None, int | None]
"""The ids of the segments directly before and after one; None where there is none."""
NO_NEIGHBOURS: Neighbours = (None, None)


class SpokenText(NamedTuple):
    """What a participant said; see :class:`Segment`. Made by the ten thousand, and so of the plainest kind.

    Attributes:
        neighbours: the segments directly before and after in the transcript, whoever spoke, where the numbers of the
            paragraphs say that nothing lies between.
        context: their texts.
    """

    id: int
    transcript_id: int
    transcript_label: str
    site: str | None
    paragraph: int
    text: str
    neighbours: Neighbours
    context: Context

    @property
    def reference(self) -> str:
        """How it is cited, e.g. ``BU 11``."""
        return f"{self.transcript_label} {self.paragraph}"


ALL_SEGMENTS = SegmentFilter()


def add_transcript(
    connection: Connection,
    project_id: int,
    *,
    external_id: str | None,
    label: str | None,
    site: str | None,
    language: str | None,
) -> int:
    """Adds a transcript without segments.

    Without a label it has its site's, else its external id; a number goes behind a label that is taken.
    """
    label = label or site or external_id or DEFAULT_LABEL
    said = {"external_id": external_id, "site": site, "language": language}
    row: dict[str, Any] = {**said, "project_id": project_id, "label": _free_label(connection, project_id, label)}
    row |= {"version": 1, "created_at": now()}
    return added(connection, transcripts, **row)


def add_segments(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Adds segments; each row has the columns of the table but the id."""
    if rows:
        connection.execute(insert(segments), list(rows))


def transcript(connection: Connection, project_id: int, ref: Ref) -> Transcript:
    """A transcript of the project.

    Raises:
        NotFound: it has none of this id.
    """
    found = find_transcript(connection, project_id, ref)
    if found is None:
        raise NotFound("The project has no such transcript.")
    return found


def find_transcript(connection: Connection, project_id: int, ref: Ref) -> Transcript | None:
    """A transcript of the project, if it has one of this id."""
    row = connection.execute(_transcripts(project_id).where(is_named(transcripts, ref))).first()
    return None if row is None else _transcript(row)


def list_transcripts(connection: Connection, project_id: int, *, after: int, limit: int) -> list[Transcript]:
    """The project's transcripts in the order in which they were added, those after a given one."""
    query = _transcripts(project_id).where(transcripts.c.id > after).order_by(transcripts.c.id).limit(limit)
    return [_transcript(row) for row in connection.execute(query)]


def sites_of(connection: Connection, project_id: int) -> set[str]:
    """The sites of the project's transcripts."""
    query = select(transcripts.c.site).where(transcripts.c.project_id == project_id, transcripts.c.site.is_not(None))
    return {str(site) for site in connection.execute(query.distinct()).scalars()}


def set_transcript(
    connection: Connection,
    project_id: int,
    transcript_id: int,
    *,
    label: str | None,
    site: str | None,
    language: str | None,
) -> None:
    """Changes what is said of a transcript, and counts its version up; without a label it keeps the one it has."""
    values: dict[str, Any] = {"site": site, "language": language, "version": transcripts.c.version + 1}
    if label is not None:
        values["label"] = _free_label(connection, project_id, label, but_of=transcript_id)
    connection.execute(update(transcripts).where(transcripts.c.id == transcript_id).values(values))


def segment(connection: Connection, project_id: int, ref: Ref) -> Segment:
    """A segment of the project.

    Raises:
        NotFound: it has none of this id.
    """
    row = connection.execute(_segments(project_id).where(is_named(segments, ref)).order_by(segments.c.id)).first()
    if row is None:
        raise NotFound("The project has no such segment.")
    return _segment(row)


def segments_by_id(connection: Connection, project_id: int, segment_ids: Sequence[int]) -> dict[int, Segment]:
    """Those of some segments that the project has, by their ids."""
    query = _segments(project_id).where(is_among(segments.c.id, "in_segments", segment_ids))
    return {row.id: _segment(row) for row in connection.execute(query).all()}


def list_segments(
    connection: Connection,
    project_id: int,
    wanted: SegmentFilter = ALL_SEGMENTS,
    *,
    after: tuple[int, int] = (0, -1),
    limit: int | None = None,
) -> list[Segment]:
    """The project's segments in reading order, those after a given place (transcript and position)."""
    transcript_id, position = after
    further = (segments.c.transcript_id > transcript_id) | (
        (segments.c.transcript_id == transcript_id) & (segments.c.position > position)
    )
    query = _segments(project_id).where(further).order_by(segments.c.transcript_id, segments.c.position).limit(limit)
    conditions = (
        (segments.c.transcript_id, wanted.transcript_id),
        (transcripts.c.site, wanted.site),
        (segments.c.speaker, wanted.speaker),
        (segments.c.role, wanted.role),
    )
    for column, value in conditions:
        if value is not None:
            query = query.where(column == value)
    return [_segment(row) for row in connection.execute(query)]


def spoken_texts(connection: Connection, project_id: int) -> list[SpokenText]:
    """The texts of all participants' turns, in reading order."""
    rows = connection.execute(_SPOKEN, {"of_project": project_id}).all()
    if not rows:
        return []
    ids, its_transcripts, labels, sites, paragraphs, texts, roles = zip(*rows, strict=True)
    places = list(zip(its_transcripts, paragraphs, strict=True))
    follow = [one[0] == other[0] and follows(one[1], other[1]) for one, other in pairwise(places)]
    neighbours = zip(*_around(ids, follow), strict=True)
    contexts = map(Context, *_around(texts, follow))
    spoken = map(SpokenText, ids, its_transcripts, labels, sites, paragraphs, texts, neighbours, contexts)
    return [one for one, role in zip(spoken, roles, strict=True) if role == "participant"]


def texts_of(connection: Connection, project_id: int, segment_ids: Sequence[int]) -> dict[int, str]:
    """The texts of those of some segments that are there, by their ids."""
    query = select(segments.c.id, segments.c.text).where(
        segments.c.project_id == project_id, is_among(segments.c.id, "in_segments", segment_ids)
    )
    return {row.id: row.text for row in connection.execute(query).all()}


def segments_there(connection: Connection, segment_ids: Sequence[int]) -> set[int]:
    """Those of some segments that have not been removed."""
    query = select(segments.c.id).where(is_among(segments.c.id, "in_segments", segment_ids))
    return set(connection.execute(query).scalars().all())


def segments_with_work(connection: Connection, transcript_id: int) -> set[int]:
    """Those of a transcript's segments that people have decided on or coded."""
    worked_on = or_(*(exists().where(table.c.segment_id == segments.c.id) for table in WORK))
    query = select(segments.c.id).where(segments.c.transcript_id == transcript_id, worked_on)
    return set(connection.execute(query).scalars())


def remove_segments(connection: Connection, segment_ids: Sequence[int]) -> None:
    """Removes segments that nobody has worked on, with what the machine suggested for them."""
    naming = [(table, table.c.segment_id) for table in (suggestions, failed_segments)]
    for table, column in (*naming, (segments, segments.c.id)):
        connection.execute(delete(table).where(is_among(column, "in_segments", segment_ids)))


def move_segments(connection: Connection, places: Mapping[int, Mapping[str, Any]]) -> None:
    """Gives segments other positions and labels; the texts stay. Each row has the columns but the id."""
    if not places:
        return
    one = update(segments).where(segments.c.id == bindparam("of_segment"))
    # By way of places that no segment has, or two of them would want one place for a moment.
    connection.execute(one, [{"of_segment": segment_id, "position": -segment_id} for segment_id in places])
    connection.execute(one, [{"of_segment": segment_id, **row} for segment_id, row in places.items()])


_SPOKEN: Select[Any] = (
    select(
        segments.c.id,
        segments.c.transcript_id,
        transcripts.c.label,
        transcripts.c.site,
        segments.c.paragraph,
        segments.c.text,
        segments.c.role,
    )
    .join(transcripts, transcripts.c.id == segments.c.transcript_id)
    .where(segments.c.project_id == bindparam("of_project"))
    .order_by(segments.c.transcript_id, segments.c.position)
)


def _around(values: Sequence[Value], follow: Sequence[bool]) -> tuple[list[Value | None], list[Value | None]]:
    """For each value the one before and the one after, where that follows on the other."""
    before = [None, *(value if is_next else None for value, is_next in zip(values, follow, strict=False))]
    after = [*(value if is_next else None for value, is_next in zip(values[1:], follow, strict=True)), None]
    return before, after


def _free_label(connection: Connection, project_id: int, label: str, *, but_of: int | None = None) -> str:
    query = select(transcripts.c.label).where(transcripts.c.project_id == project_id)
    if but_of is not None:
        query = query.where(transcripts.c.id != but_of)
    taken = set(connection.execute(query).scalars())
    return next(free for free in _numbered(label) if free not in taken)


def _numbered(label: str) -> Iterator[str]:
    yield label
    for number in count(2):
        ending = f"-{number}"
        yield label[: limits.MAX_LABEL_CHARACTERS - len(ending)] + ending


def _transcripts(project_id: int) -> Select[Any]:
    how_many = (
        select(func.count())
        .select_from(segments)
        .where(segments.c.transcript_id == transcripts.c.id)
        .correlate(transcripts)
        .scalar_subquery()
    )
    names = ("id", "external_id", "label", "site", "language", "version", "created_at")
    columns = [transcripts.c[name] for name in names]
    return select(*columns, how_many.label("segments")).where(transcripts.c.project_id == project_id)


def _transcript(row: Row[Any]) -> Transcript:
    return Transcript(**{**row._mapping, "created_at": in_utc(row.created_at)})


def _segments(project_id: int) -> Select[Any]:
    own = [column for column in segments.c if column.name != "project_id"]
    return (
        select(*own, transcripts.c.label.label("transcript_label"), transcripts.c.site)
        .join(transcripts, transcripts.c.id == segments.c.transcript_id)
        .where(segments.c.project_id == project_id)
    )


def _segment(row: Row[Any]) -> Segment:
    return Segment(**row._mapping)
