"""Start an evaluation of a project: write down what is wanted; a worker does the rest."""

from collections.abc import Mapping
from typing import Any

from service.storage.database import Database
from service.storage.projects import Project
from service.storage.runs import Run, add_run, run

EVALUATE = "evaluate"


def start_evaluation(database: Database, project: Project, request: Mapping[str, Any], *, model_key: str) -> Run:
    """A run of the kind ``evaluate`` that waits for a worker; it evaluates what stands when it is done.

    Args:
        database: where the project is.
        project: which one.
        request: the fields of :class:`service.actions.run_protocol.Options`; the protocol may also be ``decisions``.
        model_key: of a configured model.

    Raises:
        RunAlreadyActive: the project has a run that has not ended.
        StorageUnavailable: nothing was stored.
    """
    with database.write() as connection:
        run_id = add_run(
            connection,
            project_id=project.id,
            kind=EVALUATE,
            step=EVALUATE,
            request=request,
            coding_set_id=project.coding_set_id,
            codebook_version_id=project.codebook_version_id,
            model_key=model_key,
        )
        return run(connection, project.id, run_id)
