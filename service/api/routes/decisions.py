"""``/v1/projects/{p}/decisions`` and ``/codings``: what analysts decide, and what stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import Connection

from service import limits
from service.actions.decide import Decide, Decided, Wish
from service.actions.known_codebooks import KnownCodebooks
from service.api.dependencies import DatabaseOfService, KnownCodebooksOfService, read_in_thread
from service.api.idempotency import answer_once
from service.api.references import cursor_number, reference
from service.api.routes.projects import find_project, page
from service.api.schemas.decisions import (
    CodingPage,
    DecisionIn,
    DecisionOut,
    DecisionPage,
    DecisionsIn,
    DecisionsOut,
    WishIn,
)
from service.api.schemas.pages import Cursor, Limit
from service.api.strict_route import StrictRoute
from service.formats.texts import check_text
from service.storage.codings import Coding, CodingFilter, list_codings
from service.storage.database import Database
from service.storage.decisions import DecisionFilter, list_decisions
from service.storage.projects import Project, analyst_id, project
from service.storage.references import Ref
from service.storage.transcripts import segment

router = APIRouter(prefix="/v1/projects/{project_id}", route_class=StrictRoute, tags=["decisions"])

OfSegment = Annotated[
    str | None,
    Query(alias="segment", max_length=limits.MAX_LABEL_CHARACTERS, description="Id of a segment, or `ext:…`."),
]


@router.post("/decisions", response_model=DecisionOut, summary="Decide")
async def decide_one(
    request: Request,
    project_id: str,
    body: DecisionIn,
    database: DatabaseOfService,
    codebooks: KnownCodebooksOfService,
) -> Response:
    """Accepts, rejects or replaces a suggestion, codes by hand, finds that no code applies, or undoes a decision.

    Kept for good with who, when and whether suggestions were visible. Sent again by the same analyst, it is the
    same decision; somebody else's decision on the same suggestion is a conflict that names who and when.
    """
    project_ref = reference(project_id, "project_id")

    def act() -> dict[str, Any]:
        wanted = _Wanted(project=project_ref, analyst=body.analyst, wishes=[body], list_name=None)
        (decided,) = _decide(database, codebooks, wanted)
        return decision_row(decided)

    return await answer_once(request, act)


@router.post("/decisions/bulk", response_model=DecisionsOut, summary="Decide several at once")
async def decide_many(
    request: Request,
    project_id: str,
    body: DecisionsIn,
    database: DatabaseOfService,
    codebooks: KnownCodebooksOfService,
) -> Response:
    """Decisions on explicit ids, all of them or none; a problem's `place` tells which one was refused."""
    project_ref = reference(project_id, "project_id")

    def act() -> dict[str, Any]:
        wanted = _Wanted(project=project_ref, analyst=body.analyst, wishes=body.decisions, list_name="decisions")
        return {"decisions": [decision_row(one) for one in _decide(database, codebooks, wanted)]}

    return await answer_once(request, act)


@router.get("/decisions", response_model=DecisionPage, summary="List decisions")
async def list_all(
    request: Request,
    project_id: str,
    database: DatabaseOfService,
    segment_id: OfSegment = None,
    limit: Limit = limits.MAX_PAGE,
    cursor: Cursor = None,
) -> JSONResponse:
    """The trail: every decision in the order in which it was taken, undone ones and their undoing included."""
    after = cursor_number(cursor)

    def read() -> list[Decided]:
        found = find_project(database, project_id)
        with database.read() as connection:
            wanted = DecisionFilter(segment_id=_segment_id(connection, found, segment_id))
            return list_decisions(connection, found.id, wanted, after=after, limit=limit + 1)

    found = await read_in_thread(request, read)
    return JSONResponse(page([decision_row(one) for one in found], limit))


@router.get("/codings", response_model=CodingPage, summary="List codings")
async def list_standing(
    request: Request,
    project_id: str,
    database: DatabaseOfService,
    segment_id: OfSegment = None,
    code: Annotated[str | None, Query(max_length=limits.MAX_LABEL_CHARACTERS, description="Id of a code.")] = None,
    limit: Limit = limits.MAX_PAGE,
    cursor: Cursor = None,
) -> JSONResponse:
    """The codes that stand on segments, with where they come from: people's decisions, and files."""
    after = cursor_number(cursor)

    def read() -> list[Coding]:
        found = find_project(database, project_id)
        with database.read() as connection:
            wanted = CodingFilter(segment_id=_segment_id(connection, found, segment_id), code=code)
            return list_codings(connection, found.id, wanted, after=after, limit=limit + 1)

    found = await read_in_thread(request, read)
    return JSONResponse(page([coding_row(one) for one in found], limit))


def decision_row(one: Decided) -> dict[str, Any]:
    """A decision as it is answered."""
    return {
        "id": one.decision_id,
        "number": one.number,
        "kind": one.kind,
        "segment": one.segment_id,
        "suggestion": one.suggestion_id,
        "code": one.code,
        "undoes": one.undoes,
        "analyst": one.analyst,
        "at": one.at.isoformat(),
        "suggestions_visible": one.suggestions_visible,
    }


def coding_row(one: Coding) -> dict[str, Any]:
    """A coding as it is answered."""
    return {
        "id": one.id,
        "segment": one.segment_id,
        "code": one.code,
        "origin": one.origin,
        "score": one.score,
        "model_version": one.model_version,
        "codebook_version": one.codebook_number,
        "decision": one.decision_id,
        "analyst": one.analyst,
        "at": None if one.at is None else one.at.isoformat(),
        "suggestions_visible": one.suggestions_visible,
    }


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    project: Ref
    analyst: str
    wishes: Sequence[WishIn]
    list_name: str | None


def _decide(database: Database, codebooks: KnownCodebooks, wanted: _Wanted) -> list[Decided]:
    check_text(wanted.analyst, place="analyst")
    with database.write() as connection:
        found = project(connection, wanted.project)
        return Decide(database)(
            project_id=found.id,
            coding_set_id=found.coding_set_id,
            analyst_id=analyst_id(connection, wanted.analyst),
            wishes=[_wish(connection, found, one) for one in wanted.wishes],
            active_codes=codebooks.active_codes,
            list_name=wanted.list_name,
        )


def _wish(connection: Connection, within: Project, one: WishIn) -> Wish:
    return Wish(
        kind=one.kind,
        suggestion_id=one.suggestion,
        segment_id=_segment_id(connection, within, one.segment) if isinstance(one.segment, str) else one.segment,
        code=one.code,
        decision_id=one.decision,
        suggestions_visible=one.suggestions_visible,
    )


def _segment_id(connection: Connection, within: Project, given: str | int | None) -> int | None:
    return None if given is None else segment(connection, within.id, reference(str(given), "segment")).id
