"""``/health``: is the process alive, and can it serve requests."""

from fastapi import APIRouter, Request, Response

from service.api.dependencies import EncodersOfService
from service.api.error_responses import RETRY_AFTER_SECONDS
from service.api.schemas.health import Live, Ready
from service.api.strict_route import StrictRoute

router = APIRouter(prefix="/health", route_class=StrictRoute, tags=["health"])


@router.get("/live", summary="Is the process alive")
async def live() -> Live:
    """Answers as long as the process does."""
    return Live(status="ok")


@router.get("/ready", summary="Can requests be served", responses={503: {"model": Ready}})
async def ready(request: Request, response: Response, encoders: EncodersOfService) -> Ready:
    """200 once the default model is loaded and the database open, until then 503 with what is missing."""
    model = encoders.trouble() or "ok"
    stored = "ok" if request.state.database.is_open else "The database is not open; the service's log says why."
    is_ready = model == stored == "ok"
    if not is_ready:
        response.status_code = 503
        response.headers["Retry-After"] = RETRY_AFTER_SECONDS
    return Ready(status="ok" if is_ready else "not_ready", model=model, database=stored, models=list(encoders.keys))
