"""Keeps worker processes going beside a program that answers people."""

import logging
import os
import secrets
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress

from service.errors import StorageUnavailable
from service.storage.chunks import busy_workers, release_worker
from service.storage.database import Database

log = logging.getLogger(__name__)

# A worker says every second that it lives; one that hangs so that it cannot is ended.
SILENCE_SECONDS = 60.0
LAST_CHANCE_SECONDS = 2.0
WATCH_SECONDS = 0.5
SHORTEST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
# Who lived this long did not die of how it was started.
STEADY_SECONDS = 10.0
# One reads and writes while the other computes; each takes the memory of a model.
MOST_WORKERS = 2
# As many as help; and always as many, so that the order of sums does not depend on what else goes on.
MOST_THREADS = 8
# What a worker says once it takes chunks.
WORKING = b"w"


class Supervisor:
    """Starts worker processes, starts another one when one dies, and has others take over what it held.

    They share the processors, run at the lowest priority, and end by themselves when this process does, however
    that ends.

    Args:
        database_url: where the runs are.
        environment: of the workers, from which they read their settings.
    """

    def __init__(self, database_url: str, environment: Mapping[str, str]) -> None:
        self._database = Database(database_url)
        processors = len(os.sched_getaffinity(0))
        workers = min(MOST_WORKERS, processors)
        # With more threads than processors they wait for each other most of the time.
        threads = str(min(MOST_THREADS, processors // workers))
        self._environment = {"OMP_NUM_THREADS": threads, **environment}
        self._alive: set[str] = set()
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._keep_one_going, name=f"worker-supervisor-{number}", daemon=True)
            for number in range(workers)
        ]

    def start(self) -> None:
        """Supervises in threads."""
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Waits until it is stopped."""
        for thread in self._threads:
            thread.join()

    def stop(self) -> None:
        """Ends the workers; what they were doing is done by others, sometime."""
        self._stopping.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        self._database.close()

    def _keep_one_going(self) -> None:
        pause = SHORTEST_PAUSE_SECONDS
        while not self._stopping.is_set():
            began = time.monotonic()
            name = f"{_here()}-{os.getpid()}-{secrets.token_hex(4)}"
            self._alive.add(name)
            self._live_once(name)
            self._alive.discard(name)
            if self._stopping.is_set():
                return
            was_steady = time.monotonic() - began >= STEADY_SECONDS
            pause = SHORTEST_PAUSE_SECONDS if was_steady else min(2 * pause, LONGEST_PAUSE_SECONDS)
            log.error("a worker ended; another one starts in %s s", pause)
            self._stopping.wait(pause)

    def _live_once(self, name: str) -> None:
        command = [sys.executable, "-m", "service.batch", name]
        with subprocess.Popen(  # noqa: S603 - our own program
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self._environment
        ) as worker:
            try:
                has_worked = self._watch(worker)
            finally:
                worker.kill()
        if has_worked:
            with suppress(StorageUnavailable), self._database.write() as connection:
                release_worker(connection, name, uncounted=self._stopping.is_set())

    def _watch(self, worker: subprocess.Popen[bytes]) -> bool:
        """Comes back when the worker ends or falls silent, or is to be stopped; whether it ever took chunks."""
        assert worker.stdout is not None  # noqa: S101 - it is a pipe
        has_worked, heard = False, time.monotonic()
        while not self._stopping.is_set():
            is_late = time.monotonic() - heard > SILENCE_SECONDS
            # If we were stopped ourselves, it gets the time to say something.
            if select.select([worker.stdout], [], [], LAST_CHANCE_SECONDS if is_late else WATCH_SECONDS)[0]:
                said = os.read(worker.stdout.fileno(), 4_096)
                if not said:
                    break
                heard = time.monotonic()
                if WORKING in said:
                    has_worked = True
                    self._take_over_from_the_dead()
            elif is_late:
                log.error("a worker does not move any more")
                break
        return has_worked

    def _take_over_from_the_dead(self) -> None:
        """Lets others have at once what the workers of a supervisor held that was killed, without its lease's time."""
        with suppress(StorageUnavailable), self._database.write() as connection:
            for name in busy_workers(connection):
                if name not in self._alive and _is_dead(name):
                    release_worker(connection, name)


def _here() -> str:
    return socket.gethostname()[:100]


def _is_dead(name: str) -> bool:
    """Whether a worker was one of this machine and whoever started it is no more, as far as can be seen from here."""
    machine, _, number = name.rpartition("-")[0].rpartition("-")
    if machine != _here() or not number.isdecimal():
        return False
    # In a container the process before had the same number.
    return int(number) == os.getpid() or not _runs(int(number))


def _runs(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
