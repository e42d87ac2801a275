"""Projects, with what each has from its start: a codebook, an open round and its shared coding set."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, func, select
from sqlalchemy.exc import IntegrityError

from service.errors import AlreadyThere, NotFound
from service.storage.references import ExternalId, Ref
from service.storage.rows import add_missing, added
from service.storage.tables import analysts, codebook_versions, coding_sets, projects, rounds
from service.storage.times import in_utc, now


@dataclass(frozen=True, kw_only=True)
class Project:
    """A study.

    Attributes:
        id: our number.
        external_id: the caller's id.
        version: counts changes of the project itself.
        codebook_version_id: the newest version of its codebook.
        codebook_number: which version that is, from 1.
        codebook_digest: changes whenever anything in the codebook changes.
        coding_set_id: the shared coding set of its newest open round.
    """

    id: int
    external_id: str | None
    name: str
    note: str
    version: int
    created_at: datetime
    codebook_version_id: int
    codebook_number: int
    codebook_digest: str
    coding_set_id: int


def add_project(
    connection: Connection,
    *,
    external_id: str | None,
    name: str,
    note: str,
    codebook: Mapping[str, Any],
    codebook_digest: str,
) -> int:
    """Adds a project with its first codebook version, one open assisted round and the coding set that all share.

    Raises:
        AlreadyThere: another project has this external id.
    """
    at = now()
    try:
        project = added(connection, projects, external_id=external_id, name=name, note=note, version=1, created_at=at)
    except IntegrityError as error:
        raise AlreadyThere("Another project has this external id.", place="external_id") from error
    added(
        connection,
        codebook_versions,
        project_id=project,
        number=1,
        digest=codebook_digest,
        content=dict(codebook),
        created_at=at,
    )
    first_round = added(
        connection,
        rounds,
        project_id=project,
        number=1,
        name="Round 1",
        visibility="open",
        help="assisted",
        created_at=at,
    )
    added(connection, coding_sets, project_id=project, round_id=first_round, analyst_id=None, last_decision=0)
    return project


def project(connection: Connection, ref: Ref) -> Project:
    """The project of this id.

    Raises:
        NotFound: there is none.
    """
    query, named = (_BY_EXTERNAL_ID, ref.value) if isinstance(ref, ExternalId) else (_BY_ID, ref)
    row = connection.execute(query, {"named": named}).first()
    if row is None:
        raise NotFound("There is no such project.")
    return _project(row)


def hold_project(connection: Connection, project_id: int) -> None:
    """Keeps others from bringing material into the project, and from deciding in it, until the transaction ends.

    On SQLite nobody else writes meanwhile anyway.
    """
    its_sets = select(coding_sets.c.id).where(coding_sets.c.project_id == project_id).order_by(coding_sets.c.id)
    for query in (select(projects.c.id).where(projects.c.id == project_id), its_sets):
        connection.execute(query.with_for_update(key_share=True)).all()


def list_projects(connection: Connection, *, after: int, limit: int) -> list[Project]:
    """Projects in the order in which they were added, those after a given one."""
    return [_project(row) for row in connection.execute(_LIST, {"after": after, "most": limit})]


def codebook_content(connection: Connection, codebook_version_id: int) -> Mapping[str, Any]:
    """The JSON form of one version of a codebook."""
    query = select(codebook_versions.c.content).where(codebook_versions.c.id == codebook_version_id)
    content: Mapping[str, Any] = connection.execute(query).scalar_one()
    return content


def last_decision(connection: Connection, coding_set_id: int) -> int:
    """The number of the newest decision in a coding set, 0 before the first."""
    return int(
        connection.execute(select(coding_sets.c.last_decision).where(coding_sets.c.id == coding_set_id)).scalar_one()
    )


def analyst_id(connection: Connection, name: str) -> int:
    """The analyst of this name, added if there is none yet."""
    found = connection.execute(_ANALYST, {"named": name}).scalar()
    if found is None:
        add_missing(connection, analysts, [{"name": name, "created_at": now()}])
        found = connection.execute(_ANALYST, {"named": name}).scalar_one()
    return int(found)


def _projects() -> Select[Any]:
    versions = codebook_versions.alias()
    newest = (
        select(func.max(versions.c.number))
        .where(versions.c.project_id == projects.c.id)
        .correlate(projects)
        .scalar_subquery()
    )
    shared = (
        select(coding_sets.c.id)
        .select_from(coding_sets.join(rounds, rounds.c.id == coding_sets.c.round_id))
        .where(rounds.c.project_id == projects.c.id, rounds.c.visibility == "open", coding_sets.c.analyst_id.is_(None))
        .order_by(rounds.c.number.desc())
        .limit(1)
        .correlate(projects)
        .scalar_subquery()
    )
    return (
        select(
            projects,
            codebook_versions.c.id.label("codebook_version_id"),
            codebook_versions.c.number.label("codebook_number"),
            codebook_versions.c.digest.label("codebook_digest"),
            shared.label("coding_set_id"),
        )
        .select_from(projects)
        .join(codebook_versions, codebook_versions.c.project_id == projects.c.id)
        .where(codebook_versions.c.number == newest)
    )


# Built once: putting the statement together takes several times as long as running it.
_BY_ID = _projects().where(projects.c.id == bindparam("named"))
_BY_EXTERNAL_ID = _projects().where(projects.c.external_id == bindparam("named"))
_ANALYST = select(analysts.c.id).where(analysts.c.name == bindparam("named"))
_LIST = _projects().where(projects.c.id > bindparam("after")).order_by(projects.c.id).limit(bindparam("most"))


def _project(row: Row[Any]) -> Project:
    return Project(**{**row._mapping, "created_at": in_utc(row.created_at)})
