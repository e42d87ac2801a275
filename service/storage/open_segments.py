"""What nobody has looked at yet in a coding set, and what is needed to put it into an order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, Exists, FromClause, and_, bindparam, case, exists, func, select, union

from service.storage.rows import on_segments
from service.storage.tables import codings, decisions, no_codes, segments, suggestions, transcripts


class OpenSegment(NamedTuple):
    """A participant's turn on which no code stands, nor that none applies. Made by the ten thousand.

    Attributes:
        site: of its transcript.
        best: the score of the best suggestion that waits on it, if any does.
        second: likewise of the one after that.
        is_turned_down: whether a suggestion on it has been rejected or replaced.
    """

    id: int
    site: str | None
    best: float | None
    second: float | None
    is_turned_down: bool


@dataclass(frozen=True, kw_only=True)
class BestSuggestion:
    """The best suggestion that waits on a segment."""

    id: int
    code: str
    score: float


def open_segments(connection: Connection, project_id: int, coding_set_id: int) -> list[OpenSegment]:
    """The open segments of a coding set, in reading order."""
    rows = connection.execute(_OPEN, {"in_project": project_id, "in_set": coding_set_id}).all()
    return [OpenSegment._make(row) for row in rows]


def looked_at_by_site(connection: Connection, coding_set_id: int) -> dict[str | None, int]:
    """How many segments of each site are no longer open in a coding set."""
    return {row.site: row.looked_at for row in connection.execute(_LOOKED_AT, {"in_set": coding_set_id})}


def last_decided(connection: Connection, coding_set_id: int, count: int) -> list[int]:
    """The segments of the newest decisions of a coding set, so many decisions back."""
    rows = connection.execute(_LAST_DECIDED, {"in_set": coding_set_id, "most": count}).scalars()
    return list(dict.fromkeys(rows))


def best_suggestions(
    connection: Connection, coding_set_id: int, segment_ids: Sequence[int]
) -> dict[int, BestSuggestion]:
    """The best suggestions that wait on some segments, by segment."""
    found: dict[int, BestSuggestion] = {}
    for row in connection.execute(_BEST, {"in_set": coding_set_id, "in_segments": segment_ids}).all():
        found.setdefault(row.segment_id, BestSuggestion(id=row.id, code=row.code, score=row.score))
    return found


def _stands(table: FromClause) -> Exists:
    return exists().where(
        table.c.coding_set_id == bindparam("in_set"),
        table.c.segment_id == segments.c.id,
        table.c.ended_by_id.is_(None),
    )


_IS_OPEN = and_(segments.c.role == "participant", ~_stands(codings), ~_stands(no_codes))
_turned_down = exists().where(
    suggestions.c.coding_set_id == bindparam("in_set"),
    suggestions.c.segment_id == segments.c.id,
    suggestions.c.status.in_(("rejected", "replaced")),
)
_waits = and_(suggestions.c.coding_set_id == bindparam("in_set"), suggestions.c.status == "pending")
_ranked = (
    select(
        suggestions.c.segment_id,
        suggestions.c.score,
        func.row_number()
        .over(partition_by=suggestions.c.segment_id, order_by=(suggestions.c.score.desc(), suggestions.c.id))
        .label("place"),
    )
    .where(_waits)
    .subquery()
)
_scores = (
    select(
        _ranked.c.segment_id,
        func.max(case((_ranked.c.place == 1, _ranked.c.score))).label("best"),
        func.max(case((_ranked.c.place == 2, _ranked.c.score))).label("second"),
    )
    .where(_ranked.c.place <= 2)
    .group_by(_ranked.c.segment_id)
    .subquery()
)
_OPEN = (
    select(segments.c.id, transcripts.c.site, _scores.c.best, _scores.c.second, _turned_down)
    .join(transcripts, transcripts.c.id == segments.c.transcript_id)
    .join(_scores, _scores.c.segment_id == segments.c.id, isouter=True)
    .where(segments.c.project_id == bindparam("in_project"), _IS_OPEN)
    .order_by(segments.c.transcript_id, segments.c.position)
)
_looked_at = union(
    *(
        select(table.c.segment_id).where(table.c.coding_set_id == bindparam("in_set"), table.c.ended_by_id.is_(None))
        for table in (codings, no_codes)
    )
).subquery()
_LOOKED_AT = (
    select(transcripts.c.site, func.count().label("looked_at"))
    .select_from(_looked_at)
    .join(segments, segments.c.id == _looked_at.c.segment_id)
    .join(transcripts, transcripts.c.id == segments.c.transcript_id)
    .group_by(transcripts.c.site)
)
_LAST_DECIDED = (
    select(decisions.c.segment_id)
    .where(decisions.c.coding_set_id == bindparam("in_set"))
    .order_by(decisions.c.number.desc())
    .limit(bindparam("most"))
)
_BEST = (
    select(suggestions.c.segment_id, suggestions.c.id, suggestions.c.code, suggestions.c.score)
    .where(on_segments(suggestions), suggestions.c.status == "pending")
    .order_by(suggestions.c.score.desc(), suggestions.c.id)
)
