"""Vectors of the bundled model, kept in a folder so that a benchmark encodes each text once."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.encoder import EncoderIdentity, Vectors, encode_checked
from service.encoders import Encoders
from service.settings import Settings


class KeptVectors:
    """Encodes with the default model what the folder does not hold yet.

    Args:
        folder: holds one file for each model; made if it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._encoder = Encoders(Settings()).load().encoder
        self.identity: EncoderIdentity = self._encoder.identity
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / f"{self.identity.hash[:16]}-texts.npz"
        self._kept: dict[str, Vectors] = {}
        if self._file.exists():
            with np.load(self._file) as held:
                self._kept = dict(zip(json.loads(held["texts"].tobytes()), held["vectors"], strict=True))

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, shape (len(texts), dimension)."""
        missing = [text for text in dict.fromkeys(texts) if text not in self._kept]
        if missing:
            self._kept.update(zip(missing, encode_checked(self._encoder, missing), strict=True))
            vectors = np.stack(list(self._kept.values()))
            # As bytes: an array of texts takes the room of the longest for each.
            as_bytes = np.frombuffer(json.dumps(list(self._kept)).encode(), dtype=np.uint8)
            np.savez(self._file, texts=as_bytes, vectors=vectors)
        return np.stack([self._kept[text] for text in texts])
