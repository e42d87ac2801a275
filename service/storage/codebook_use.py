"""What has become of the codes of a codebook in a project, and which segments none of them fits."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, FromClause, Select, and_, case, exists, func, or_, select

from service.storage.tables import coding_sets, codings, decisions, no_codes, segments, suggestions, transcripts

Counts = dict[str, int]
_TURNED_DOWN = ("rejected", "replaced")


class Turn(NamedTuple):
    """A participant's turn, without its text; made by the ten thousand, and so of the plainest kind.

    Attributes:
        length: of its text, in characters.
        coded: whether a code stands on it in the coding set, or that none applies.
        examined: whether anything was ever suggested for its transcript.
        fits: whether a code of the newest suggestions reaches the score that was asked for, those aside that were
            turned down in the coding set.
    """

    id: int
    transcript_id: int
    transcript_label: str
    site: str | None
    paragraph: int
    length: int
    coded: bool
    examined: bool
    fits: bool

    @property
    def reference(self) -> str:
        """How it is cited, e.g. ``BU 11``."""
        return f"{self.transcript_label} {self.paragraph}"


def suggested_codes(connection: Connection, project_id: int) -> Counts:
    """For how many segments each code was ever suggested, in whichever coding set."""
    query = select(suggestions.c.code, func.count(suggestions.c.segment_id.distinct())).where(_of_project(project_id))
    return _counts(connection, query.group_by(suggestions.c.code))


def decided_codes(connection: Connection, coding_set_id: int) -> tuple[Counts, Counts]:
    """How many suggestions of each code were accepted in a coding set, and how many rejected or replaced."""
    accepted, turned_down = (
        func.sum(case((suggestions.c.status.in_(status), 1), else_=0)) for status in (("accepted",), _TURNED_DOWN)
    )
    query = (
        select(suggestions.c.code, accepted, turned_down)
        .where(suggestions.c.coding_set_id == coding_set_id, suggestions.c.status.in_(("accepted", *_TURNED_DOWN)))
        .group_by(suggestions.c.code)
    )
    rows = connection.execute(query).all()
    return {code: int(count) for code, count, _ in rows}, {code: int(count) for code, _, count in rows}


def applied_codes(connection: Connection, coding_set_id: int) -> Counts:
    """On how many segments each code stands in a coding set."""
    query = select(codings.c.code, func.count()).where(*_standing(codings, coding_set_id)).group_by(codings.c.code)
    return _counts(connection, query)


def segments_of_codes(connection: Connection, coding_set_id: int, codes: Collection[str]) -> dict[str, set[int]]:
    """The segments on which each of some codes stands in a coding set."""
    found: dict[str, set[int]] = defaultdict(set)
    query = select(codings.c.code, codings.c.segment_id)
    for row in connection.execute(query.where(*_standing(codings, coding_set_id), codings.c.code.in_(codes))):
        found[row.code].add(row.segment_id)
    return found


def replacements(connection: Connection, coding_set_id: int) -> dict[tuple[str, str], int]:
    """How often people put one code in the place of another that was suggested: ``(suggested, put)``."""
    query = (
        select(suggestions.c.code, decisions.c.code, func.count())
        .join(
            decisions,
            and_(
                decisions.c.coding_set_id == suggestions.c.coding_set_id,
                decisions.c.number == suggestions.c.decision_number,
            ),
        )
        .where(suggestions.c.coding_set_id == coding_set_id, suggestions.c.status == "replaced")
        .group_by(suggestions.c.code, decisions.c.code)
    )
    return {(suggested, str(put)): count for suggested, put, count in connection.execute(query).all()}


def turns(connection: Connection, project_id: int, coding_set_id: int, *, least_score: float) -> list[Turn]:
    """All participants' turns in reading order, with how codes stand to them."""
    on_segment = suggestions.c.segment_id == segments.c.id
    # What was accepted is not offered again, however new the suggestions beside it are.
    is_newest = or_(suggestions.c.renewed.is_(False), suggestions.c.status == "accepted")
    likely = and_(on_segment, is_newest, suggestions.c.score >= least_score)
    turned_down = and_(suggestions.c.coding_set_id == coding_set_id, suggestions.c.status.in_(_TURNED_DOWN))
    coded = or_(
        *(
            exists().where(table.c.segment_id == segments.c.id, *_standing(table, coding_set_id))
            for table in (codings, no_codes)
        )
    )
    query = (
        select(
            segments.c.id,
            segments.c.transcript_id,
            transcripts.c.label,
            transcripts.c.site,
            segments.c.paragraph,
            func.length(segments.c.text),
            coded,
            segments.c.transcript_id.in_(_examined(project_id)),
            exists().where(likely, ~turned_down),
        )
        .join(transcripts, transcripts.c.id == segments.c.transcript_id)
        .where(segments.c.project_id == project_id, segments.c.role == "participant")
        .order_by(segments.c.transcript_id, segments.c.position)
    )
    return [Turn._make(row) for row in connection.execute(query).all()]


def _counts(connection: Connection, query: Select[Any]) -> Counts:
    return {code: int(count) for code, count in connection.execute(query)}


def _examined(project_id: int) -> Select[tuple[int]]:
    """The transcripts for which anything was ever suggested."""
    return (
        select(segments.c.transcript_id)
        .join(suggestions, suggestions.c.segment_id == segments.c.id)
        .where(_of_project(project_id))
        .distinct()
    )


def _of_project(project_id: int) -> ColumnElement[bool]:
    """By way of the coding sets, for which there is an index."""
    its_sets = select(coding_sets.c.id).where(coding_sets.c.project_id == project_id)
    return suggestions.c.coding_set_id.in_(its_sets)


def _standing(table: FromClause, coding_set_id: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return table.c.coding_set_id == coding_set_id, table.c.ended_by_id.is_(None)
