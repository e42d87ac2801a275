"""``/v1/projects``: studies and their codebooks."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from models.codebook import BUILT_IN, Codebook, built_in_codebook, codebook_from_json
from service import limits
from service.actions.create_project import create_project
from service.api.dependencies import DatabaseOfService, in_thread, read_in_thread
from service.api.idempotency import answer_once
from service.api.references import cursor_number, etag, external_id, reference
from service.api.schemas.codebooks import CodebookOut
from service.api.schemas.pages import Cursor, Limit
from service.api.schemas.projects import ProjectIn, ProjectOut, ProjectPage
from service.api.strict_route import StrictRoute
from service.errors import CodebookUnknown
from service.formats.texts import check_text
from service.storage.database import Database
from service.storage.projects import Project, codebook_content, list_projects, project

router = APIRouter(prefix="/v1/projects", route_class=StrictRoute, tags=["projects"])


@router.post("", response_model=ProjectOut, status_code=201, summary="Create a project")
async def create(request: Request, body: ProjectIn, database: DatabaseOfService) -> Response:
    """A new project with a codebook, one open assisted round and one coding set that all share."""

    def act() -> dict[str, Any]:
        for field in ("name", "note"):
            check_text(getattr(body, field), place=field)
        own_id = external_id(body.external_id, "external_id").value if body.external_id is not None else None
        codebook = codebook_given(body.codebook)
        return project_row(
            create_project(database, name=body.name, note=body.note, external_id=own_id, codebook=codebook)
        )

    return await answer_once(request, act, status=201)


@router.get("", response_model=ProjectPage, summary="List projects")
async def list_all(
    request: Request, database: DatabaseOfService, limit: Limit = limits.MAX_PAGE, cursor: Cursor = None
) -> JSONResponse:
    """Projects in the order in which they were created."""
    after = cursor_number(cursor)

    def read() -> list[Project]:
        with database.read() as connection:
            return list_projects(connection, after=after, limit=limit + 1)

    found = await read_in_thread(request, read)
    return JSONResponse(page([project_row(one) for one in found], limit))


@router.get("/{project_id}", response_model=ProjectOut, summary="Read a project")
async def read_one(request: Request, project_id: str, database: DatabaseOfService) -> JSONResponse:
    """One project, by our id or `ext:` and yours."""
    found = await in_thread(request, find_project, database, project_id)
    return JSONResponse(project_row(found), headers={"ETag": etag(found.version)})


@router.get("/{project_id}/codebook", response_model=CodebookOut, summary="Read a project's codebook")
async def read_codebook(request: Request, project_id: str, database: DatabaseOfService) -> JSONResponse:
    """The newest version of the project's codebook, in its file shape."""

    def read() -> dict[str, Any]:
        found = find_project(database, project_id)
        with database.read() as connection:
            content = codebook_content(connection, found.codebook_version_id)
        return {**content, "version": found.codebook_digest}

    return JSONResponse(await in_thread(request, read))


def find_project(database: Database, given: str) -> Project:
    """The project that an address names.

    Raises:
        InvalidId: the id cannot be one.
        NotFound: there is no such project.
    """
    ref = reference(given, "project_id")
    with database.read() as connection:
        return project(connection, ref)


def codebook_given(given: str | dict[str, Any]) -> Codebook:
    """A built-in codebook by its id, or one that is given whole.

    Raises:
        CodebookUnknown: no codebook of this id is built in.
        CodebookNotAccepted: a subclass says which rule is broken.
    """
    if isinstance(given, dict):
        return codebook_from_json(given)
    if given not in BUILT_IN:
        raise CodebookUnknown(f"The codebook must be {' or '.join(BUILT_IN)}, or a codebook object.", place="codebook")
    return built_in_codebook(given)


def page(rows: list[dict[str, Any]], limit: int, *, by: str = "id") -> dict[str, Any]:
    """One page of a list, from one row more than fits on it; ``by`` is the field that counts its rows."""
    more = len(rows) > limit
    return {"items": rows[:limit], "next_cursor": str(rows[limit - 1][by]) if more else None}


def project_row(one: Project) -> dict[str, Any]:
    """A project as it is answered."""
    return {
        "id": one.id,
        "external_id": one.external_id,
        "name": one.name,
        "note": one.note,
        "version": one.version,
        "created_at": one.created_at.isoformat(),
        "codebook": {"number": one.codebook_number, "version": one.codebook_digest},
    }
