"""Codings that came with a file: those of the analyst whom it names, in a round of their own."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select

from service.storage.projects import Project, analyst_id
from service.storage.rows import added
from service.storage.tables import coding_sets, codings, no_codes, rounds
from service.storage.times import now

ROUND_NAME = "Codings from files"
UNNAMED_CODER = "unnamed coder"


@dataclass(frozen=True, kw_only=True)
class FileCoding:
    """What one coder found in one segment; no codes: looked at, and none applies."""

    segment_id: int
    coder: str
    codes: tuple[str, ...]


def add_file_codings(connection: Connection, project: Project, given: Sequence[FileCoding]) -> None:
    """Adds codings, each to the coding set of its coder in the round of codings from files."""
    if not given:
        return
    round_id = _round(connection, project.id)
    sets = {
        coder: _coding_set(connection, project.id, round_id, coder)
        for coder in dict.fromkeys(one.coder for one in given)
    }
    coded = [
        {
            "project_id": project.id,
            "coding_set_id": sets[one.coder],
            "segment_id": one.segment_id,
            "code": code,
            "origin": "file",
            "codebook_version_id": project.codebook_version_id,
        }
        for one in given
        for code in dict.fromkeys(one.codes)
    ]
    empty = [
        {"project_id": project.id, "coding_set_id": sets[one.coder], "segment_id": one.segment_id}
        for one in given
        if not one.codes
    ]
    for table, rows in ((codings, coded), (no_codes, empty)):
        if rows:
            connection.execute(insert(table), rows)


def _round(connection: Connection, project_id: int) -> int:
    mine = rounds.c.project_id == project_id
    found = connection.execute(select(rounds.c.id).where(mine, rounds.c.name == ROUND_NAME)).scalar()
    if found is not None:
        return int(found)
    number = connection.execute(select(func.max(rounds.c.number)).where(mine)).scalar_one() + 1
    values = {"project_id": project_id, "number": number, "name": ROUND_NAME, "visibility": "independent"}
    return added(connection, rounds, **values, help="blind", created_at=now())


def _coding_set(connection: Connection, project_id: int, round_id: int, coder: str) -> int:
    analyst = analyst_id(connection, coder or UNNAMED_CODER)
    query = select(coding_sets.c.id).where(coding_sets.c.round_id == round_id, coding_sets.c.analyst_id == analyst)
    found = connection.execute(query).scalar()
    if found is not None:
        return int(found)
    values = {"project_id": project_id, "round_id": round_id, "analyst_id": analyst, "last_decision": 0}
    return added(connection, coding_sets, **values)
