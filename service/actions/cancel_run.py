"""Cancel a run: nothing more of it is written from now on."""

from service.storage.database import Database
from service.storage.runs import Run, end_run, hold_run, run


def cancel_run(database: Database, project_id: int, run_id: int) -> Run:
    """The run as it is now; one that has ended stays as it ended. What it has suggested stays.

    Raises:
        NotFound: the project has no such run.
        StorageUnavailable: nothing was changed.
    """
    with database.write() as connection:
        run(connection, project_id, run_id)
        if hold_run(connection, run_id):
            end_run(connection, run_id, "cancelled")
        return run(connection, project_id, run_id)
