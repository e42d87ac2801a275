"""``/health``: is the process alive, and can it serve requests."""

from fastapi import APIRouter, Request, Response

from service.api.dependencies import EncodersOfService, in_thread
from service.api.error_responses import RETRY_AFTER_SECONDS
from service.api.schemas.health import Live, Ready
from service.api.strict_route import StrictRoute
from service.errors import StorageUnavailable
from service.storage.database import Database

router = APIRouter(prefix="/health", route_class=StrictRoute, tags=["health"])


@router.get("/live", summary="Is the process alive")
async def live() -> Live:
    """Answers as long as the process does."""
    return Live(status="ok")


@router.get("/ready", summary="Can requests be served", responses={503: {"model": Ready}})
async def ready(request: Request, response: Response, encoders: EncodersOfService) -> Ready:
    """200 while the default model is loaded and the database can be read, else 503 with what is missing."""
    model = encoders.trouble() or "ok"
    stored = await in_thread(request, _database_trouble, request.state.database) or "ok"
    is_ready = model == stored == "ok"
    if not is_ready:
        response.status_code = 503
        response.headers["Retry-After"] = RETRY_AFTER_SECONDS
    return Ready(status="ok" if is_ready else "not_ready", model=model, database=stored, models=list(encoders.keys))


def _database_trouble(database: Database) -> str | None:
    if not database.is_open:
        return "The database is not open; the service's log says why."
    try:
        database.check()
    except StorageUnavailable as error:
        return error.detail
    return None
