"""An encoder whose work is all done in one thread, whichever thread asks."""

from collections.abc import Sequence
from concurrent.futures import Executor

from models.encoder import EncoderIdentity, TextEncoder, Vectors


class OneThreadEncoder:
    """Moves the work of an encoder into one thread.

    OpenMP, on which torch computes, keeps a team of threads for each thread that calls it. With more than one
    team there are more threads than processors, they no longer wait for each other by spinning, and
    encoding a short text takes twice as long.

    Args:
        encoder: the encoder; best made in that thread as well.
        thread: an executor with one worker.
    """

    def __init__(self, encoder: TextEncoder, thread: Executor) -> None:
        self._encoder = encoder
        self._thread = thread

    @property
    def identity(self) -> EncoderIdentity:
        """That of the encoder within."""
        return self._encoder.identity

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of the texts, shape (number of texts, dimension), float32, in order.

        Raises:
            ModelsError: what the encoder within raises.
        """
        return self._thread.submit(self._encoder.encode, texts).result()
