"""An encoder that works in one thread gives the vectors, and the errors, of the encoder within."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from models.encoder import EncoderIdentity, Vectors
from models.errors import EncoderFailed
from models.hashing_encoder import HashingEncoder
from models.one_thread_encoder import OneThreadEncoder


class Watched:
    """The hashing encoder, noting the threads in which it works; refuses one text."""

    def __init__(self) -> None:
        self._encoder = HashingEncoder()
        self.threads: set[int] = set()

    @property
    def identity(self) -> EncoderIdentity:
        return self._encoder.identity

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.threads.add(threading.get_ident())
        if "refused" in texts:
            raise EncoderFailed
        return self._encoder.encode(texts)


def test_callers_in_many_threads_are_served_by_one_other_thread() -> None:
    watched = Watched()
    with ThreadPoolExecutor(1) as thread, ThreadPoolExecutor(8) as callers:
        encoder = OneThreadEncoder(watched, thread)
        vectors = list(callers.map(lambda number: encoder.encode([f"text {number}"]), range(40)))
    expected = HashingEncoder().encode([f"text {number}" for number in range(40)])
    np.testing.assert_array_equal(np.concatenate(vectors), expected)
    assert len(watched.threads) == 1
    assert threading.get_ident() not in watched.threads


def test_an_error_reaches_the_caller_and_the_next_call_is_served() -> None:
    with ThreadPoolExecutor(1) as thread:
        encoder = OneThreadEncoder(Watched(), thread)
        with pytest.raises(EncoderFailed):
            encoder.encode(["refused"])
        assert encoder.encode(["served"]).shape == (1, encoder.identity.dimension)
