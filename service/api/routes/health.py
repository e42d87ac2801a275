"""``/health``: is the process alive, and can it serve requests."""

from fastapi import APIRouter, Response

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
async def ready(response: Response, encoders: EncodersOfService) -> Ready:
    """200 once the default model is loaded, until then 503 with what is missing."""
    trouble = encoders.trouble()
    if trouble is not None:
        response.status_code = 503
        response.headers["Retry-After"] = RETRY_AFTER_SECONDS
    return Ready(status="not_ready" if trouble else "ok", model=trouble or "ok", models=list(encoders.keys))
