"""The worker process: ``python -m service.batch NAME``, with its starter at the other end of stdin and stdout."""

import gc
import logging
import os
import signal
import sys
import threading
import time

from service.actions.start_adaptation import ADAPT
from service.batch.adapt import adapt_steps
from service.batch.evaluate import evaluate_steps
from service.batch.kinds import Kinds
from service.batch.suggest import suggest_steps
from service.batch.supervisor import WORKING
from service.batch.worker import Worker
from service.encoders import Encoders
from service.errors import CannotStart, ServiceError, StorageUnavailable
from service.logging import log_to_stderr
from service.settings import Settings
from service.storage.data_folder import in_use
from service.storage.database import Database
from service.storage.schema import current_schema, is_known, newest_schema

log = logging.getLogger("service.batch")

LOWEST_PRIORITY = 19
# So many objects live until a chunk is written; to look for garbage among them again and again finds none.
OBJECTS_OF_A_CHUNK = 50_000
TICK_SECONDS = 1.0
SCHEMA_RETRY_SECONDS = 0.5


def main() -> None:
    """Works until whoever started this process is gone."""
    # Ctrl+C on a terminal is for the program that people see, which ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(LOWEST_PRIORITY)
    gc.set_threshold(OBJECTS_OF_A_CHUNK)
    threading.Thread(target=_end_with_starter, daemon=True).start()
    threading.Thread(target=_tick, daemon=True).start()
    log_to_stderr()
    settings = Settings()
    database = Database(settings.database_url)
    try:
        with in_use(database):
            _wait_for_schema(database)
            _say(WORKING)
            Worker(database, all_kinds(database, Encoders(settings)), name=sys.argv[1]).work()
    except ServiceError as error:
        log.error("worker: %s", error)
        sys.exit(1)


def all_kinds(database: Database, encoders: Encoders) -> Kinds:
    """Everything that runs can do."""
    return {
        "suggest": suggest_steps(database, encoders),
        "evaluate": evaluate_steps(database, encoders),
        ADAPT: adapt_steps(database, encoders),
    }


def _end_with_starter() -> None:
    while os.read(sys.stdin.fileno(), 4_096):
        pass
    os._exit(0)


def _tick() -> None:
    while True:
        time.sleep(TICK_SECONDS)
        _say(b".")


def _say(word: bytes) -> None:
    try:
        os.write(sys.stdout.fileno(), word)
    except OSError:
        os._exit(0)


def _wait_for_schema(database: Database) -> None:
    """Until the service has brought the database to the schema that this program needs.

    Raises:
        CannotStart: it has a newer one.
    """
    while True:
        try:
            found = current_schema(database)
        except StorageUnavailable:
            found = None
        if found == newest_schema():
            database.is_open = True
            return
        if found is not None and not is_known(found):
            raise CannotStart("The database was written by a newer version of themecoder.")
        time.sleep(SCHEMA_RETRY_SECONDS)


if __name__ == "__main__":
    main()
