"""An encoder that remembers the vectors of the texts it saw last, in memory only."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from models.encoder import EncoderIdentity, TextEncoder, Vectors, encode_checked


class RememberingEncoder:
    """Spares encoding codebooks and examples that come again with each request.

    Only digests of texts are kept beside the vectors, never the texts. Safe for many threads.

    Args:
        encoder: what makes the vectors that are not remembered.
        capacity: the number of vectors kept; the ones asked for longest ago go first.

    Example:
        >>> from models.hashing_encoder import HashingEncoder
        >>> RememberingEncoder(HashingEncoder()).encode(["peer support", "weather"]).shape
        (2, 384)
    """

    def __init__(self, encoder: TextEncoder, *, capacity: int = 20_000) -> None:
        self._encoder = encoder
        self._capacity = capacity
        self._vectors: OrderedDict[bytes, Vectors] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def identity(self) -> EncoderIdentity:
        """That of the encoder within."""
        return self._encoder.identity

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of the texts, shape (number of texts, dimension), float32, in order.

        Raises:
            EncoderFailed: the encoder within did not make one finite unit vector for each new text.
            ModelsError: what else it raised.
        """
        keys = [_digest(text) for text in texts]
        found = self._recall(keys)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        if missing:
            made = encode_checked(self._encoder, list(missing.values()))
            fresh = dict(zip(missing, made, strict=True))
            self._remember(fresh)
            found |= fresh
        return np.stack([found[key] for key in keys]) if keys else np.zeros((0, self.identity.dimension), np.float32)

    def _recall(self, keys: Sequence[bytes]) -> dict[bytes, Vectors]:
        with self._lock:
            found = {key: self._vectors[key] for key in keys if key in self._vectors}
            for key in found:
                self._vectors.move_to_end(key)
        return found

    def _remember(self, fresh: dict[bytes, Vectors]) -> None:
        with self._lock:
            # A copy, because a row of a batch would keep the whole batch in memory.
            self._vectors.update({key: vector.copy() for key, vector in fresh.items()})
            while len(self._vectors) > self._capacity:
                self._vectors.popitem(last=False)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()
