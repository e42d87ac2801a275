"""The encoder that remembers: the same vectors, each made once, and no text kept."""

import gc
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.encoder import EncoderIdentity, Vectors
from models.errors import EncoderFailed
from models.hashing_encoder import HashingEncoder
from models.remembering_encoder import RememberingEncoder


@dataclass
class Counting:
    """A hashing encoder that notes how many texts it was given, and fails on some."""

    failing: set[str] = field(default_factory=set)
    counts: list[int] = field(default_factory=list)
    identity: EncoderIdentity = HashingEncoder.identity

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.counts.append(len(texts))
        vectors = HashingEncoder().encode(texts)
        for row, text in enumerate(texts):
            if text in self.failing:
                vectors[row] = np.nan
        return vectors


REQUESTS = st.lists(st.lists(st.text("abc", max_size=2), max_size=6), max_size=8)


@given(REQUESTS, st.integers(0, 4))
def test_every_answer_is_what_the_encoder_within_gives(requests: list[list[str]], capacity: int) -> None:
    encoder = RememberingEncoder(HashingEncoder(), capacity=capacity)
    for texts in requests:
        assert np.array_equal(encoder.encode(texts), HashingEncoder().encode(texts))


@given(REQUESTS)
def test_with_room_for_all_each_text_is_encoded_once(requests: list[list[str]]) -> None:
    counting = Counting()
    encoder = RememberingEncoder(counting)
    for texts in requests:
        encoder.encode(texts)
    assert sum(counting.counts) == len({text for texts in requests for text in texts})


def test_nothing_new_does_not_trouble_the_encoder() -> None:
    counting = Counting()
    encoder = RememberingEncoder(counting)
    encoder.encode(["a", "b", "a"])
    encoder.encode(["b", "a"])
    assert encoder.encode([]).shape == (0, 384)
    assert counting.counts == [2]


def test_the_texts_asked_for_longest_ago_are_forgotten_first() -> None:
    counting = Counting()
    encoder = RememberingEncoder(counting, capacity=2)
    for texts in (["a"], ["b"], ["a"], ["c"]):
        encoder.encode(texts)
    assert counting.counts == [1, 1, 1]
    encoder.encode(["a", "c"])
    assert counting.counts == [1, 1, 1]
    encoder.encode(["b"])
    assert counting.counts == [1, 1, 1, 1]


def everything_within(top: object) -> Iterator[object]:
    """Every object that can be reached from one, without the code that it runs."""
    seen, waiting = set(), [top]
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, type):
            continue
        seen.add(id(thing))
        yield thing
        waiting.extend(gc.get_referents(thing))


def test_no_text_is_kept_in_memory() -> None:
    encoder = RememberingEncoder(HashingEncoder())
    encoder.encode([f"Zwiebelturm number {at}" for at in range(50)])
    kept = list(everything_within(encoder))
    assert sum(isinstance(thing, bytes) and len(thing) == 32 for thing in kept) == 50
    assert not [thing for thing in kept if isinstance(thing, str) and "Zwiebelturm" in thing]
    assert not [thing for thing in kept if isinstance(thing, bytes) and b"Zwiebelturm" in thing]


def test_what_is_remembered_does_not_keep_the_rest_of_its_batch_in_memory() -> None:
    encoder = RememberingEncoder(HashingEncoder())
    encoder.encode([f"text {at}" for at in range(50)])
    arrays = [thing for thing in everything_within(encoder) if isinstance(thing, np.ndarray)]
    assert len(arrays) == 50
    assert all(array.base is None and array.shape == (384,) for array in arrays)


def test_changing_an_answer_does_not_change_what_is_remembered() -> None:
    encoder = RememberingEncoder(HashingEncoder())
    for _ in range(2):
        answer = encoder.encode(["a", "b"])
        assert np.array_equal(answer, HashingEncoder().encode(["a", "b"]))
        answer[:] = 0


def test_a_failure_is_raised_and_not_remembered() -> None:
    counting = Counting(failing={"bad"})
    encoder = RememberingEncoder(counting)
    with pytest.raises(EncoderFailed):
        encoder.encode(["good", "bad"])
    counting.failing.clear()
    assert np.array_equal(encoder.encode(["bad", "good"]), HashingEncoder().encode(["bad", "good"]))


def test_texts_that_no_file_can_hold_are_told_apart_too() -> None:
    texts = ["a\ud800", "a\udfff", "a"]
    assert np.array_equal(RememberingEncoder(HashingEncoder()).encode(texts), HashingEncoder().encode(texts))
    counting = Counting()
    RememberingEncoder(counting).encode(texts)
    assert counting.counts == [3]


def test_many_threads_get_exactly_the_vectors_of_their_own_texts() -> None:
    encoder = RememberingEncoder(HashingEncoder(), capacity=30)
    start = threading.Barrier(8)
    right: list[bool] = []

    def call(thread: int) -> None:
        start.wait(30)
        for turn in range(50):
            texts = [f"text {(thread * 5 + turn * 11 + at * at) % 60}" for at in range(turn % 9)]
            right.append(np.array_equal(encoder.encode(texts), HashingEncoder().encode(texts)))

    threads = [threading.Thread(target=call, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(right) == 400
    assert all(right)


def test_it_answers_for_the_encoder_within() -> None:
    assert RememberingEncoder(HashingEncoder()).identity == HashingEncoder.identity
