"""One encoder for many threads: what they ask for at the same time is encoded together, in one thread."""

import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import CancelledError, Executor, Future
from dataclasses import dataclass, field

import numpy as np

from models.encoder import EncoderIdentity, TextEncoder, Vectors, encode_checked
from models.errors import EncoderFailed, ModelsError

# A long request is taken in parts, so that short ones need not wait for the whole of it.
PART = 32
# The most texts that are encoded in one go.
GO = 64
# How long after a go the next one may wait for those who were answered to ask again, in times of that go.
PATIENCE = 0.8
NAP_SECONDS = 0.0005


@dataclass(eq=False)
class _Job:
    """What one caller waits for."""

    texts: Sequence[str]
    vectors: Future[Vectors] = field(default_factory=Future)


class SharedEncoder:
    """Makes an encoder safe and quick for many threads.

    Callers put their texts into a queue, and one thread encodes what is waiting, for all. As an encoder's
    vectors do not depend on what is encoded beside them, nobody's answer changes.

    It must be one thread, always the same, because OpenMP, on which torch computes, keeps a team of threads
    for each thread that calls it: with more than one team there are more threads than processors, they no
    longer wait for each other by spinning, and encoding a short text takes twice as long.

    Args:
        encoder: the encoder; best made in that thread as well.
        thread: an executor with one worker.

    Example:
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> from models.hashing_encoder import HashingEncoder
        >>> with ThreadPoolExecutor(1) as thread:
        ...     SharedEncoder(HashingEncoder(), thread).encode(["peer support", "weather"]).shape
        (2, 384)
    """

    def __init__(self, encoder: TextEncoder, thread: Executor) -> None:
        self._encoder = encoder
        self._thread = thread
        self._waiting: deque[_Job] = deque()
        self._lock = threading.Lock()
        self._expected = 0
        self._patient_until = 0.0

    @property
    def identity(self) -> EncoderIdentity:
        """That of the encoder within."""
        return self._encoder.identity

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of the texts, shape (number of texts, dimension), float32, in order.

        Raises:
            EncoderFailed: the encoder did not make one finite unit vector for each of these texts, or is stopped.
            ModelsError: what else the encoder raised for these texts.
        """
        parts = [self._encode_part(texts[at : at + PART]) for at in range(0, len(texts), PART)]
        return np.concatenate([np.zeros((0, self.identity.dimension), dtype=np.float32), *parts])

    def _encode_part(self, texts: Sequence[str]) -> Vectors:
        job = _Job(texts)
        with self._lock:
            self._waiting.append(job)
        try:
            turn = self._thread.submit(self._encode_waiting)
        except RuntimeError:
            raise EncoderFailed("The encoder has been stopped.") from None
        turn.add_done_callback(lambda turn: job.vectors.cancel() if turn.cancelled() else None)
        try:
            return job.vectors.result()
        except CancelledError:
            raise EncoderFailed("The encoder has been stopped.") from None

    def _encode_waiting(self) -> None:
        """One go; with nothing to do if an earlier one has taken the job that this one was submitted for."""
        self._await_others()
        began = time.monotonic()
        jobs = self._take()
        if not jobs:
            return
        try:
            self._encode_together(jobs)
        finally:
            for job in jobs:
                if not job.vectors.done():
                    job.vectors.set_exception(EncoderFailed("The encoder was interrupted."))
            ended = time.monotonic()
            self._expected = len(self._waiting) + len(jobs)
            self._patient_until = ended + PATIENCE * (ended - began)

    def _await_others(self) -> None:
        """Waits a little for those who were just answered, so that they share a go with those who wait.

        Without this, callers fall into two groups that keep each other waiting, and each go is half as full.
        """
        while 0 < len(self._waiting) < self._expected and time.monotonic() < self._patient_until:
            time.sleep(NAP_SECONDS)

    def _take(self) -> list[_Job]:
        jobs: list[_Job] = []
        count = 0
        with self._lock:
            while self._waiting and count + len(self._waiting[0].texts) <= GO:
                jobs.append(self._waiting.popleft())
                count += len(jobs[-1].texts)
        return jobs

    def _encode_together(self, jobs: Sequence[_Job]) -> None:
        try:
            vectors = encode_checked(self._encoder, [text for job in jobs for text in job.texts])
        except ModelsError as error:
            if len(jobs) == 1:
                jobs[0].vectors.set_exception(error)
                return
            # One caller's bad texts must not fail the others'.
            for job in jobs:
                self._encode_together([job])
            return
        ends = np.cumsum([len(job.texts) for job in jobs])
        for job, own in zip(jobs, np.split(vectors, ends[:-1]), strict=True):
            job.vectors.set_result(own)
