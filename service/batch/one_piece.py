"""Work that is not about single segments: done in one chunk, told of on the way, and stopped when it is cancelled."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection

from service.batch.kinds import GivesUp, Outcome, Plan
from service.errors import Conflict, InputError, NotFound
from service.storage.chunks import Chunk
from service.storage.database import Database
from service.storage.runs import Run, change_run, run, tell_progress

# A large study on a slow machine.
PATIENCE_SECONDS = 6 * 3_600.0
# Progress is for people to watch.
TOLD_SECONDS = 1.0

Work = Callable[[Run, "Watch"], Outcome]
"""Does all of it."""
Pins = Callable[[Run], Mapping[str, Any]]
"""What it rests on from now on, as columns of the run."""


class Watch:
    """The way between work and those who watch its run.

    Args:
        database: where the run is.
        its_run: which one.
    """

    def __init__(self, database: Database, its_run: Run) -> None:
        self._database = database
        self._run = its_run
        self._told_at = float("-inf")

    def progress(self, done: int, size: int) -> None:
        """Tells how far the work has come, at most once in a second.

        Raises:
            GivesUp: the run has been cancelled.
        """
        if time.monotonic() - self._told_at < TOLD_SECONDS:
            return
        self._told_at = time.monotonic()
        with self._database.write() as connection:
            if not run(connection, self._run.project_id, self._run.id).is_active:
                raise GivesUp("cancelled")
            tell_progress(connection, self._run.id, done, size)


class OnePiece:
    """A step that is one chunk, of no segments.

    Args:
        database: where its runs are.
        work: does it.
        pins: says what it rests on, where that must stay the same if it is begun anew.
    """

    def __init__(self, database: Database, work: Work, *, pins: Pins = lambda _run: {}) -> None:
        self._database = database
        self._work = work
        self._pins = pins

    def plan(self, run: Run) -> Plan:
        """The one chunk.

        Raises:
            GivesUp: it cannot be done, for a reason that lies in the project or the request.
        """
        with _giving_up():
            return Plan(chunks=[()], pins=self._pins(run))

    def do(self, run: Run, chunk: Chunk) -> Outcome:  # noqa: ARG002 - as every step
        """All of the work.

        Raises:
            GivesUp: it cannot be done, for a reason that lies in the project or the request.
        """
        with _giving_up():
            return self._work(run, Watch(self._database, run))

    def patience(self, run: Run, chunk: Chunk) -> float:  # noqa: ARG002 - as every step
        """Long, because nobody knows how much there is to do."""
        return PATIENCE_SECONDS


def told(run: Run, **columns: Any) -> Outcome:
    """What came of work that changes nothing but its run, as columns of it."""

    def keep(connection: Connection) -> Mapping[str, int]:
        change_run(connection, run.id, **columns)
        return {}

    return Outcome(keep=keep)


@contextmanager
def _giving_up() -> Iterator[None]:
    try:
        yield
    except (Conflict, InputError, NotFound) as error:
        raise GivesUp(error.code, detail=error.detail) from error
