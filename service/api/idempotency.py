"""Writes that carry an Idempotency-Key are done once, however often they are sent."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from fastapi import Request, Response
from sqlalchemy.exc import IntegrityError

from service import limits
from service.api.dependencies import in_thread
from service.errors import FieldNotValid, IdempotencyKeyReused, StillRunning
from service.storage.database import Database
from service.storage.idempotency import KeptAnswer, keep_answer, kept_answer

HEADER = "Idempotency-Key"


class RunningKeys:
    """The keys of requests that are being worked on in this process."""

    def __init__(self) -> None:
        self._keys: set[str] = set()
        self._lock = threading.Lock()

    @contextmanager
    def hold(self, key: str) -> Iterator[None]:
        """Keeps a key to oneself.

        Raises:
            StillRunning: somebody else has it.
        """
        with self._lock:
            if key in self._keys:
                raise StillRunning
            self._keys.add(key)
        try:
            yield
        finally:
            with self._lock:
                self._keys.discard(key)


async def answer_once(
    request: Request,
    act: Callable[[], Mapping[str, Any]],
    *,
    status: int = 200,
    location: Callable[[Mapping[str, Any]], str] | None = None,
) -> Response:
    """Does what is asked and answers with its result; with the same key a second time, answers the same.

    Args:
        request: its header may hold the key.
        act: what is to be done, within one transaction with keeping the answer.
        status: of the answer.
        location: where the answer says that something can be found, from its body.

    Raises:
        IdempotencyKeyReused: the key came with another request before.
        StillRunning: the first request with this key is still being worked on.
    """
    database: Database = request.state.database
    key = request.headers.get(HEADER)
    if key is None:
        body = await in_thread(request, lambda: _text(act()))
        return _answer(body, status, location)
    if not key.isprintable() or not 1 <= len(key) <= limits.MAX_LABEL_CHARACTERS:
        raise FieldNotValid(f"Must be 1 to {limits.MAX_LABEL_CHARACTERS} printable characters.", place=HEADER)
    asked = _hash(request, await request.body())

    def once() -> tuple[str, int]:
        with request.state.running_keys.hold(key):
            return _once(database, key, asked, lambda: (_text(act()), status))

    body, kept_status = await in_thread(request, once)
    return _answer(body, kept_status, location)


def _once(database: Database, key: str, asked: bytes, act: Callable[[], tuple[str, int]]) -> tuple[str, int]:
    with database.read() as connection:
        kept = kept_answer(connection, key)
    if kept is not None:
        if kept.request_hash != asked:
            raise IdempotencyKeyReused(place=HEADER)
        return kept.answer, kept.status
    try:
        with database.write() as connection:
            body, status = act()
            keep_answer(connection, key, KeptAnswer(request_hash=asked, status=status, answer=body))
    except IntegrityError as error:
        if "idempotency_keys" in str(error.orig):
            raise StillRunning from error
        raise
    return body, status


def _hash(request: Request, body: bytes) -> bytes:
    digest = hashlib.sha256()
    for part in (request.method.encode(), request.scope["raw_path"], request.scope["query_string"], body):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


def _text(answer: Mapping[str, Any]) -> str:
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":"))


def _answer(body: str, status: int, location: Callable[[Mapping[str, Any]], str] | None) -> Response:
    headers = {} if location is None else {"Location": location(json.loads(body))}
    return Response(body, status, headers, media_type="application/json")
