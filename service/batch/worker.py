"""One worker: takes a chunk, does it, writes it down, takes the next."""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection

from models.errors import ModelsError
from service.batch.kinds import GivesUp, Kinds, Outcome, Plan, Step
from service.errors import InternalError, StorageUnavailable
from service.storage.chunks import (
    HEARTBEAT_SECONDS,
    Chunk,
    begin_step,
    claim_chunk,
    finish_chunk,
    give_chunk_back,
    has_claimable,
    has_open_chunks,
    release_worker,
    renew_lease,
)
from service.storage.database import Database
from service.storage.runs import (
    Run,
    add_chunks,
    add_failures,
    begin_run,
    count_up,
    end_run,
    hold_run,
    run,
)

log = logging.getLogger(__name__)

# How often a chunk is tried: as a whole, and then each of its segments alone.
ATTEMPTS_AS_A_WHOLE = 2
ATTEMPTS = 3
IDLE_SECONDS = 0.1
STORAGE_RETRY_SECONDS = 2.0
# To load a model and read all of a project.
PLAN_PATIENCE_SECONDS = 600.0
STUCK_EXIT_CODE = 70
WORKER_STOPPED = "worker_stopped"


def _leave() -> None:
    # Whatever hangs would keep the interpreter from its own end.
    os._exit(STUCK_EXIT_CODE)


