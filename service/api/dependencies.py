"""What routes need of the running service.

Coroutines, although they wait for nothing: FastAPI would run plain functions in a thread, for each request.
"""

import asyncio
from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from service.actions.known_codebooks import KnownCodebooks
from service.actions.suggest_codes import SuggestCodes
from service.encoders import Encoders
from service.errors import StorageUnavailable
from service.storage.database import Database

Answer = TypeVar("Answer")


async def in_thread(request: Request, action: Callable[..., Answer], *arguments: object) -> Answer:
    """What an action returns that would keep other requests waiting if it ran in the thread of the routes.

    As FastAPI does for plain functions, with less ado.
    """
    return await asyncio.get_running_loop().run_in_executor(request.state.threads, action, *arguments)


async def read_in_thread(request: Request, read: Callable[[], Answer]) -> Answer:
    """One page of a list, read in one of the few threads that are there for it.

    Putting a page together keeps the interpreter busy: more threads at once only take it from each other.
    """
    return await asyncio.get_running_loop().run_in_executor(request.state.readers, read)


async def _encoders(request: Request) -> Encoders:
    encoders: Encoders = request.state.encoders
    return encoders


async def _suggest_codes(request: Request) -> SuggestCodes:
    suggest_codes: SuggestCodes = request.state.suggest_codes
    return suggest_codes


async def _database(request: Request) -> Database:
    database: Database = request.state.database
    if not database.is_open:
        raise StorageUnavailable
    return database


async def _codebooks(request: Request) -> KnownCodebooks:
    codebooks: KnownCodebooks = request.state.codebooks
    return codebooks


EncodersOfService = Annotated[Encoders, Depends(_encoders)]
SuggestCodesAction = Annotated[SuggestCodes, Depends(_suggest_codes)]
DatabaseOfService = Annotated[Database, Depends(_database)]
KnownCodebooksOfService = Annotated[KnownCodebooks, Depends(_codebooks)]
