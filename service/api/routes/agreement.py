"""``/v1/projects/{p}/agreement``: human against human."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BeforeValidator

from models.codebook import MAX_DEPTH
from service import limits
from service.actions.compare_coders_of_project import compare_coders_of_project
from service.api.dependencies import DatabaseOfService, in_thread
from service.api.references import reference
from service.api.schemas.agreement import AgreementOut
from service.api.schemas.pages import plain_integer
from service.api.strict_route import StrictRoute

router = APIRouter(prefix="/v1/projects/{project_id}/agreement", route_class=StrictRoute, tags=["figures"])

# Some dozen names.
MAX_LIST_CHARACTERS = 20 * limits.MAX_LABEL_CHARACTERS


@router.get("", response_model=AgreementOut, summary="Agreement of the coders")
async def agreement(
    request: Request,
    project_id: str,
    database: DatabaseOfService,
    coders: Annotated[
        str | None,
        Query(
            max_length=MAX_LIST_CHARACTERS,
            description="Names of coders as in exports, divided by commas; by default all who have looked at segments.",
        ),
    ] = None,
    codes: Annotated[
        str | None,
        Query(
            max_length=MAX_LIST_CHARACTERS,
            description="Ids of codes, divided by commas: the figures are about these and those below them alone.",
        ),
    ] = None,
    level: Annotated[
        int | None,
        BeforeValidator(plain_integer),
        Query(ge=1, le=MAX_DEPTH, description="Figures of this level of the coding tree only, 1 for the themes."),
    ] = None,
) -> JSONResponse:
    """How far coders agree: per code, per level of the tree, pooled, and in pairs, with intervals over transcripts.

    A coder is a coding set, named as in exports. The unit is a segment and a code. A coder looked at the segments on
    which codings of his stand, or that no code applies; the others say nothing. A figure that cannot tell anything is
    null, with the reason.
    """
    ref = reference(project_id, "project_id")

    def act() -> JSONResponse:
        names, ids = (None if given is None else given.split(",") for given in (coders, codes))
        return JSONResponse(compare_coders_of_project(database, ref, coders=names, codes=ids, level=level))

    return await in_thread(request, act)
