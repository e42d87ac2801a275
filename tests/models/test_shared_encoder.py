"""One encoder for many threads: everybody gets their own vectors, nobody waits for ever."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.encoder import EncoderIdentity, TextEncoder, Vectors
from models.errors import EncoderFailed, ModelsError, ModelUnavailable
from models.hashing_encoder import HashingEncoder
from models.shared_encoder import GO, PART, SharedEncoder

PATIENCE_SECONDS = 30
# Long enough for threads that have begun to call to be waiting for the encoder.
MOMENT_SECONDS = 0.3


@dataclass
class Watched:
    """A hashing encoder that notes its calls, can be held up, and fails on some texts."""

    failures: dict[str, BaseException] = field(default_factory=dict)
    calls: list[list[str]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    entered: threading.Event = field(default_factory=threading.Event)
    is_inside: bool = False

    @property
    def identity(self) -> EncoderIdentity:
        return HashingEncoder.identity

    def encode(self, texts: Sequence[str]) -> Vectors:
        assert not self.is_inside, "two threads in the encoder"
        self.is_inside = True
        try:
            self.calls.append(list(texts))
            self.entered.set()
            assert self.gate.wait(PATIENCE_SECONDS)
            for text, failure in self.failures.items():
                if text in texts:
                    raise failure
            return HashingEncoder().encode(texts)
        finally:
            self.is_inside = False


@dataclass
class Caller:
    """One thread that asks for the vectors of some texts."""

    texts: list[str]
    vectors: Vectors | None = None
    error: BaseException | None = None

    def ask(self, encoder: SharedEncoder) -> threading.Thread:
        def run() -> None:
            try:
                self.vectors = encoder.encode(self.texts)
            except BaseException as error:
                self.error = error

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread


def shared_by(encoder: TextEncoder) -> SharedEncoder:
    return SharedEncoder(encoder, ThreadPoolExecutor(1))


def ask_together(watched: Watched, requests: Sequence[list[str]]) -> list[Caller]:
    """The callers after all have been answered; all but the first asked while the encoder was busy."""
    shared = shared_by(watched)
    callers = [Caller(texts) for texts in requests]
    threads = [callers[0].ask(shared)]
    assert watched.entered.wait(PATIENCE_SECONDS)
    threads += [caller.ask(shared) for caller in callers[1:]]
    time.sleep(MOMENT_SECONDS)
    watched.gate.set()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert not any(thread.is_alive() for thread in threads), "somebody waits for ever"
    return callers


def got_their_own(caller: Caller) -> bool:
    return caller.vectors is not None and np.array_equal(caller.vectors, HashingEncoder().encode(caller.texts))


def open_gate() -> threading.Event:
    gate = threading.Event()
    gate.set()
    return gate


def test_many_threads_get_exactly_the_vectors_of_their_own_texts() -> None:
    watched = Watched(gate=open_gate())
    shared = shared_by(watched)
    start = threading.Barrier(16)
    wrong: list[object] = []

    def call(thread: int) -> None:
        start.wait(PATIENCE_SECONDS)
        for turn in range(20):
            texts = [f"thread {thread} turn {turn} text {at}" for at in range((thread * 7 + turn * 3) % 70)]
            if not np.array_equal(shared.encode(texts), HashingEncoder().encode(texts)):
                wrong.append((thread, turn))

    threads = [threading.Thread(target=call, args=(thread,), daemon=True) for thread in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert not any(thread.is_alive() for thread in threads)
    assert wrong == []


@given(st.lists(st.text(max_size=5), max_size=3 * GO))
def test_a_single_caller_gets_what_the_encoder_gives(texts: list[str]) -> None:
    assert np.array_equal(shared_by(HashingEncoder()).encode(texts), HashingEncoder().encode(texts))


def test_what_is_asked_for_at_the_same_time_is_encoded_together() -> None:
    watched = Watched()
    callers = ask_together(watched, [[f"text {at}"] for at in range(21)])
    assert all(got_their_own(caller) for caller in callers)
    assert sorted(text for call in watched.calls for text in call) == sorted(f"text {at}" for at in range(21))
    assert len(watched.calls) < 10


def test_no_go_is_larger_than_the_most() -> None:
    watched = Watched()
    callers = ask_together(watched, [[f"{caller} {at}" for at in range(PART - 1)] for caller in range(9)])
    assert all(got_their_own(caller) for caller in callers)
    assert max(len(call) for call in watched.calls) <= GO


def test_a_short_request_does_not_wait_for_the_whole_of_a_long_one() -> None:
    watched = Watched()
    long, short = [f"long {at}" for at in range(10 * PART)], ["short"]
    callers = ask_together(watched, [long, short])
    assert all(got_their_own(caller) for caller in callers)
    answered = next(index for index, call in enumerate(watched.calls) if "short" in call)
    assert answered < len(watched.calls) - 1


def test_an_answer_that_is_ready_does_not_wait_for_the_next_go() -> None:
    watched = Watched(gate=open_gate())
    shared = shared_by(watched)
    caller = Caller(["first"])
    caller.ask(shared).join(PATIENCE_SECONDS)
    watched.gate.clear()
    busy = Caller(["busy"]).ask(shared)
    assert got_their_own(caller)
    watched.gate.set()
    busy.join(PATIENCE_SECONDS)


def test_one_callers_bad_texts_do_not_fail_the_others() -> None:
    watched = Watched(failures={"bad": EncoderFailed("no")})
    callers = ask_together(watched, [["first"], ["good", "better"], ["fine", "bad"], ["best"]])
    assert [got_their_own(caller) for caller in callers] == [True, True, False, True]
    assert isinstance(callers[2].error, EncoderFailed)


@pytest.mark.parametrize(
    ("failure", "seen"),
    [
        (RuntimeError("Zwiebelturm"), EncoderFailed),
        (MemoryError(), EncoderFailed),
        (ModelUnavailable(), ModelUnavailable),
    ],
)
def test_whatever_the_encoder_raises_reaches_its_caller_as_our_error(
    failure: Exception, seen: type[ModelsError]
) -> None:
    watched = Watched(failures={"bad": failure})
    callers = ask_together(watched, [["first"], ["bad"], ["good"], ["bad", "too"]])
    assert [got_their_own(caller) for caller in callers] == [True, False, True, False]
    for caller in (callers[1], callers[3]):
        assert type(caller.error) is seen
        assert "Zwiebelturm" not in str(caller.error)


def test_a_go_that_is_interrupted_leaves_nobody_waiting() -> None:
    watched = Watched(failures={"stop": KeyboardInterrupt()})
    callers = ask_together(watched, [["first"], ["stop"], ["a"], ["b"]])
    assert got_their_own(callers[0])
    for caller in callers[1:]:
        assert got_their_own(caller) or isinstance(caller.error, EncoderFailed)


def test_the_encoder_can_be_used_after_any_failure() -> None:
    watched = Watched(
        failures={"bad": RuntimeError(), "worse": EncoderFailed(), "stop": KeyboardInterrupt()}, gate=open_gate()
    )
    shared = shared_by(watched)
    for text in watched.failures:
        with pytest.raises(EncoderFailed):
            shared.encode([text])
        assert np.array_equal(shared.encode(["good"]), HashingEncoder().encode(["good"]))


@dataclass
class Misshapen:
    """An encoder that answers several texts at once with something of the wrong kind."""

    spoil: Callable[[Vectors], Vectors]
    identity: EncoderIdentity = HashingEncoder.identity

    def encode(self, texts: Sequence[str]) -> Vectors:
        vectors = HashingEncoder().encode(texts)
        return self.spoil(vectors) if len(texts) > 1 else vectors


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda vectors: vectors[:-1], id="one too few"),
        pytest.param(lambda vectors: vectors[[*range(len(vectors)), 0]], id="one too many"),
        pytest.param(lambda vectors: vectors * np.nan, id="NaN"),
    ],
)
def test_vectors_that_are_not_as_promised_are_never_handed_out(spoil: Callable[[Vectors], Vectors]) -> None:
    shared = shared_by(Misshapen(spoil))
    with pytest.raises(EncoderFailed):
        shared.encode(["a", "b"])
    assert np.array_equal(shared.encode(["a"]), HashingEncoder().encode(["a"]))


def test_all_work_is_done_in_the_one_thread() -> None:
    threads: set[int] = set()

    class Noting(HashingEncoder):
        def encode(self, texts: Sequence[str]) -> Vectors:
            threads.add(threading.get_ident())
            return super().encode(texts)

    with ThreadPoolExecutor(1) as thread, ThreadPoolExecutor(8) as callers:
        shared = SharedEncoder(Noting(), thread)
        assert len(list(callers.map(lambda number: shared.encode([f"text {number}"]), range(40)))) == 40
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_those_who_ask_again_and_again_come_to_share_their_goes() -> None:
    watched = Watched(gate=open_gate())
    slow = watched.encode

    def encode(texts: Sequence[str]) -> Vectors:
        time.sleep(0.05)
        return slow(texts)

    watched.encode = encode  # type: ignore[method-assign]
    shared = shared_by(watched)
    with ThreadPoolExecutor(4) as callers:
        list(callers.map(lambda caller: [shared.encode([f"{caller} {turn}"]) for turn in range(10)], range(4)))
    assert sorted(map(len, watched.calls[-8:-1])) == [4] * 7


def test_an_encoder_that_has_been_stopped_says_so() -> None:
    thread = ThreadPoolExecutor(1)
    watched = Watched()
    shared = SharedEncoder(watched, thread)
    first, second = Caller(["first"]), Caller(["second"])
    asking = [first.ask(shared)]
    assert watched.entered.wait(PATIENCE_SECONDS)
    asking.append(second.ask(shared))
    time.sleep(MOMENT_SECONDS)
    thread.shutdown(wait=False, cancel_futures=True)
    watched.gate.set()
    for one in asking:
        one.join(PATIENCE_SECONDS)
    assert got_their_own(first)
    assert got_their_own(second) or isinstance(second.error, EncoderFailed)
    with pytest.raises(EncoderFailed):
        shared.encode(["third"])


def test_no_texts_need_no_encoder() -> None:
    watched = Watched()
    assert shared_by(watched).encode([]).shape == (0, HashingEncoder.identity.dimension)
    assert watched.calls == []


def test_it_answers_for_the_encoder_within() -> None:
    assert shared_by(HashingEncoder()).identity == HashingEncoder.identity
