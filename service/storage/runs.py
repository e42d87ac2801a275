"""Runs: long work over a project, what it rests on, how far it has come and what came of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, func, insert, null, select, update
from sqlalchemy.exc import IntegrityError

from service.errors import NotFound, RunAlreadyActive
from service.storage.rows import add_missing, added
from service.storage.tables import chunks, codebook_versions, failed_segments, runs, segments, transcripts
from service.storage.times import in_utc, now
from service.storage.transcripts import NO_NEIGHBOURS, Neighbours, segments_there

State = Literal["waiting", "working", "completed", "completed_with_failures", "cancelled", "failed"]
ACTIVE: Collection[State] = ("waiting", "working")
COUNTED = ("step_done", "suggested", "abstained", "suggestions")


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run.

    Attributes:
        kind: what is done, e.g. ``suggest``.
        request: what was asked for, as its kind understands it.
        coding_set_id: whose decisions count.
        codebook_number: of the version that is pinned, from 1.
        decision_number: the last decision that counts; this, the model's and the reference's are None until they are
            pinned.
        step: what is being done now, None at first.
        step_size: how many segments the step takes.
        step_done: for how many of them it is done.
        segments: how many are to be suggested for.
        failed: how many segments could not be worked on.
        failure: why the run as a whole failed.
        version: counts its changes.
    """

    id: int
    project_id: int
    kind: str
    state: State
    request: Mapping[str, Any]
    coding_set_id: int
    codebook_version_id: int
    codebook_number: int
    decision_number: int | None
    model_key: str | None
    model_hash: str | None
    model_version: str | None
    reference_hash: str | None
    step: str | None
    step_began_at: datetime | None
    step_size: int
    step_done: int
    segments: int
    suggested: int
    abstained: int
    failed: int
    suggestions: int
    result: Any
    failure: str | None
    version: int
    created_at: datetime
    began_at: datetime | None
    ended_at: datetime | None

    @property
    def is_active(self) -> bool:
        """Whether there is still something to be done."""
        return self.state in ACTIVE


@dataclass(frozen=True, kw_only=True)
class FailedSegment:
    """A segment that could not be worked on, and why."""

    id: int
    segment_id: int
    reference: str
    reason: str


def add_run(  # noqa: PLR0913 - each is one column
    connection: Connection,
    *,
    project_id: int,
    kind: str,
    step: str,
    request: Mapping[str, Any],
    coding_set_id: int,
    codebook_version_id: int,
    model_key: str | None,
) -> int:
    """Adds a run that waits for a worker, with the chunk in which its first step is worked out.

    Raises:
        RunAlreadyActive: the project has a run that has not ended, by its id.
    """
    active = connection.execute(_ACTIVE_OF, {"of_project": project_id}).scalar()
    if active is not None:
        raise RunAlreadyActive(extra={"run": active})
    row: dict[str, Any] = {"project_id": project_id, "kind": kind, "request": dict(request), "created_at": now()}
    row |= {"coding_set_id": coding_set_id, "codebook_version_id": codebook_version_id, "model_key": model_key}
    try:
        run_id = added(connection, runs, **row)
    except IntegrityError as error:
        # Somebody was quicker.
        raise RunAlreadyActive from error
    add_chunks(connection, project_id, run_id, step, [()], is_plan=True)
    return run_id


def add_chunks(
    connection: Connection,
    project_id: int,
    run_id: int,
    step: str,
    of_segments: Sequence[Sequence[int]],
    *,
    is_plan: bool = False,
) -> None:
    """Adds chunks that wait for a worker, each with the ids of its segments."""
    rows = [
        {
            "project_id": project_id,
            "run_id": run_id,
            "step": step,
            "is_plan": is_plan,
            "segment_ids": list(ids),
            "size": len(ids),
        }
        for ids in of_segments
    ]
    if rows:
        connection.execute(insert(chunks), rows)


def run(connection: Connection, project_id: int, run_id: int) -> Run:
    """A run of the project.

    Raises:
        NotFound: it has none of this id.
    """
    row = connection.execute(_ONE, {"of_project": project_id, "of_run": run_id}).first()
    if row is None:
        raise NotFound("The project has no such run.")
    return _run(row)


def list_runs(connection: Connection, project_id: int, *, kind: str | None = None, after: int, limit: int) -> list[Run]:
    """The project's runs in the order in which they were started, those after a given one; None means of any kind.

    Without their results, which may be long.
    """
    query = _LISTED.where(runs.c.project_id == project_id, runs.c.id > after).order_by(runs.c.id).limit(limit)
    if kind is not None:
        query = query.where(runs.c.kind == kind)
    return [_run(row) for row in connection.execute(query)]


def list_failed_segments(
    connection: Connection, project_id: int, run_id: int, *, after: int, limit: int
) -> list[FailedSegment]:
    """The segments that a run could not work on, those after a given entry."""
    query = (
        select(
            *(failed_segments.c[name] for name in ("id", "segment_id", "reason")),
            transcripts.c.label,
            segments.c.paragraph,
        )
        .join(segments, segments.c.id == failed_segments.c.segment_id)
        .join(transcripts, transcripts.c.id == segments.c.transcript_id)
        .where(failed_segments.c.project_id == project_id, failed_segments.c.run_id == run_id)
        .where(failed_segments.c.id > after)
        .order_by(failed_segments.c.id)
        .limit(limit)
    )
    return [
        FailedSegment(id=row.id, segment_id=row.segment_id, reference=f"{row.label} {row.paragraph}", reason=row.reason)
        for row in connection.execute(query)
    ]


