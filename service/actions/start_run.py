"""Start a run: write down what is wanted; workers do the rest."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from models.context import ContextUse
from models.suggester import DEFAULT_TOP_K
from service.errors import FieldNotValid, NotFound
from service.storage.database import Database
from service.storage.projects import Project
from service.storage.references import Ref
from service.storage.runs import Run, add_run, run
from service.storage.transcripts import sites_of, transcript


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Which segments a run is for, and how many suggestions each may get.

    Attributes:
        transcripts: of these only; None means all.
        sites: of these only; None means all.
        only_changed: only those that no run has suggested for under the newest version of the codebook and this model,
            with the same neighbours.
        context: whether what was said around segments counts.
    """

    transcripts: Sequence[Ref] | None = None
    sites: Sequence[str] | None = None
    only_changed: bool = False
    context: ContextUse = "neighbours"
    top_k: int = DEFAULT_TOP_K
    min_score: float | None = None


def start_suggest_run(database: Database, project: Project, scope: Scope, *, model_key: str) -> Run:
    """A run that waits for a worker, pinned to the codebook as it is now.

    Raises:
        RunAlreadyActive: the project has a run that has not ended.
        NotFound: the project has no such transcript.
        FieldNotValid: the project has no such site.
        StorageUnavailable: nothing was stored.
    """
    with database.write() as connection:
        request = {
            "transcripts": _transcript_ids(connection, project, scope),
            "sites": _known_sites(connection, project, scope),
            "only_changed": scope.only_changed,
            "context": scope.context,
            "top_k": scope.top_k,
            "min_score": scope.min_score,
        }
        run_id = add_run(
            connection,
            project_id=project.id,
            kind="suggest",
            step="encode",
            request=request,
            coding_set_id=project.coding_set_id,
            codebook_version_id=project.codebook_version_id,
            model_key=model_key,
        )
        return run(connection, project.id, run_id)


def _transcript_ids(connection: Connection, project: Project, scope: Scope) -> list[int] | None:
    if scope.transcripts is None:
        return None
    found = []
    for index, ref in enumerate(scope.transcripts):
        try:
            found.append(transcript(connection, project.id, ref).id)
        except NotFound as error:
            raise NotFound(error.detail, place=f"transcripts[{index}]") from error
    return sorted(set(found))


def _known_sites(connection: Connection, project: Project, scope: Scope) -> list[str] | None:
    if scope.sites is None:
        return None
    known = sites_of(connection, project.id)
    for index, site in enumerate(scope.sites):
        if site not in known:
            raise FieldNotValid("The project has no transcript of this site.", place=f"sites[{index}]")
    return sorted(set(scope.sites))
