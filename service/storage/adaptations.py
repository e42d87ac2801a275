"""Models fitted to a project's codes: what each rests on and how good it is, and which one the project uses."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, func, select

from service.errors import NotFound
from service.storage.rows import added
from service.storage.runs import ACTIVE
from service.storage.tables import adaptations, codebook_versions, model_choices, runs
from service.storage.times import in_utc, now


@dataclass(frozen=True, kw_only=True)
class Adaptation:
    """One attempt to fit a model to a project's codes.

    Attributes:
        number: in its project, from 1.
        run_id: the run that made it.
        codebook_number: of the version that it was fitted to, from 1.
        decision_number: the last decision that it learnt from.
        base_key: the model that it started from.
        base_hash: of that model.
        seed: of the fit.
        comparison: with the model that it started from, as of :class:`models.adaptation.Comparison`.
        model_hash: of its folder; None if it was not kept.
    """

    id: int
    project_id: int
    number: int
    run_id: int
    codebook_number: int
    decision_number: int
    base_key: str
    base_hash: str
    seed: int
    comparison: Mapping[str, Any]
    model_hash: str | None
    made_at: datetime


@dataclass(frozen=True, kw_only=True)
class ModelChoice:
    """Which model a project uses.

    Attributes:
        version: counts the choices, from 1 for the one that nobody made: the default model.
        adaptation: the number of a fitted model; None means the default model.
        chosen_at: None while nobody has chosen.
    """

    version: int
    adaptation: int | None
    chosen_at: datetime | None


def add_adaptation(connection: Connection, **values: Any) -> int:
    """Adds an attempt, by its columns."""
    return added(connection, adaptations, **values)


def next_number(connection: Connection, project_id: int) -> int:
    """The number of the project's next attempt."""
    newest = select(func.max(adaptations.c.number)).where(adaptations.c.project_id == project_id)
    return (connection.execute(newest).scalar() or 0) + 1


def adaptation(connection: Connection, project_id: int, number: int) -> Adaptation:
    """An attempt of the project.

    Raises:
        NotFound: it has none of this number.
    """
    row = connection.execute(_ONE, {"of_project": project_id, "of_number": number}).first()
    if row is None:
        raise NotFound("The project has no such adaptation.")
    return _adaptation(row)


def list_adaptations(connection: Connection, project_id: int, *, after: int, limit: int) -> list[Adaptation]:
    """The project's attempts in their order, those after a given number."""
    query = _LIST.where(adaptations.c.project_id == project_id, adaptations.c.number > after)
    return [_adaptation(row) for row in connection.execute(query.order_by(adaptations.c.number).limit(limit))]


def kept_models(connection: Connection) -> dict[tuple[int, str], int]:
    """The number of each attempt that was kept, by its project and the hash of its folder; of all projects."""
    columns = (adaptations.c[name] for name in ("project_id", "model_hash", "number"))
    query = select(*columns).where(adaptations.c.model_hash.is_not(None)).order_by(adaptations.c.id)
    return {(row.project_id, row.model_hash): row.number for row in connection.execute(query)}


def projects_being_fitted(connection: Connection) -> set[int]:
    """The projects for which a worker may be making a model at the moment."""
    query = select(runs.c.project_id).where(runs.c.kind == "adapt", runs.c.state.in_(ACTIVE))
    return set(connection.execute(query).scalars())


def choose_model(connection: Connection, project_id: int, adaptation_id: int | None) -> None:
    """Has a project use a fitted model from now on, or with None the default model."""
    added(connection, model_choices, project_id=project_id, adaptation_id=adaptation_id, chosen_at=now())


def model_choice(connection: Connection, project_id: int) -> ModelChoice:
    """Which model the project uses."""
    row = connection.execute(_NEWEST, {"of_project": project_id}).first()
    if row is None:
        return ModelChoice(version=1, adaptation=None, chosen_at=None)
    made = connection.execute(_COUNT, {"of_project": project_id}).scalar_one()
    return ModelChoice(version=made + 1, adaptation=row.number, chosen_at=in_utc(row.chosen_at))


def _adaptations() -> Select[Any]:
    columns = [column for column in adaptations.c if column.name != "codebook_version_id"]
    versions = codebook_versions.c.id == adaptations.c.codebook_version_id
    return select(*columns, codebook_versions.c.number.label("codebook_number")).join(codebook_versions, versions)


_LIST = _adaptations()
_ONE = _LIST.where(adaptations.c.project_id == bindparam("of_project"), adaptations.c.number == bindparam("of_number"))
_OF_PROJECT = model_choices.c.project_id == bindparam("of_project")
_NEWEST = (
    select(adaptations.c.number, model_choices.c.chosen_at)
    .select_from(model_choices.outerjoin(adaptations, adaptations.c.id == model_choices.c.adaptation_id))
    .where(_OF_PROJECT)
    .order_by(model_choices.c.id.desc())
    .limit(1)
)
_COUNT = select(func.count()).select_from(model_choices).where(_OF_PROJECT)


def _adaptation(row: Row[Any]) -> Adaptation:
    return Adaptation(**{**row._mapping, "made_at": in_utc(row.made_at)})