def hold_run(connection: Connection, run_id: int) -> bool:
    """Keeps others from changing the run until the transaction ends; whether it is still active."""
    state = connection.execute(select(runs.c.state).where(runs.c.id == run_id).with_for_update()).scalar()
    return state in ACTIVE


def pinned(connection: Connection, run_id: int) -> Any:
    """What else the run rests on, as its kind keeps it."""
    return connection.execute(select(runs.c.pinned).where(runs.c.id == run_id)).scalar_one()


def begin_run(connection: Connection, run_id: int) -> None:
    """Writes down that a run has begun, unless it has."""
    values = {"state": "working", "began_at": now(), "version": runs.c.version + 1}
    connection.execute(update(runs).where(runs.c.id == run_id, runs.c.state == "waiting").values(values))


def change_run(connection: Connection, run_id: int, **values: Any) -> None:
    """Sets columns of a run, and counts its version up."""
    connection.execute(update(runs).where(runs.c.id == run_id).values(version=runs.c.version + 1, **values))


def count_up(connection: Connection, run_id: int, counts: Mapping[str, int]) -> None:
    """Adds to the counts of a run."""
    change_run(connection, run_id, **{name: runs.c[name] + counts[name] for name in COUNTED if counts.get(name)})


def add_failures(connection: Connection, project_id: int, run_id: int, reasons: Mapping[int, str]) -> None:
    """Lists segments that could not be worked on, unless they are listed; those that are gone are passed over."""
    ids = list(reasons)
    there = segments_there(connection, ids)
    rows = [
        {"project_id": project_id, "run_id": run_id, "segment_id": one, "reason": reasons[one]}
        for one in ids
        if one in there
    ]
    add_missing(connection, failed_segments, rows)
    how_many = select(func.count()).select_from(failed_segments).where(failed_segments.c.run_id == run_id)
    change_run(connection, run_id, failed=how_many.scalar_subquery())


def failed_ids(connection: Connection, run_id: int) -> set[int]:
    """The segments that are listed so far."""
    return set(
        connection.execute(select(failed_segments.c.segment_id).where(failed_segments.c.run_id == run_id)).scalars()
    )


def suggested_before(
    connection: Connection, project_id: int, *, coding_set_id: int, codebook_version_id: int, model_version: str
) -> dict[int, Neighbours]:
    """The segments that runs have suggested for already, under the same codebook version and model version.

    With the neighbours that counted when a run last did.
    """
    query = (
        select(chunks.c.segment_ids, chunks.c.run_id)
        .join(runs, runs.c.id == chunks.c.run_id)
        .where(
            runs.c.project_id == project_id,
            runs.c.coding_set_id == coding_set_id,
            runs.c.codebook_version_id == codebook_version_id,
            runs.c.model_version == model_version,
            chunks.c.state == "done",
            chunks.c.step == "score",
        )
        .order_by(chunks.c.run_id)
    )
    found: dict[int, Neighbours] = {}
    for run_id, rows in groupby(connection.execute(query).all(), key=lambda row: row.run_id):
        failed = failed_ids(connection, run_id)
        counted = neighbours_from_pinned(pinned(connection, run_id))
        ids = (one for row in rows for one in row.segment_ids if one not in failed)
        found |= {one: counted.get(one, NO_NEIGHBOURS) for one in ids}
    return found


def neighbours_from_pinned(content: Mapping[str, Any]) -> dict[int, Neighbours]:
    """The neighbours that count in a run, of its segments that have any; see :func:`pinned`."""
    return {one: (before, after) for one, before, after in content["neighbours"]}


def tell_progress(connection: Connection, run_id: int, done: int, size: int) -> None:
    """Writes down how far a run has come whose steps are not counted in segments."""
    change_run(connection, run_id, step_done=done, step_size=size)


def end_run(
    connection: Connection, run_id: int, state: State, *, failure: str | None = None, detail: str | None = None
) -> None:
    """Ends a run; what it has not done is dropped."""
    still_open = (chunks.c.run_id == run_id) & chunks.c.state.in_(ACTIVE)
    connection.execute(update(chunks).where(still_open).values(state="dropped", lease_until=None))
    said = {} if detail is None else {"result": {"detail": detail}}
    change_run(connection, run_id, state=state, failure=failure, ended_at=now(), **said)


def _runs(result: ColumnElement[Any]) -> Select[Any]:
    columns = [column for column in runs.c if column.name not in ("pinned", "result")]
    number = codebook_versions.c.number.label("codebook_number")
    versions = codebook_versions.c.id == runs.c.codebook_version_id
    return select(*columns, number, result.label("result")).join(codebook_versions, versions)


_RUNS, _LISTED = _runs(runs.c.result), _runs(null())
_ONE = _RUNS.where(runs.c.id == bindparam("of_run"), runs.c.project_id == bindparam("of_project"))
_ACTIVE_OF = select(runs.c.id).where(runs.c.project_id == bindparam("of_project"), runs.c.state.in_(ACTIVE))


def _run(row: Row[Any]) -> Run:
    times = {
        name: None if row._mapping[name] is None else in_utc(row._mapping[name])
        for name in ("created_at", "began_at", "ended_at", "step_began_at")
    }
    return Run(**{**row._mapping, **times})
