"""What stands: codings, rejections, and segments to which no code applies."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, FromClause, Row, Select, bindparam, exists, func, select

from service.storage.decisions import Kind
from service.storage.rows import on_segments
from service.storage.tables import (
    analysts,
    codebook_versions,
    coding_sets,
    codings,
    decisions,
    no_codes,
    suggestions,
)
from service.storage.times import in_utc

Origin = Literal["accepted", "replaced", "hand", "file"]
BY_DECISION: Collection[Origin] = ("accepted", "replaced", "hand")


@dataclass(frozen=True, kw_only=True)
class Coding:
    """A code that stands on a segment.

    Attributes:
        score: what the machine gave it, if it was accepted as suggested.
        codebook_number: the version of the codebook that it was suggested or set under, from 1.
        decision_id: the decision that made it, and so on; none of this if it came with a file.
        analyst: who decided, or whose codings the file holds.
    """

    id: int
    coding_set_id: int
    segment_id: int
    code: str
    origin: Origin
    score: float | None
    model_version: str | None
    codebook_number: int
    decision_id: int | None
    decision_number: int | None
    decision_kind: Kind | None
    analyst: str | None
    at: datetime | None
    suggestions_visible: bool | None


@dataclass(frozen=True, kw_only=True)
class NoCode:
    """That an analyst looked at a segment and found no code to apply; no decision if it came with a file."""

    id: int
    coding_set_id: int
    segment_id: int
    decision_id: int | None
    analyst: str | None
    at: datetime | None


@dataclass(frozen=True, kw_only=True)
class CodingFilter:
    """Which are wanted; None means any."""

    coding_set_id: int | None = None
    segment_id: int | None = None
    code: str | None = None


ALL_CODINGS = CodingFilter()


def list_codings(
    connection: Connection,
    project_id: int,
    wanted: CodingFilter = ALL_CODINGS,
    *,
    after: int = 0,
    limit: int | None = None,
) -> list[Coding]:
    """The codings that stand in the project, in the order in which they were made, those after a given one."""
    query = _page(_CODINGS, codings, project_id, wanted, after, limit)
    if wanted.code is not None:
        query = query.where(codings.c.code == wanted.code)
    return [Coding(**_with_time(row)) for row in connection.execute(query)]


def list_no_codes(
    connection: Connection,
    project_id: int,
    wanted: CodingFilter = ALL_CODINGS,
    *,
    after: int = 0,
    limit: int | None = None,
) -> list[NoCode]:
    """Where it stands that no code applies, in the order in which it was found, after a given one."""
    query = _page(_NO_CODES, no_codes, project_id, wanted, after, limit)
    return [NoCode(**_with_time(row)) for row in connection.execute(query)]


def rejected_codes(
    connection: Connection, coding_set_id: int, segment_ids: Collection[int] | None = None
) -> set[tuple[int, str]]:
    """Pairs of segment and code that the analysts of a coding set do not want to be offered.

    Those rejected or replaced by another code, unless the code was set all the same; of some segments or of all.
    """
    if segment_ids is None:
        rows = connection.execute(_REJECTED.where(suggestions.c.coding_set_id == coding_set_id)).all()
    else:
        there = {"in_set": coding_set_id, "in_segments": segment_ids}
        rows = connection.execute(_REJECTED.where(on_segments(suggestions)), there).all()
    return {(row.segment_id, row.code) for row in rows}


def codes_by_segment(
    connection: Connection, coding_set_id: int, origins: Collection[Origin] = BY_DECISION
) -> dict[int, tuple[str, ...]]:
    """The segments on which codes of these origins stand in a coding set, each with its codes as they were set."""
    found: dict[int, tuple[str, ...]] = {}
    for segment_id, code in connection.execute(_CODES, {"in_set": coding_set_id, "of_origins": list(origins)}):
        found[segment_id] = (*found.get(segment_id, ()), code)
    return found


def _page(
    query: Select[Any], table: FromClause, project_id: int, wanted: CodingFilter, after: int, limit: int | None
) -> Select[Any]:
    query = query.where(table.c.project_id == project_id, table.c.id > after)
    if wanted.coding_set_id is not None:
        query = query.where(table.c.coding_set_id == wanted.coding_set_id)
    if wanted.segment_id is not None:
        query = query.where(table.c.segment_id == wanted.segment_id)
    return query.order_by(table.c.id).limit(limit)


def _with_time(row: Row[Any]) -> Mapping[str, Any]:
    return {**row._mapping, "at": None if row.at is None else in_utc(row.at)}


def _standing(table: FromClause, *columns: Any) -> Select[Any]:
    """With the decision, and with the analyst who decided or else the one of the coding set."""
    return (
        select(
            *columns,
            table.c.decision_id,
            func.coalesce(_decider.c.name, _owner.c.name).label("analyst"),
            decisions.c.at,
        )
        .select_from(table)
        .join(coding_sets, coding_sets.c.id == table.c.coding_set_id)
        .join(_owner, _owner.c.id == coding_sets.c.analyst_id, isouter=True)
        .join(decisions, decisions.c.id == table.c.decision_id, isouter=True)
        .join(_decider, _decider.c.id == decisions.c.analyst_id, isouter=True)
        .where(table.c.ended_by_id.is_(None))
    )


_decider, _owner = analysts.alias(), analysts.alias()
_CODINGS = _standing(
    codings,
    *(codings.c[name] for name in ("id", "coding_set_id", "segment_id", "code", "origin", "score", "model_version")),
    codebook_versions.c.number.label("codebook_number"),
    decisions.c.number.label("decision_number"),
    decisions.c.kind.label("decision_kind"),
    decisions.c.suggestions_visible,
).join(codebook_versions, codebook_versions.c.id == codings.c.codebook_version_id)
_NO_CODES = _standing(no_codes, no_codes.c.id, no_codes.c.coding_set_id, no_codes.c.segment_id)
_REJECTED = select(suggestions.c.segment_id, suggestions.c.code).where(
    suggestions.c.status.in_(("rejected", "replaced")),
    ~exists().where(
        codings.c.coding_set_id == suggestions.c.coding_set_id,
        codings.c.segment_id == suggestions.c.segment_id,
        codings.c.code == suggestions.c.code,
        codings.c.ended_by_id.is_(None),
    ),
)
_CODES = (
    select(codings.c.segment_id, codings.c.code)
    .where(
        codings.c.coding_set_id == bindparam("in_set"),
        codings.c.origin.in_(bindparam("of_origins", expanding=True)),
        codings.c.ended_by_id.is_(None),
    )
    .order_by(codings.c.segment_id, codings.c.id)
)
