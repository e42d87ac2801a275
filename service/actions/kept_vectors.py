"""An encoder that looks first among kept vectors, and keeps what it has to encode."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from sqlalchemy import Connection

from models.codebook import Codebook
from models.encoder import EncoderIdentity, TextEncoder, Vectors, encode_checked
from service.storage.database import Database
from service.storage.vectors import keep_vectors, kept_vectors


class VectorStore(Protocol):
    """Where vectors are kept, as :func:`kept_form`, by :func:`text_key` of their texts."""

    def kept(self, model_hash: str, keys: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """Those of the vectors that are kept."""
        ...

    def keep(self, model_hash: str, fresh: Mapping[bytes, bytes]) -> None:
        """Keeps vectors; those that are kept already stay as they are."""
        ...


class ProjectVectors:
    """The vectors of a project; they are treated like texts, and not shared between projects.

    Args:
        database: where they are kept.
        project_id: whose they are.
    """

    def __init__(self, database: Database, project_id: int) -> None:
        self._database = database
        self._project_id = project_id

    def kept(self, model_hash: str, keys: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """Those of the vectors that are kept."""
        with self._database.read() as connection:
            return kept_vectors(connection, self._project_id, model_hash, keys)

    def keep(self, model_hash: str, fresh: Mapping[bytes, bytes]) -> None:
        """Keeps vectors; those that are kept already stay as they are."""
        with self._database.write() as connection:
            keep_vectors(connection, self._project_id, model_hash, fresh)


class KeptVectorsEncoder:
    """Encodes no text twice.

    Args:
        encoder: what makes the vectors that are not kept.
        store: where they are kept.
    """

    def __init__(self, encoder: TextEncoder, store: VectorStore) -> None:
        self._encoder = encoder
        self._store = store

    @property
    def identity(self) -> EncoderIdentity:
        """That of the encoder within."""
        return self._encoder.identity

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, shape (number of texts, dimension), float32, in order.

        Raises:
            EncoderFailed: the encoder within did not make one finite unit vector for each new text.
            ServiceError: the store cannot be used.
        """
        keys = [text_key(text) for text in texts]
        known = dict(self._store.kept(self.identity.hash, list(dict.fromkeys(keys))))
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        if missing:
            made = encode_checked(self._encoder, list(missing.values()))
            fresh = {key: kept_form(vector) for key, vector in zip(missing, made, strict=True)}
            self._store.keep(self.identity.hash, fresh)
            known |= fresh
        return stacked([known[key] for key in keys], self.identity.dimension)


def segment_vectors(
    connection: Connection, project_id: int, model_hash: str, codebook: Codebook, texts: Mapping[int, str]
) -> dict[int, bytes]:
    """The kept vectors of segments, by their ids, as far as any are kept.

    Args:
        connection: to where they are kept.
        project_id: whose they are.
        model_hash: of the encoder that made them.
        codebook: whose glossary was spelt out in what was encoded.
        texts: of the segments, by their ids.
    """
    keys = {one: text_key(codebook.spell_out(text)) for one, text in texts.items()}
    kept = kept_vectors(connection, project_id, model_hash, list(dict.fromkeys(keys.values())))
    return {one: kept[key] for one, key in keys.items() if key in kept}


def text_key(text: str) -> bytes:
    """By what the vector of a text is kept: SHA-256 of the text as encoded."""
    return hashlib.sha256(text.encode()).digest()


def kept_form(vector: Vectors) -> bytes:
    """A vector as it is kept: float32, little end first."""
    return vector.astype("<f4").tobytes()


def stacked(kept: Sequence[bytes], dimension: int) -> Vectors:
    """Kept vectors side by side, shape (len(kept), dimension), float32."""
    return np.frombuffer(b"".join(kept), dtype="<f4").astype(np.float32, copy=False).reshape(len(kept), dimension)
