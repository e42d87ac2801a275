"""One encoder for many threads: what they ask for at the same time is encoded together."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from models.encoder import EncoderIdentity, TextEncoder, Vectors
from models.errors import ModelsError

# A long request is taken in parts, so that short ones need not wait for the whole of it.
PART = 32
# The most texts that are encoded in one go.
GO = 64


@dataclass(eq=False)
class _Job:
    texts: Sequence[str]
    vectors: Vectors | None = None
    error: ModelsError | None = None
    done: threading.Event = field(default_factory=threading.Event)


class SharedEncoder:
    """Makes an encoder safe and quick for many threads.

    Each caller puts its texts into a queue; whoever gets the encoder first encodes what is waiting, for
    all. As an encoder's vectors do not depend on what is encoded beside them, nobody's answer changes.

    Args:
        encoder: the encoder; only one thread at a time is in it.
    """

    def __init__(self, encoder: TextEncoder) -> None:
        self._encoder = encoder
        self._waiting: list[_Job] = []
        self._queue_lock = threading.Lock()
        self._encoder_lock = threading.Lock()

    @property
    def identity(self) -> EncoderIdentity:
        """That of the encoder within."""
        return self._encoder.identity

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of the texts, shape (number of texts, dimension), float32, in order.

        Raises:
            ModelsError: what the encoder raised for these texts.
        """
        parts = [self._encode_part(texts[at : at + PART]) for at in range(0, len(texts), PART)]
        return np.concatenate(parts) if parts else self._encoder.encode([])

    def _encode_part(self, texts: Sequence[str]) -> Vectors:
        job = _Job(texts)
        with self._queue_lock:
            self._waiting.append(job)
        while not job.done.is_set():
            with self._encoder_lock:
                if not job.done.is_set():
                    self._encode_waiting()
        if job.error is not None:
            raise job.error
        assert job.vectors is not None  # noqa: S101 - done without an error means there are vectors
        return job.vectors

    def _encode_waiting(self) -> None:
        jobs = self._take_waiting()
        try:
            vectors = self._encoder.encode([text for job in jobs for text in job.texts])
        except ModelsError as error:
            self._encode_singly(jobs, error)
            return
        ends = np.cumsum([len(job.texts) for job in jobs])
        for job, own in zip(jobs, np.split(vectors, ends[:-1]), strict=True):
            job.vectors = own
            job.done.set()

    def _take_waiting(self) -> list[_Job]:
        with self._queue_lock:
            jobs = [self._waiting.pop(0)]
            count = len(jobs[0].texts)
            while self._waiting and count + len(self._waiting[0].texts) <= GO:
                jobs.append(self._waiting.pop(0))
                count += len(jobs[-1].texts)
        return jobs

    def _encode_singly(self, jobs: list[_Job], error: ModelsError) -> None:
        """One caller's bad texts must not fail the others'."""
        for job in jobs:
            try:
                job.vectors = self._encoder.encode(job.texts) if len(jobs) > 1 else None
                job.error = None if len(jobs) > 1 else error
            except ModelsError as own:
                job.error = own
            job.done.set()
