"""How every kind of run is started over HTTP."""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import Request, Response

from service.api.idempotency import answer_once
from service.api.routes.projects import find_project
from service.api.run_events import run_row
from service.encoders import Encoders
from service.errors import ModelUnknown
from service.storage.database import Database
from service.storage.projects import Project
from service.storage.runs import Run


def known_model(encoders: Encoders, given: str | None) -> str | None:
    """The key of a model as a request gives it.

    Raises:
        ModelUnknown: no such key is configured.
    """
    if given is not None and given not in encoders.keys:
        raise ModelUnknown(place="model")
    return given


async def answer_start(
    request: Request, project_id: str, database: Database, start: Callable[[Project], Run], *, at: str = "runs"
) -> Response:
    """Starts a run, once for each Idempotency-Key, and answers with it.

    Args:
        request: its header may hold the key.
        project_id: the project, as the address names it.
        database: where it is.
        start: starts the run.
        at: below which address of the project the run can be found.

    Raises:
        NotFound: there is no such project.
        TooManyRuns: too many have been asked for in a short time.
        ServiceError: whatever ``start`` raises.
    """

    def act() -> dict[str, Any]:
        found = find_project(database, project_id)
        request.state.run_starts.count(found.id)
        return run_row(start(found))

    def location(answer: Mapping[str, Any]) -> str:
        return f"/v1/projects/{answer['project']}/{at}/{answer['id']}"

    return await answer_once(request, act, status=202, location=location)
