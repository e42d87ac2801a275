"""Vectors of a project's texts, so that none is encoded twice."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select

from service.storage.rows import add_missing, in_parts
from service.storage.tables import vectors


def kept_vectors(
    connection: Connection, project_id: int, model_hash: str, text_hashes: Sequence[bytes]
) -> dict[bytes, bytes]:
    """The kept ones of these texts' vectors, float32 bytes, by SHA-256 of the text as encoded."""
    found: dict[bytes, bytes] = {}
    for some in in_parts(text_hashes):
        query = select(vectors.c.text_hash, vectors.c.vector).where(
            vectors.c.project_id == project_id,
            vectors.c.model_hash == model_hash,
            vectors.c.text_hash.in_(some),
        )
        found.update((row.text_hash, row.vector) for row in connection.execute(query).all())
    return found


def kept_hashes(connection: Connection, project_id: int, model_hash: str) -> set[bytes]:
    """Of which texts the vectors are kept."""
    query = select(vectors.c.text_hash).where(vectors.c.project_id == project_id, vectors.c.model_hash == model_hash)
    return set(connection.execute(query).scalars())


def keep_vectors(connection: Connection, project_id: int, model_hash: str, fresh: Mapping[bytes, bytes]) -> None:
    """Keeps vectors; those that are kept already stay as they are."""
    rows = [
        {"project_id": project_id, "model_hash": model_hash, "text_hash": text_hash, "vector": vector}
        for text_hash, vector in fresh.items()
    ]
    add_missing(connection, vectors, rows)
