"""Chunks of runs as a queue: who works on which, until when, and that nobody else has taken it over.

A worker holds a chunk by a lease that it renews. If it dies or is stopped, the lease runs out and another worker takes
the chunk; the fence, which each claim counts up, then keeps the first one from writing anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Float,
    Select,
    Update,
    and_,
    bindparam,
    case,
    cast,
    extract,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from service.storage.runs import ACTIVE, change_run
from service.storage.tables import chunks, runs
from service.storage.times import now

HEARTBEAT_SECONDS = 10.0
LEASE_SECONDS = 30.0
# No lease reaches further than this; where one does, the clock has been put back.
LONGEST_LEASE_SECONDS = 2 * LEASE_SECONDS


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """A part of a run, as it was claimed.

    Attributes:
        segment_ids: what it is about.
        is_plan: whether it works out the other chunks of its step.
        attempt: how often it has been claimed, from 1.
        fence: tells this claim from any later one.
    """

    id: int
    project_id: int
    run_id: int
    step: str
    is_plan: bool
    segment_ids: Sequence[int]
    attempt: int
    fence: int


def has_claimable(connection: Connection) -> bool:
    """Whether there is a chunk that nobody works on."""
    return connection.execute(_claimable(connection).limit(1)).first() is not None


def claim_chunk(connection: Connection, worker: str, *, of_run: int | None = None) -> Chunk | None:
    """The next chunk that nobody works on, if there is one; it is this worker's for the time of a lease.

    Args:
        connection: a transaction that writes.
        worker: a name that no other worker has.
        of_run: take the next one only if it is of this run, and else none.
    """
    claim = _claim(connection, worker)
    row = connection.execute(claim if of_run is None else claim.where(chunks.c.run_id == of_run)).first()
    return None if row is None else Chunk(**row._mapping)


def renew_lease(connection: Connection, chunk: Chunk) -> bool:
    """Holds a chunk for the time of another lease; whether it is still ours, and its run active."""
    renewed = _if_ours(chunk).values(lease_until=_clock(connection) + LEASE_SECONDS)
    is_active = select(runs.c.id).where(runs.c.id == chunk.run_id, runs.c.state.in_(ACTIVE)).exists()
    return connection.execute(renewed.where(is_active)).rowcount == 1


def finish_chunk(connection: Connection, chunk: Chunk, state: str, *, failure: str | None = None) -> bool:
    """Marks a chunk as done, set aside or split, if it is still ours; the run must be held."""
    finished = _if_ours(chunk).values(state=state, lease_until=None, failure=failure)
    return connection.execute(finished).rowcount == 1


def give_chunk_back(connection: Connection, chunk: Chunk, *, failure: str) -> None:
    """Lets others try a chunk that could not be done, if it is still ours."""
    connection.execute(_if_ours(chunk).values(state="waiting", lease_until=None, worker=None, failure=failure))


def release_worker(connection: Connection, worker: str, *, uncounted: bool = False) -> None:
    """Lets others have what a worker held that is no more.

    Args:
        connection: a transaction that writes.
        worker: its name.
        uncounted: whether its attempts do not count, because it was stopped on purpose.
    """
    held = update(chunks).where(chunks.c.worker == worker, chunks.c.state == "working")
    attempt = case((chunks.c.attempt > 0, chunks.c.attempt - 1), else_=0) if uncounted else chunks.c.attempt
    connection.execute(held.values(state="waiting", lease_until=None, worker=None, attempt=attempt))


def busy_workers(connection: Connection) -> Sequence[str]:
    """The names of the workers that hold chunks."""
    query = select(chunks.c.worker).where(chunks.c.state == "working", chunks.c.worker.is_not(None)).distinct()
    return [str(name) for name in connection.execute(query).scalars()]


def has_open_chunks(connection: Connection, run_id: int) -> bool:
    """Whether something of the run's step is still to be done."""
    return connection.execute(_OPEN, {"of_run": run_id}).first() is not None


def begin_step(connection: Connection, run_id: int, step: str, size: int, **pins: Any) -> None:
    """Writes down that a run goes on with a step, over so many segments, and what is pinned with that."""
    change_run(connection, run_id, step=step, step_began_at=now(), step_size=size, step_done=0, **pins)


def _claimable(connection: Connection) -> Select[Any]:
    clock = _clock(connection)
    is_stale = or_(chunks.c.lease_until < clock, chunks.c.lease_until > clock + LONGEST_LEASE_SECONDS)
    return (
        select(chunks.c.id)
        .join(runs, runs.c.id == chunks.c.run_id)
        .where(runs.c.state.in_(ACTIVE))
        .where(or_(chunks.c.state == "waiting", and_(chunks.c.state == "working", is_stale)))
        .order_by(chunks.c.id)
    )


def _claim(connection: Connection, worker: str) -> ReturningUpdate[Any]:
    following = _claimable(connection).limit(1).with_for_update(skip_locked=True, of=chunks)
    return (
        update(chunks)
        .where(chunks.c.id == following.scalar_subquery())
        .values(
            state="working",
            attempt=chunks.c.attempt + 1,
            fence=chunks.c.fence + 1,
            lease_until=_clock(connection) + LEASE_SECONDS,
            worker=worker,
        )
        .returning(*(chunks.c[name] for name in Chunk.__dataclass_fields__))
    )


def _if_ours(chunk: Chunk) -> Update:
    return update(chunks).where(chunks.c.id == chunk.id, chunks.c.fence == chunk.fence, chunks.c.state == "working")


def _clock(connection: Connection) -> ColumnElement[float]:
    """Seconds by the clock of the database, which all workers share; only differences mean anything."""
    if connection.dialect.name == "sqlite":
        return literal_column("(julianday('now') * 86400.0)", Float)
    return cast(extract("epoch", func.clock_timestamp()), Float)


_OPEN = select(chunks.c.id).where(chunks.c.run_id == bindparam("of_run"), chunks.c.state.in_(ACTIVE)).limit(1)
