"""``/v1/projects/{p}/suggestions``: pending work."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from service import limits
from service.actions.suggest_for_project import SuggestForProject
from service.api.dependencies import DatabaseOfService, EncodersOfService, in_thread, read_in_thread
from service.api.references import cursor_number, reference
from service.api.routes.projects import find_project
from service.api.schemas.pages import Cursor, Limit
from service.api.schemas.suggestions import MadeSuggestionsOut, MakeSuggestionsIn, Status, SuggestionPage
from service.api.strict_route import StrictRoute
from service.storage.suggestion_pages import JsonPage, suggestion_page
from service.storage.transcripts import transcript

router = APIRouter(prefix="/v1/projects/{project_id}/suggestions", route_class=StrictRoute, tags=["suggestions"])

OfTranscript = Annotated[
    str | None,
    Query(alias="transcript", max_length=limits.MAX_LABEL_CHARACTERS, description="Id of a transcript, or `ext:…`."),
]


@router.post("", response_model=MadeSuggestionsOut, summary="Suggest codes for a project's segments")
async def make(
    request: Request, project_id: str, body: MakeSuggestionsIn, database: DatabaseOfService, encoders: EncodersOfService
) -> JSONResponse:
    """Suggests for the participants' turns of a transcript or of a small project, in the place of what still waits.

    Rests on the project's own corpus and decisions. Sent again, it does the same again; nothing unchanged is
    encoded a second time.
    """
    ref = reference(str(body.transcript), "transcript") if body.transcript is not None else None

    def act() -> dict[str, Any]:
        found = find_project(database, project_id)
        transcript_id = None
        if ref is not None:
            with database.read() as connection:
                transcript_id = transcript(connection, found.id, ref).id
        suggest = SuggestForProject(database, encoders)
        made = suggest(found, transcript_id=transcript_id, top_k=body.top_k, min_score=body.min_score)
        return {
            "segments": made.segments,
            "suggestions": made.suggestions,
            "abstained": made.abstained,
            "model_version": made.model_version,
            "codebook_version": made.codebook_version,
        }

    return JSONResponse(await in_thread(request, act))


@router.get("", response_model=SuggestionPage, summary="List suggestions")
async def list_all(
    request: Request,
    project_id: str,
    database: DatabaseOfService,
    status: Annotated[Status, Query(description="Which ones.")] = "pending",
    transcript_id: Annotated[
        str | None,
        Query(
            alias="transcript", max_length=limits.MAX_LABEL_CHARACTERS, description="Id of a transcript, or `ext:…`."
        ),
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Suggestions with their segments and evidence, in the order in which they were made."""
    after = cursor_number(cursor)
    ref = reference(transcript_id, "transcript") if transcript_id is not None else None

    def read() -> str:
        found = find_project(database, project_id)
        with database.read() as connection:
            of_transcript = transcript(connection, found.id, ref).id if ref is not None else None
            page = suggestion_page(
                connection,
                found.coding_set_id,
                status=status,
                transcript_id=of_transcript,
                after=after,
                limit=limit,
            )
        return _json(page)

    return Response(await read_in_thread(request, read), media_type="application/json")


def _json(page: JsonPage) -> str:
    cursor = "null" if page.last is None else f'"{page.last}"'
    return f'{{"items":[{page.items}],"next_cursor":{cursor}}}'
