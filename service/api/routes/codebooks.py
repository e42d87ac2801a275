"""``/v1/codebooks``: the codebooks that ship with the product."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from models.codebook import BUILT_IN, Codebook, built_in_codebook
from service import limits
from service.api.schemas.codebooks import CodebookOut, CodebookPage, CodebookSummary
from service.api.schemas.pages import Cursor, Limit
from service.api.strict_route import StrictRoute
from service.errors import FieldNotValid, NotFound

router = APIRouter(prefix="/v1/codebooks", route_class=StrictRoute, tags=["codebooks"])


@router.get("", summary="List the built-in codebooks")
def list_codebooks(limit: Limit = limits.MAX_PAGE, cursor: Cursor = None) -> CodebookPage:
    """The built-in codebooks, by id."""
    ids = sorted(BUILT_IN)
    if cursor is not None and cursor not in ids:
        raise FieldNotValid("This is not a cursor of this list.", place="cursor")
    start = ids.index(cursor) + 1 if cursor is not None else 0
    page = ids[start : start + limit]
    more = start + limit < len(ids)
    return CodebookPage(
        items=[_summary(built_in_codebook(codebook_id)) for codebook_id in page],
        next_cursor=page[-1] if more else None,
    )


@router.get("/{codebook_id}", response_model=CodebookOut, summary="Read a codebook")
def read_codebook(codebook_id: str) -> JSONResponse:
    """A codebook in the shape in which `/v1/suggest` and the command take one."""
    if codebook_id not in BUILT_IN:
        raise NotFound("There is no built-in codebook of this id.")
    codebook = built_in_codebook(codebook_id)
    document: dict[str, Any] = {**codebook.to_json(), "version": codebook.version}
    return JSONResponse(document)


def _summary(codebook: Codebook) -> CodebookSummary:
    return CodebookSummary(
        id=codebook.id,
        name=codebook.name,
        version=codebook.version,
        codes=len(codebook.codes),
        leaves=len(codebook.leaves),
        levels=max(codebook.level(code.id) for code in codebook.codes),
    )
