"""``/v1/projects/{p}/queue``: which segments to look at next."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BeforeValidator

from service import limits
from service.actions.next_segments import NextSegments, Queue, QueuedSegment
from service.api.dependencies import DatabaseOfService, EncodersOfService, read_in_thread
from service.api.references import reference
from service.api.schemas.pages import Limit, plain_integer
from service.api.schemas.queue import Order, QueueOut
from service.api.strict_route import StrictRoute

router = APIRouter(prefix="/v1/projects/{project_id}/queue", route_class=StrictRoute, tags=["suggestions"])


async def _next_segments(database: DatabaseOfService, encoders: EncodersOfService) -> NextSegments:
    return NextSegments(database, encoders)


@router.get("", response_model=QueueOut, summary="What to look at next")
async def queue(
    request: Request,
    project_id: str,
    next_segments: Annotated[NextSegments, Depends(_next_segments)],
    coding_set: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=limits.MAX_LABEL_CHARACTERS,
            description="Whose work, named like `coder` in exports; by default the one that all share.",
        ),
    ] = None,
    order: Annotated[
        Order,
        Query(
            description="`reading`: by transcript and paragraph; `informative`: where the machine is unsure, unlike "
            "each other; `per_site`: of the site of which the fewest have been looked at; `random`: by `seed`."
        ),
    ] = "reading",
    seed: Annotated[
        int,
        BeforeValidator(plain_integer),
        Query(ge=0, le=limits.MAX_INTEGER, description="Of the random order; the same seed, the same order."),
    ] = 0,
    limit: Limit = 50,
) -> JSONResponse:
    """The next participants' turns on which no code stands, nor that none applies.

    Nothing is kept of what was shown: what has been decided on is no longer there when it is asked again. Segments
    without a suggestion are those of which the machine is least sure; where all suggestions have been turned down,
    they come last in the informative order.
    """
    ref = reference(project_id, "project_id")

    def read() -> JSONResponse:
        return JSONResponse(_row(next_segments(ref, coding_set=coding_set, order=order, seed=seed, count=limit)))

    return await read_in_thread(request, read)


def _row(one: Queue) -> dict[str, Any]:
    items = [_item(queued) for queued in one.segments]
    return {"coding_set": one.coding_set, "order": one.order, "open": one.open, "items": items}


def _item(one: QueuedSegment) -> dict[str, Any]:
    segment, best = one.segment, one.suggestion
    return {
        "segment": {
            "id": segment.id,
            "external_id": segment.external_id,
            "reference": segment.reference,
            "transcript": segment.transcript_id,
            "site": segment.site,
            "speaker": segment.speaker,
            "text": segment.text,
        },
        "suggestion": None if best is None else {"id": best.id, "code": best.code, "score": best.score},
        "doubt": one.doubt,
        "site_looked_at": one.site_looked_at,
    }
