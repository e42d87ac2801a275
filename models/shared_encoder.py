"""One encoder for many threads: what they ask for at the same time is encoded together."""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.encoder import EncoderIdentity, TextEncoder, Vectors, encode_checked
from models.errors import EncoderFailed, ModelsError

# A long request is taken in parts, so that short ones need not wait for the whole of it.
PART = 32
# The most texts that are encoded in one go.
GO = 64


@dataclass(eq=False)
class _Job:
    """What one caller waits for: its texts, until it has vectors or an error."""

    texts: Sequence[str]
    vectors: Vectors | None = None
    error: ModelsError | None = None

    @property
    def is_done(self) -> bool:
        return self.vectors is not None or self.error is not None


class SharedEncoder:
    """Makes an encoder safe and quick for many threads.

    Each caller puts its texts into a queue; whoever finds the encoder free encodes what is waiting, for
    all. As an encoder's vectors do not depend on what is encoded beside them, nobody's answer changes.

    Args:
        encoder: the encoder; only one thread at a time is in it.

    Example:
        >>> from models.hashing_encoder import HashingEncoder
        >>> SharedEncoder(HashingEncoder()).encode(["peer support", "weather"]).shape
        (2, 384)
    """

    def __init__(self, encoder: TextEncoder) -> None:
        self._encoder = encoder
        self._waiting: deque[_Job] = deque()
        self._is_busy = False
        self._changed = threading.Condition()

    @property
    def identity(self) -> EncoderIdentity:
        """That of the encoder within."""
        return self._encoder.identity

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of the texts, shape (number of texts, dimension), float32, in order.

        Raises:
            EncoderFailed: the encoder did not make one finite unit vector for each of these texts.
            ModelsError: what else the encoder raised for these texts.
        """
        parts = [self._encode_part(texts[at : at + PART]) for at in range(0, len(texts), PART)]
        return np.concatenate([np.zeros((0, self.identity.dimension), dtype=np.float32), *parts])

    def _encode_part(self, texts: Sequence[str]) -> Vectors:
        job = _Job(texts)
        with self._changed:
            self._waiting.append(job)
        while jobs := self._take_turn(job):
            try:
                self._encode_together(jobs)
            finally:
                self._end_turn(jobs)
        if job.vectors is None:
            raise job.error or EncoderFailed
        return job.vectors

    def _take_turn(self, job: _Job) -> list[_Job]:
        """Waits until this job is done (then there is nothing to do) or the encoder is free for what waits."""
        with self._changed:
            self._changed.wait_for(lambda: job.is_done or not self._is_busy)
            if job.is_done:
                return []
            self._is_busy = True
            jobs = [self._waiting.popleft()]
            count = len(jobs[0].texts)
            while self._waiting and count + len(self._waiting[0].texts) <= GO:
                jobs.append(self._waiting.popleft())
                count += len(jobs[-1].texts)
        return jobs

    def _end_turn(self, jobs: Sequence[_Job]) -> None:
        with self._changed:
            for job in jobs:
                if not job.is_done:  # The thread is being ended, e.g. by Ctrl-C; the others must not wait for it.
                    job.error = EncoderFailed("The encoder was interrupted.")
            self._is_busy = False
            self._changed.notify_all()

    def _encode_together(self, jobs: Sequence[_Job]) -> None:
        try:
            vectors = encode_checked(self._encoder, [text for job in jobs for text in job.texts])
        except ModelsError as error:
            if len(jobs) == 1:
                jobs[0].error = error
                return
            # One caller's bad texts must not fail the others'.
            for job in jobs:
                self._encode_together([job])
            return
        ends = np.cumsum([len(job.texts) for job in jobs])
        for job, own in zip(jobs, np.split(vectors, ends[:-1]), strict=True):
            job.vectors = own