class Worker:
    """Works off the chunks of all runs in a database.

    Args:
        database: where the runs are.
        kinds: what can be done.
        name: one that no other worker has.
        when_stuck: called in another thread when a chunk takes too long; ends the process.
        heartbeat_seconds: how often leases are renewed.
    """

    def __init__(
        self,
        database: Database,
        kinds: Kinds,
        *,
        name: str,
        when_stuck: Callable[[], None] = _leave,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._database = database
        self._kinds = kinds
        self._name = name
        self._when_stuck = when_stuck
        self._heartbeat_seconds = heartbeat_seconds

    def work(self) -> None:
        """Works for ever."""
        is_interrupted = False
        while True:
            try:
                if is_interrupted:
                    with self._database.write() as connection:
                        release_worker(connection, self._name, uncounted=True)
                    is_interrupted = False
                if not self.work_while_there_is_any():
                    time.sleep(IDLE_SECONDS)
            except StorageUnavailable as error:
                log.error("database: %s", error)
                is_interrupted = True
                time.sleep(STORAGE_RETRY_SECONDS)

    def work_while_there_is_any(self) -> int:
        """Does chunks until there is none, and gives how many; those of one run in a row, as far as they come first.

        Raises:
            StorageUnavailable: the database cannot be used.
        """
        done = 0
        chunk = self._claim()
        while chunk is not None:
            done += 1
            chunk = self._work_on(chunk, goes_on=True) or self._claim()
        return done

    def work_once(self) -> bool:
        """Does one chunk, if there is one; whether there was.

        Raises:
            StorageUnavailable: the database cannot be used.
        """
        chunk = self._claim()
        if chunk is not None:
            self._work_on(chunk)
        return chunk is not None

    def _claim(self) -> Chunk | None:
        with self._database.read() as connection:
            # Most often there is nothing, and who only reads keeps nobody waiting.
            if not has_claimable(connection):
                return None
        with self._database.write() as connection:
            chunk = claim_chunk(connection, self._name)
            if chunk is not None:
                begin_run(connection, chunk.run_id)
            return chunk

    def _work_on(self, chunk: Chunk, *, goes_on: bool = False) -> Chunk | None:
        """Does a chunk; gives the one after it, if it goes on and that is of the same run."""
        with self._database.read() as connection:
            its_run = run(connection, chunk.project_id, chunk.run_id)
        if chunk.attempt <= attempts(chunk):
            return self._do(its_run, chunk, goes_on=goes_on)
        # Whoever held it before did not live to say what happened.
        self._put_aside(chunk, WORKER_STOPPED)
        return None

    def _do(self, its_run: Run, chunk: Chunk, *, goes_on: bool) -> Chunk | None:
        steps = self._kinds[its_run.kind]
        step = steps[chunk.step]
        try:
            with self._keeping_lease(step, its_run, chunk):
                done = step.plan(its_run) if chunk.is_plan else step.do(its_run, chunk)
            return self._finish(chunk, list(steps), done, goes_on=goes_on)
        except GivesUp as error:
            self._give_up(chunk, error.reason, error.detail)
        except StorageUnavailable:
            raise
        except Exception as error:
            # Its kind alone: a message may quote a text.
            log.error("run %s, chunk %s: %s", chunk.run_id, chunk.id, type(error).__name__)
            self._failed(chunk, _reason(error))
        return None

    def _finish(self, chunk: Chunk, steps: list[str], done: Plan | Outcome, *, goes_on: bool) -> Chunk | None:
        """Writes down what came of a chunk, if it is still ours."""
        following = None
        with self._database.write() as connection:
            is_ours = hold_run(connection, chunk.run_id) and finish_chunk(connection, chunk, "done")
            if is_ours:
                self._write_down(connection, chunk, steps, done)
                if goes_on:
                    # In a transaction of its own it would wait until others have written what they did. Of the run
                    # that is held, because who cancels another one holds that first, and its chunks then.
                    following = claim_chunk(connection, self._name, of_run=chunk.run_id)
        if not is_ours and isinstance(done, Outcome):
            done.drop()
        return following

    def _write_down(self, connection: Connection, chunk: Chunk, steps: list[str], done: Plan | Outcome) -> None:
        if isinstance(done, Plan):
            size = sum(map(len, done.chunks))
            begin_step(connection, chunk.run_id, chunk.step, size, **done.pins)
            add_chunks(connection, chunk.project_id, chunk.run_id, chunk.step, done.chunks)
        else:
            counts = done.keep(connection)
            count_up(connection, chunk.run_id, {**counts, "step_done": len(chunk.segment_ids)})
            if done.failed:
                add_failures(connection, chunk.project_id, chunk.run_id, done.failed)
        self._go_on(connection, chunk, steps)

    def _go_on(self, connection: Connection, chunk: Chunk, steps: list[str]) -> None:
        """To the next step, or to the end, once nothing of this step is left."""
        if has_open_chunks(connection, chunk.run_id):
            return
        following = steps[steps.index(chunk.step) + 1 :]
        if following:
            add_chunks(connection, chunk.project_id, chunk.run_id, following[0], [()], is_plan=True)
            return
        has_failures = run(connection, chunk.project_id, chunk.run_id).failed > 0
        end_run(connection, chunk.run_id, "completed_with_failures" if has_failures else "completed")

    def _failed(self, chunk: Chunk, reason: str) -> None:
        if chunk.attempt >= attempts(chunk):
            self._put_aside(chunk, reason)
            return
        with self._database.write() as connection:
            give_chunk_back(connection, chunk, failure=reason)

    def _put_aside(self, chunk: Chunk, reason: str) -> None:
        """Has each segment tried alone, or if that has been done lists it, so that the others need not wait."""
        if not chunk.segment_ids:
            self._give_up(chunk, reason)
            return
        is_alone = len(chunk.segment_ids) == 1
        with self._database.write() as connection:
            state = "set_aside" if is_alone else "split"
            if not (hold_run(connection, chunk.run_id) and finish_chunk(connection, chunk, state, failure=reason)):
                return
            if is_alone:
                add_failures(connection, chunk.project_id, chunk.run_id, {chunk.segment_ids[0]: reason})
                count_up(connection, chunk.run_id, {"step_done": 1})
                kind = run(connection, chunk.project_id, chunk.run_id).kind
                self._go_on(connection, chunk, list(self._kinds[kind]))
            else:
                alone = [(one,) for one in chunk.segment_ids]
                add_chunks(connection, chunk.project_id, chunk.run_id, chunk.step, alone)

    def _give_up(self, chunk: Chunk, reason: str, detail: str | None = None) -> None:
        with self._database.write() as connection:
            if hold_run(connection, chunk.run_id) and finish_chunk(connection, chunk, "dropped", failure=reason):
                end_run(connection, chunk.run_id, "failed", failure=reason, detail=detail)

    @contextmanager
    def _keeping_lease(self, step: Step, its_run: Run, chunk: Chunk) -> Iterator[None]:
        """Renews the lease in another thread, for as long as the step may take."""
        patience = PLAN_PATIENCE_SECONDS if chunk.is_plan else step.patience(its_run, chunk)
        over = threading.Event()
        renewing = threading.Thread(target=self._renew, args=(chunk, over, time.monotonic() + patience), daemon=True)
        renewing.start()
        try:
            yield
        finally:
            over.set()

    def _renew(self, chunk: Chunk, over: threading.Event, deadline: float) -> None:
        while not over.wait(self._heartbeat_seconds):
            if time.monotonic() > deadline:
                log.error("run %s, chunk %s: stuck", chunk.run_id, chunk.id)
                self._when_stuck()
                return
            with suppress(StorageUnavailable), self._database.write() as connection:
                if not renew_lease(connection, chunk):
                    return


def attempts(chunk: Chunk) -> int:
    """How often a chunk is tried before it is put aside."""
    return ATTEMPTS_AS_A_WHOLE if len(chunk.segment_ids) > 1 else ATTEMPTS


def _reason(error: Exception) -> str:
    return error.code if isinstance(error, ModelsError) else InternalError.code
