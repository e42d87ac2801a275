"""The only wiring: settings in, application out. Importing this module does not import torch."""

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from importlib.metadata import version
from threading import Event
from typing import TypedDict

from fastapi import FastAPI

from service import limits
from service.actions.known_codebooks import KnownCodebooks
from service.actions.suggest_codes import SuggestCodes
from service.api.error_responses import add_error_responses
from service.api.guards import Guards
from service.api.idempotency import RunningKeys
from service.api.openapi import PROBLEM_RESPONSES, describe_problems
from service.api.routes import (
    adaptations,
    agreement,
    codebook_health,
    codebooks,
    decisions,
    evaluations,
    exports,
    health,
    projects,
    queue,
    runs,
    suggest,
    suggestions,
    transcripts,
)
from service.api.run_events import WatchedRuns
from service.api.run_starts import RunStarts
from service.encoders import Encoders, for_many_threads
from service.errors import ServiceError, StorageUnavailable
from service.page import pages
from service.settings import Settings
from service.storage.database import Database

log = logging.getLogger(__name__)

RETRY_SECONDS = 2.0
STOP_SECONDS = 5.0
ROUTERS = (
    suggest.router,
    codebooks.router,
    projects.router,
    transcripts.router,
    suggestions.router,
    queue.router,
    decisions.router,
    runs.router,
    exports.router,
    agreement.router,
    codebook_health.router,
    evaluations.router,
    adaptations.router,
    health.router,
    pages.router,
)


class State(TypedDict):
    """What the routes find in ``request.state``."""

    threads: Executor
    readers: Executor
    database: Database
    codebooks: KnownCodebooks
    running_keys: RunningKeys
    encoders: Encoders
    suggest_codes: SuggestCodes
    run_starts: RunStarts
    watched_runs: WatchedRuns


def create_app(settings: Settings) -> FastAPI:
    """The application for these settings; the model loads in the background once it is started.

    Raises:
        CannotStart: the token file is no good.
    """
    token = settings.read_token()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[State]:
        thread = ThreadPoolExecutor(1, thread_name_prefix="encoder")
        encoders = Encoders(settings, wrap=for_many_threads(thread))
        encoders.load_in(thread)
        # As many threads as requests may wait, or the rest would wait for a thread instead of being told.
        threads = ThreadPoolExecutor(limits.MAX_WAITING_REQUESTS + limits.SPARE_THREADS, thread_name_prefix="action")
        readers = ThreadPoolExecutor(limits.READING_THREADS, thread_name_prefix="page")
        database, stopping = Database(settings.database_url), Event()
        opening = asyncio.wrap_future(threads.submit(_open, database, stopping))
        yield State(
            threads=threads,
            readers=readers,
            database=database,
            codebooks=KnownCodebooks(database),
            running_keys=RunningKeys(),
            encoders=encoders,
            suggest_codes=SuggestCodes(encoders),
            run_starts=RunStarts(),
            watched_runs=WatchedRuns(),
        )
        stopping.set()
        # Alembic can run but once at a time in a process, which may go on with another application.
        await asyncio.wait({opening}, timeout=STOP_SECONDS)
        database.close()
        for executor in (threads, readers, thread):
            executor.shutdown(wait=False, cancel_futures=True)

    app = FastAPI(
        title="themecoder",
        version=version("themecoder"),
        summary="Suggests codes from a hierarchical codebook for qualitative transcript segments.",
        openapi_url="/v1/openapi.json",
        # The stock pages load scripts from elsewhere; ours are in service.page.
        docs_url=None,
        redoc_url=None,
        # A redirect would be built from the Host header.
        redirect_slashes=False,
        # Off even where a machine's environment turns it on for every program.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
        lifespan=lifespan,
        responses=PROBLEM_RESPONSES,
    )
    # Set before the lifespan ends: streams of events would otherwise keep the service from stopping.
    app.state.stopping = Event()
    add_error_responses(app, ROUTERS)
    for router in ROUTERS:
        app.include_router(router)
    describe_problems(app)
    app.add_middleware(Guards, served_hosts=settings.served_hosts, token=token)
    return app


def _open(database: Database, stopping: Event) -> None:
    """Brings the database to the newest schema, however often that must be tried."""
    # Imported here because Alembic takes a while, and the service answers before that.
    from service.storage.schema import migrate

    while not stopping.is_set():
        try:
            migrate(database)
        except StorageUnavailable as error:
            log.error("database: %s", error)
            stopping.wait(RETRY_SECONDS)
        except ServiceError as error:
            log.error("database: %s", error)
            return
        else:
            database.is_open = True
            return
