"""Suggestions of which it is known what an analyst makes of them, and when decisions were taken."""

from typing import Any

from sqlalchemy import Connection, Row, and_, case, exists, or_, select

from service.storage.tables import codings, decisions, no_codes, segments, suggestions, transcripts

_DECIDED = ("accepted", "rejected", "replaced")


def suggestions_decided_on(connection: Connection, project_id: int) -> list[Row[Any]]:
    """Accepted, rejected or replaced ones: ``code, score, wanted, visible, document, site``.

    ``visible`` is whether the analyst saw what the machine suggests.
    """
    query = (
        select(
            suggestions.c.code,
            suggestions.c.score,
            case((suggestions.c.status == "accepted", True), else_=False).label("wanted"),
            decisions.c.suggestions_visible.label("visible"),
            transcripts.c.id.label("document"),
            transcripts.c.site,
        )
        .join(segments, segments.c.id == suggestions.c.segment_id)
        .join(transcripts, transcripts.c.id == segments.c.transcript_id)
        .join(
            decisions,
            and_(
                decisions.c.coding_set_id == suggestions.c.coding_set_id,
                decisions.c.number == suggestions.c.decision_number,
            ),
        )
        .where(suggestions.c.project_id == project_id, suggestions.c.status.in_(_DECIDED))
        .order_by(suggestions.c.id)
    )
    return list(connection.execute(query))


def suggestions_on_blind_segments(connection: Connection, project_id: int) -> list[Row[Any]]:
    """The newest suggestions that nobody was shown, for segments coded without seeing any; columns as above.

    ``wanted`` is whether the code stands on the segment in the same coding set.
    """
    query = (
        select(
            suggestions.c.code,
            suggestions.c.score,
            _standing(codings, False, codings.c.code == suggestions.c.code).label("wanted"),
            transcripts.c.id.label("document"),
            transcripts.c.site,
        )
        .join(segments, segments.c.id == suggestions.c.segment_id)
        .join(transcripts, transcripts.c.id == segments.c.transcript_id)
        .where(
            suggestions.c.project_id == project_id,
            suggestions.c.status.not_in(_DECIDED),
            suggestions.c.renewed.is_(False),
            or_(_standing(codings, False), _standing(no_codes, False)),
            ~_standing(codings, True),
            ~_standing(no_codes, True),
        )
        .order_by(suggestions.c.id)
    )
    return list(connection.execute(query))


def decision_times(connection: Connection, project_id: int) -> list[Row[Any]]:
    """``analyst_id, at, suggestions_visible`` of each decision that is no undo, in their order."""
    query = (
        select(decisions.c.analyst_id, decisions.c.at, decisions.c.suggestions_visible)
        .where(decisions.c.project_id == project_id, decisions.c.kind != "undo")
        .order_by(decisions.c.id)
    )
    return list(connection.execute(query))


def _standing(table: Any, visible: bool, *further: Any) -> Any:
    """Whether something stands on the suggestion's segment by a decision with or without suggestions in view."""
    return exists().where(
        table.c.coding_set_id == suggestions.c.coding_set_id,
        table.c.segment_id == suggestions.c.segment_id,
        table.c.ended_by_id.is_(None),
        decisions.c.id == table.c.decision_id,
        decisions.c.suggestions_visible.is_(visible),
        *further,
    )
