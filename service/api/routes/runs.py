"""``/v1/projects/{p}/runs``: long work in the background."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from service import limits
from service.actions.cancel_run import cancel_run
from service.actions.project_models import ProjectModels
from service.actions.start_run import Scope, start_suggest_run
from service.api.answer_start import answer_start, known_model
from service.api.dependencies import DatabaseOfService, EncodersOfService, in_thread
from service.api.references import cursor_number, number, reference
from service.api.routes.projects import find_project, page
from service.api.run_events import EVENT_STREAM, last_event, run_events, run_row
from service.api.schemas.pages import Cursor, Limit
from service.api.schemas.runs import FailedSegmentPage, RunIn, RunOut, RunPage
from service.api.strict_route import StrictRoute
from service.formats.texts import check_text
from service.storage.projects import Project
from service.storage.runs import FailedSegment, Run, list_failed_segments, list_runs, run

router = APIRouter(prefix="/v1/projects/{project_id}/runs", route_class=StrictRoute, tags=["runs"])

EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"description": "Server-sent events.", "content": {EVENT_STREAM: {"schema": {"type": "string"}}}},
    204: {"description": "The run has ended, and the last event that you name says so."},
}


@router.post("", response_model=RunOut, status_code=202, summary="Start a run")
async def start(
    request: Request, project_id: str, body: RunIn, database: DatabaseOfService, encoders: EncodersOfService
) -> Response:
    """Has a worker suggest for all of a project, or a part of it, in the place of what still waits for decisions.

    A project has one active run at a time. It is pinned to the codebook, the decisions, the model and the reference
    that it begins with, and goes on by itself after whatever interrupts it. With an `Idempotency-Key`, the same
    request is the same run.
    """
    refs = [reference(str(one), f"transcripts[{index}]") for index, one in enumerate(body.transcripts or ())]
    for index, site in enumerate(body.sites or ()):
        check_text(site, place=f"sites[{index}]")
    model_key = known_model(encoders, body.model)
    scope = Scope(
        transcripts=refs if body.transcripts is not None else None,
        sites=body.sites,
        only_changed=body.only_changed,
        context=body.context,
        top_k=body.top_k,
        min_score=body.min_score,
    )

    def start_run(found: Project) -> Run:
        in_use = ProjectModels(database, encoders).key_in_use(found.id)
        return start_suggest_run(database, found, scope, model_key=model_key or in_use)

    return await answer_start(request, project_id, database, start_run)


@router.get("", response_model=RunPage, summary="List runs")
async def list_all(
    request: Request,
    project_id: str,
    database: DatabaseOfService,
    limit: Limit = limits.MAX_PAGE,
    cursor: Cursor = None,
) -> JSONResponse:
    """The project's runs in the order in which they were started."""
    after = cursor_number(cursor)

    def read() -> list[Run]:
        found = find_project(database, project_id)
        with database.read() as connection:
            return list_runs(connection, found.id, after=after, limit=limit + 1)

    return JSONResponse(page([run_row(one) for one in await in_thread(request, read)], limit))


@router.get("/{run_id}", response_model=RunOut, summary="Read a run")
async def read_one(request: Request, project_id: str, run_id: str, database: DatabaseOfService) -> JSONResponse:
    """How far a run has come, what it is pinned to, and what became of the segments."""
    wanted = number(run_id, "run_id")

    def read() -> Run:
        found = find_project(database, project_id)
        with database.read() as connection:
            return run(connection, found.id, wanted)

    return JSONResponse(run_row(await in_thread(request, read)))


@router.get("/{run_id}/failures", response_model=FailedSegmentPage, summary="List the failed segments of a run")
async def failures(
    request: Request,
    project_id: str,
    run_id: str,
    database: DatabaseOfService,
    limit: Limit = limits.MAX_PAGE,
    cursor: Cursor = None,
) -> JSONResponse:
    """The segments that could not be worked on, each with the reason; the others are done all the same."""
    wanted, after = number(run_id, "run_id"), cursor_number(cursor)

    def read() -> list[FailedSegment]:
        found = find_project(database, project_id)
        with database.read() as connection:
            run(connection, found.id, wanted)
            return list_failed_segments(connection, found.id, wanted, after=after, limit=limit + 1)

    rows = [
        {"id": one.id, "segment": one.segment_id, "reference": one.reference, "reason": one.reason}
        for one in await in_thread(request, read)
    ]
    return JSONResponse(page(rows, limit))


@router.post("/{run_id}/cancel", response_model=RunOut, summary="Cancel a run")
async def cancel(request: Request, project_id: str, run_id: str, database: DatabaseOfService) -> JSONResponse:
    """Ends a run; what it has suggested so far stays. One that has ended is answered as it is."""
    wanted = number(run_id, "run_id")

    def act() -> Run:
        return cancel_run(database, find_project(database, project_id).id, wanted)

    return JSONResponse(run_row(await in_thread(request, act)))


@router.get("/{run_id}/events", response_class=StreamingResponse, responses=EVENTS, summary="Watch a run")
async def events(
    request: Request,
    project_id: str,
    run_id: str,
    database: DatabaseOfService,
    last_event_id: Annotated[str | None, Header(description="Of the last event that you have.")] = None,
) -> Response:
    """The run as server-sent events: `progress` whenever it has come further, and `end` once it has ended.

    Each holds the whole run as data and its `version` as id. Who asks again with `Last-Event-ID` gets what is newer,
    also from another process or after a restart.
    """
    wanted = number(run_id, "run_id")
    found = await in_thread(request, find_project, database, project_id)

    def read() -> Run:
        with database.read() as connection:
            return run(connection, found.id, wanted)

    seen = last_event(last_event_id)
    now = await in_thread(request, read)
    if not now.is_active and now.version == seen:
        return Response(status_code=204)
    request.state.watched_runs.enter()
    return StreamingResponse(run_events(request, read, seen), media_type=EVENT_STREAM)
