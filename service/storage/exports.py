"""What exports are made of: what stands in a project, and the trail of all decisions."""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Row, Select, case, null, select, union

from service.storage.tables import (
    analysts,
    codebook_versions,
    coding_sets,
    codings,
    decisions,
    no_codes,
    rounds,
    segments,
    suggestions,
    transcripts,
)

# The suggestions whose code an analyst did not want.
_TURNED_DOWN = suggestions.c.status.in_(("rejected", "replaced"))


def codebook_contents(connection: Connection, project_id: int) -> Iterator[Mapping[str, Any]]:
    """The JSON form of each version of the project's codebook, oldest first."""
    query = (
        select(codebook_versions.c.content)
        .where(codebook_versions.c.project_id == project_id)
        .order_by(codebook_versions.c.number)
    )
    return iter(connection.execute(query).scalars())


def coding_sets_of(connection: Connection, project_id: int) -> list[Row[Any]]:
    """``id, analyst, round_name, round_number``; the analyst of a shared one is None."""
    query = (
        select(
            coding_sets.c.id,
            analysts.c.name.label("analyst"),
            rounds.c.name.label("round_name"),
            rounds.c.number.label("round_number"),
        )
        .join(rounds, rounds.c.id == coding_sets.c.round_id)
        .join(analysts, analysts.c.id == coding_sets.c.analyst_id, isouter=True)
        .where(coding_sets.c.project_id == project_id)
        .order_by(coding_sets.c.id)
    )
    return list(connection.execute(query))


def transcripts_of(connection: Connection, project_id: int) -> list[Row[Any]]:
    """``id, external_id, label, site, language``."""
    names = ("id", "external_id", "label", "site", "language")
    query = select(*(transcripts.c[name] for name in names)).where(transcripts.c.project_id == project_id)
    return list(connection.execute(query))


def segments_looked_at(connection: Connection, project_id: int) -> Iterator[Row[Any]]:
    """The segments on which anything stands in any coding set, in reading order."""
    standing = union(
        *(
            select(table.c.segment_id).where(table.c.project_id == project_id, table.c.ended_by_id.is_(None))
            for table in (codings, no_codes)
        ),
        select(suggestions.c.segment_id).where(suggestions.c.project_id == project_id, _TURNED_DOWN),
    )
    query = (
        select(segments)
        .where(segments.c.project_id == project_id, segments.c.id.in_(standing))
        .order_by(segments.c.transcript_id, segments.c.position)
    )
    return iter(connection.execute(query))


def standing_codings(connection: Connection, project_id: int) -> list[Row[Any]]:
    """The codings that stand, in the order in which they were made; their status is their origin."""
    query = (
        _decided(codings, codings.c.code, codings.c.origin.label("status"), codings.c.score, codings.c.model_version)
        .add_columns(codebook_versions.c.number.label("codebook_version"), null().label("replaced_by"))
        .join(codebook_versions, codebook_versions.c.id == codings.c.codebook_version_id)
        .join(decisions, decisions.c.id == codings.c.decision_id, isouter=True)
    )
    return _standing(connection, query, codings, project_id)


def standing_no_codes(connection: Connection, project_id: int) -> list[Row[Any]]:
    """Where it stands that no code applies; columns of the same names as for codings, as far as they say anything."""
    query = _decided(no_codes).join(decisions, decisions.c.id == no_codes.c.decision_id, isouter=True)
    return _standing(connection, query, no_codes, project_id)


def turned_down(connection: Connection, project_id: int) -> list[Row[Any]]:
    """The suggestions that were rejected or replaced, in the order of these decisions; columns as for codings.

    Whether the code was set all the same is for the caller to see.
    """
    replaced_by = case((decisions.c.kind == "replace", decisions.c.code)).label("replaced_by")
    query = (
        _decided(suggestions, suggestions.c.code, suggestions.c.score, suggestions.c.model_version, replaced_by)
        .add_columns(codebook_versions.c.number.label("codebook_version"))
        .join(codebook_versions, codebook_versions.c.id == suggestions.c.codebook_version_id)
        .join(
            decisions,
            (decisions.c.coding_set_id == suggestions.c.coding_set_id)
            & (decisions.c.number == suggestions.c.decision_number),
            isouter=True,
        )
    )
    query = query.join(analysts, analysts.c.id == decisions.c.analyst_id, isouter=True)
    query = query.where(suggestions.c.project_id == project_id, _TURNED_DOWN)
    return list(connection.execute(query.order_by(suggestions.c.decision_number, suggestions.c.id)))


def decision_trail(connection: Connection, project_id: int) -> list[Row[Any]]:
    """Every decision in the project, in the order in which they were made, with its segment and suggestion."""
    undo = decisions.alias()
    query = (
        select(
            decisions.c.number,
            decisions.c.id,
            decisions.c.at,
            analysts.c.name.label("analyst"),
            decisions.c.coding_set_id,
            decisions.c.kind,
            decisions.c.code,
            decisions.c.undoes_id.label("undoes"),
            undo.c.id.label("undone_by"),
            decisions.c.suggestions_visible,
            decisions.c.segment_id,
            segments.c.external_id,
            segments.c.transcript_id,
            segments.c.paragraph,
            decisions.c.suggestion_id,
            suggestions.c.code.label("suggested_code"),
            suggestions.c.score,
            suggestions.c.model_version,
            codebook_versions.c.number.label("codebook_version"),
        )
        .select_from(decisions)
        .join(analysts, analysts.c.id == decisions.c.analyst_id)
        .join(segments, segments.c.id == decisions.c.segment_id)
        .join(suggestions, suggestions.c.id == decisions.c.suggestion_id, isouter=True)
        .join(codebook_versions, codebook_versions.c.id == suggestions.c.codebook_version_id, isouter=True)
        .join(undo, undo.c.undoes_id == decisions.c.id, isouter=True)
        .where(decisions.c.project_id == project_id)
        .order_by(decisions.c.id)
    )
    return list(connection.execute(query))


def _decided(table: Any, *columns: Any) -> Select[Any]:
    return select(
        table.c.coding_set_id,
        table.c.segment_id,
        *columns,
        analysts.c.name.label("decided_by"),
        decisions.c.at.label("decided_at"),
        decisions.c.suggestions_visible,
    ).select_from(table)


def _standing(connection: Connection, query: Select[Any], table: Any, project_id: int) -> list[Row[Any]]:
    query = query.join(analysts, analysts.c.id == decisions.c.analyst_id, isouter=True)
    query = query.where(table.c.project_id == project_id, table.c.ended_by_id.is_(None))
    return list(connection.execute(query.order_by(table.c.id)))
