"""``/v1/projects/{p}/exports``: what people decided, as files."""

from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from service.actions.export_codings import export_codings, export_decisions
from service.api.dependencies import DatabaseOfService, in_thread
from service.api.references import reference
from service.api.strict_route import StrictRoute
from service.formats.coding_exports import Format, Mode, coding_export, decision_export

router = APIRouter(prefix="/v1/projects/{project_id}/exports", route_class=StrictRoute, tags=["exports"])

MEDIA_TYPES: dict[Format, str] = {"csv": "text/csv", "jsonl": "application/jsonl"}
FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file.",
        "content": {media_type: {"schema": {"type": "string"}} for media_type in MEDIA_TYPES.values()},
    }
}
WantedFormat = Annotated[Format, Query(description="Which kind of file.")]
WantedMode = Annotated[
    Mode,
    Query(
        description="Of csv: `spreadsheet` puts an apostrophe before what a spreadsheet would take for a formula, and "
        "begins with a byte order mark; `data` is exact. Jsonl is always exact."
    ),
]


@router.get("/codings", response_class=StreamingResponse, responses=FILE, summary="Export codings")
async def codings(
    request: Request,
    project_id: str,
    database: DatabaseOfService,
    format: WantedFormat = "csv",
    mode: WantedMode = "spreadsheet",
) -> StreamingResponse:
    """What stands in the project, in reading order, with who decided and what the machine had said.

    Csv: a row for each coding (`status` accepted, replaced, hand or file), for each rejected code (with `replaced_by`
    where another was put in its place), and for each segment to which no code applies (no_code).

    Jsonl: a line for each segment and coder, in the shape that can be uploaded as a transcript or given as examples;
    only where a code stands or none applies, because `codes: []` says that none applies. Rejections on other segments
    are in the csv and among the decisions.
    """
    ref = reference(project_id, "project_id")
    found = await in_thread(request, export_codings, database, ref)
    name = f"project-{found.project_id}-codings"
    return _file(request, coding_export(found.rows, format, mode), name, format)


@router.get("/decisions", response_class=StreamingResponse, responses=FILE, summary="Export decisions")
async def decisions(
    request: Request,
    project_id: str,
    database: DatabaseOfService,
    format: WantedFormat = "csv",
    mode: WantedMode = "spreadsheet",
) -> StreamingResponse:
    """The whole trail in the order in which it was made, with what was undone and by which decision.

    `number` counts within each coder's set. `code` is what was decided on, for a replacement the code put in place;
    `suggested_code`, `score`, `model_version` and `codebook_version` are those of the suggestion, if it was one.
    """
    ref = reference(project_id, "project_id")
    found = await in_thread(request, export_decisions, database, ref)
    name = f"project-{found.project_id}-decisions"
    return _file(request, decision_export(found.rows, format, mode), name, format)


def _file(request: Request, pieces: Iterator[bytes], name: str, format: Format) -> StreamingResponse:
    async def sent() -> AsyncIterator[bytes]:
        while (piece := await in_thread(request, next, pieces, None)) is not None:
            yield piece

    headers = {"Content-Disposition": f'attachment; filename="{name}.{format}"'}
    return StreamingResponse(sent(), headers=headers, media_type=MEDIA_TYPES[format])
