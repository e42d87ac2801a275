"""``/v1/projects/{p}/codebook/health``: what the maintainer of a codebook should look at."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from service import limits
from service.actions.examine_codebook import examine_codebook
from service.actions.project_models import ProjectModels
from service.api.dependencies import DatabaseOfService, EncodersOfService, in_thread
from service.api.references import reference
from service.api.routes.projects import find_project
from service.api.schemas.codebook_health import CodebookHealthOut
from service.api.strict_route import StrictRoute

router = APIRouter(prefix="/v1/projects/{project_id}/codebook/health", route_class=StrictRoute, tags=["figures"])


@router.get("", response_model=CodebookHealthOut, summary="Health of a project's codebook")
async def health(
    request: Request,
    project_id: str,
    database: DatabaseOfService,
    encoders: EncodersOfService,
    coding_set: Annotated[
        str | None,
        Query(
            max_length=2 * limits.MAX_LABEL_CHARACTERS,
            description="Whose codings and decisions count: a coder as named in exports; by default the shared one.",
        ),
    ] = None,
) -> JSONResponse:
    """Codes that overlap, that are never suggested, always rejected or never applied; and what no code fits.

    From what is stored: nothing is suggested or changed. What cannot be known yet, e.g. before anything was
    suggested, is named in `notes`.
    """
    ref = reference(project_id, "project_id")

    def act() -> JSONResponse:
        model = ProjectModels(database, encoders).in_use(find_project(database, project_id).id)
        return JSONResponse(examine_codebook(database, model, ref, coding_set=coding_set))

    return await in_thread(request, act)
