"""``/v1/projects/{p}/adaptations`` and ``/model``: models fitted to a project's codes, and which one it uses."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from service import limits
from service.actions.choose_model import choose_model
from service.actions.project_models import adaptation_key
from service.actions.start_adaptation import start_adaptation
from service.api.answer_start import answer_start, known_model
from service.api.dependencies import DatabaseOfService, EncodersOfService, in_thread, read_in_thread
from service.api.references import cursor_number, etag, wanted_version
from service.api.routes.projects import find_project, page
from service.api.schemas.adaptations import AdaptationIn, AdaptationPage, ModelChoiceIn, ModelChoiceOut
from service.api.schemas.pages import Cursor, Limit
from service.api.schemas.runs import RunOut
from service.api.strict_route import StrictRoute
from service.encoders import Encoders
from service.storage.adaptations import Adaptation, ModelChoice, list_adaptations, model_choice
from service.storage.projects import Project
from service.storage.runs import Run

router = APIRouter(prefix="/v1/projects/{project_id}", route_class=StrictRoute, tags=["adaptations"])


@router.post("/adaptations", response_model=RunOut, status_code=202, summary="Fit the model to the project's codes")
async def start(
    request: Request, project_id: str, body: AdaptationIn, database: DatabaseOfService, encoders: EncodersOfService
) -> Response:
    """Has a worker fit the model to what people have decided, try on held-out segments whether that helps, and use it.

    A run, watched and cancelled as one. It takes minutes. The fitted model is kept and used from then on only if it
    puts the right codes higher than the model before; either way the comparison is listed.
    """
    model_key = known_model(encoders, body.model) or encoders.default_key

    def start_run(found: Project) -> Run:
        return start_adaptation(database, found, seed=body.seed, model_key=model_key)

    return await answer_start(request, project_id, database, start_run)


@router.get("/adaptations", response_model=AdaptationPage, summary="List adaptations")
async def list_all(
    request: Request,
    project_id: str,
    database: DatabaseOfService,
    limit: Limit = limits.MAX_PAGE,
    cursor: Cursor = None,
) -> JSONResponse:
    """The attempts to fit a model to the project, those that did not help too, each with its comparison."""
    after = cursor_number(cursor)

    def read() -> list[dict[str, Any]]:
        found = find_project(database, project_id)
        with database.read() as connection:
            in_use = model_choice(connection, found.id).adaptation
            listed = list_adaptations(connection, found.id, after=after, limit=limit + 1)
        return [_row(one, in_use) for one in listed]

    return JSONResponse(page(await read_in_thread(request, read), limit, by="number"))


@router.get("/model", response_model=ModelChoiceOut, summary="Read which model the project uses")
async def read_choice(
    request: Request, project_id: str, database: DatabaseOfService, encoders: EncodersOfService
) -> JSONResponse:
    """The adaptation that suggestions and evaluations of the project use, or that it is the default model."""

    def read() -> ModelChoice:
        found = find_project(database, project_id)
        with database.read() as connection:
            return model_choice(connection, found.id)

    return _choice(await in_thread(request, read), encoders)


@router.put("/model", response_model=ModelChoiceOut, summary="Choose which model the project uses")
async def choose(
    request: Request, project_id: str, body: ModelChoiceIn, database: DatabaseOfService, encoders: EncodersOfService
) -> JSONResponse:
    """Has the project use one of its adaptations, or with null the default model again.

    Suggestions that wait stay until others are made in their place; a run with `only_changed` makes them anew. With
    `If-Match` nothing changes if somebody has chosen meanwhile.
    """
    version = wanted_version(request)

    def act() -> ModelChoice:
        found = find_project(database, project_id)
        return choose_model(database, encoders, found.id, body.adaptation, version=version)

    return _choice(await in_thread(request, act), encoders)


def _choice(one: ModelChoice, encoders: Encoders) -> JSONResponse:
    row = {
        "adaptation": one.adaptation,
        "key": encoders.default_key if one.adaptation is None else adaptation_key(one.adaptation),
        "version": one.version,
        "chosen_at": None if one.chosen_at is None else one.chosen_at.isoformat(),
    }
    return JSONResponse(row, headers={"ETag": etag(one.version)})


def _row(one: Adaptation, in_use: int | None) -> dict[str, Any]:
    comparison = dict(one.comparison)
    return {
        "number": one.number,
        "run": one.run_id,
        "made_at": one.made_at.isoformat(),
        "kept": one.model_hash is not None,
        "in_use": one.number == in_use,
        "codebook_version": one.codebook_number,
        "decision": one.decision_number,
        "base": {"key": one.base_key, "hash": one.base_hash},
        "seed": one.seed,
        "hash": one.model_hash,
        "comparison": {"before": comparison.pop("frozen"), "after": comparison.pop("adapted"), **comparison},
    }
