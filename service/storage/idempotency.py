"""Answers to requests that carried an Idempotency-Key."""

from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from service.storage.tables import idempotency_keys
from service.storage.times import now


@dataclass(frozen=True, kw_only=True)
class KeptAnswer:
    """What a request was answered.

    Attributes:
        request_hash: SHA-256 of method, address and body.
        status: of HTTP.
        answer: the body.
    """

    request_hash: bytes
    status: int
    answer: str


def kept_answer(connection: Connection, key: str) -> KeptAnswer | None:
    """The answer that was given to the request with this key."""
    columns = (idempotency_keys.c.request_hash, idempotency_keys.c.status, idempotency_keys.c.answer)
    row = connection.execute(select(*columns).where(idempotency_keys.c.key == key)).first()
    return None if row is None else KeptAnswer(**row._mapping)


def keep_answer(connection: Connection, key: str, kept: KeptAnswer) -> None:
    """Keeps an answer, in the transaction that did what was asked."""
    values = {"key": key, "request_hash": kept.request_hash, "status": kept.status, "answer": kept.answer}
    connection.execute(insert(idempotency_keys).values(**values, created_at=now()))
