"""``/v1/projects/{p}/evaluations``: the machine beside human coding, as runs."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from service import limits
from service.actions.project_models import ProjectModels
from service.actions.start_evaluation import EVALUATE, start_evaluation
from service.api.answer_start import answer_start, known_model
from service.api.dependencies import DatabaseOfService, EncodersOfService, in_thread, read_in_thread
from service.api.references import cursor_number, number
from service.api.routes.projects import find_project, page
from service.api.run_events import run_row
from service.api.schemas.evaluations import EvaluationIn
from service.api.schemas.pages import Cursor, Limit
from service.api.schemas.runs import RunOut, RunPage
from service.api.strict_route import StrictRoute
from service.errors import Conflict, NotFound
from service.formats.texts import check_text
from service.storage.database import Database
from service.storage.projects import Project
from service.storage.runs import Run, list_runs, run

router = APIRouter(prefix="/v1/projects/{project_id}/evaluations", route_class=StrictRoute, tags=["figures"])

REPORT: dict[int | str, dict[str, Any]] = {
    200: {"description": "One self-contained page.", "content": {"text/html": {"schema": {"type": "string"}}}}
}


@router.post("", response_model=RunOut, status_code=202, summary="Start an evaluation")
async def start(
    request: Request, project_id: str, body: EvaluationIn, database: DatabaseOfService, encoders: EncodersOfService
) -> Response:
    """Has a worker evaluate the suggester on the codings that stand in the project, which changes nothing there.

    An evaluation is a run, and is watched and cancelled as one: `/runs/{run_id}/events`, `/runs/{run_id}/cancel`.
    """
    model_key = known_model(encoders, body.model)
    if body.coder is not None:
        check_text(body.coder, place="coder")
    wanted = body.model_dump(exclude={"model"})

    def start_run(found: Project) -> Run:
        in_use = ProjectModels(database, encoders).key_in_use(found.id)
        return start_evaluation(database, found, wanted, model_key=model_key or in_use)

    return await answer_start(request, project_id, database, start_run, at="evaluations")


@router.get("", response_model=RunPage, summary="List evaluations")
async def list_all(
    request: Request,
    project_id: str,
    database: DatabaseOfService,
    limit: Limit = limits.MAX_PAGE,
    cursor: Cursor = None,
) -> JSONResponse:
    """The project's evaluations in the order in which they were started; `result` is there when one is read."""
    after = cursor_number(cursor)

    def read() -> list[Run]:
        found = find_project(database, project_id)
        with database.read() as connection:
            return list_runs(connection, found.id, kind=EVALUATE, after=after, limit=limit + 1)

    return JSONResponse(page([run_row(one) for one in await read_in_thread(request, read)], limit))


@router.get("/{run_id}", response_model=RunOut, summary="Read an evaluation")
async def read_one(request: Request, project_id: str, run_id: str, database: DatabaseOfService) -> JSONResponse:
    """How far an evaluation has come and, once it is completed, all figures in `result`.

    They are those of `themecoder evaluate`; with the protocol `decisions`: acceptance, calibration and seconds per
    decision, of suggestions that were seen and of those decided on blind.
    """
    wanted = number(run_id, "run_id")
    return JSONResponse(run_row(await in_thread(request, _evaluation, database, project_id, wanted)))


@router.get("/{run_id}/report", response_class=Response, responses=REPORT, summary="Report of an evaluation")
async def report(request: Request, project_id: str, run_id: str, database: DatabaseOfService) -> Response:
    """The figures as a page to read, save or print, with a methods paragraph for a paper."""
    wanted = number(run_id, "run_id")

    def act() -> str:
        # Imported here because it is seldom needed, and the service answers before that.
        from service.formats.evaluation_reports import evaluation_report

        found = _evaluation(database, project_id, wanted)
        if found.state != "completed" or "main" not in found.result:
            raise Conflict("There is a report of a completed evaluation by a protocol of learning and testing only.")
        return evaluation_report(found.result)

    headers = {"Content-Disposition": f'attachment; filename="evaluation-{wanted}.html"'}
    return Response(await in_thread(request, act), headers=headers, media_type="text/html")


def _evaluation(database: Database, project_id: str, run_id: int) -> Run:
    found = find_project(database, project_id)
    with database.read() as connection:
        one = run(connection, found.id, run_id)
    if one.kind != EVALUATE:
        raise NotFound("The project has no such evaluation.")
    return one
