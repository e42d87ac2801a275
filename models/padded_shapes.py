"""Which texts are computed together, in a small set of fixed padded shapes.

A processor's matrix routines may add up in another order when the shape of a batch changes, and then
a vector would depend on what else is in the batch. So there are few shapes, each of which always
gives the same bits for the same text, and the loader tests whether they also agree with each other.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

STEPS = (32, 64, 96, 128, 192, 256, 384, 512)
# Word pieces in one batch. The small ones answer a single request quickly, the largest one is where
# the throughput of a two-core AVX-512 machine levels off.
SIZES = (192, 384, 768, 1536)


@dataclass(frozen=True, order=True)
class Shape:
    """A batch of ``rows`` texts, each padded to ``length`` word pieces."""

    length: int
    rows: int


@dataclass(frozen=True)
class Batch:
    """The texts (by index) that are computed in one shape; their number is at most ``shape.rows``."""

    shape: Shape
    members: tuple[int, ...]


def candidate_shapes(limit: int) -> list[Shape]:
    """Every shape worth having for a model that reads ``limit`` word pieces, shortest first."""
    return [shape for length in _lengths(limit) for shape in _shapes_of_length(length)]


class PaddedShapes:
    """The shapes of one model, and the plan of which text goes into which of them.

    Args:
        limit: the most word pieces (with special tokens) that the model reads.
        interchangeable: the candidate shapes that give the same bits for the same text on this
            processor. If there is none for some length, each text gets the one largest shape of its
            own length instead.
    """

    def __init__(self, limit: int, *, interchangeable: Collection[Shape]) -> None:
        self._lengths = _lengths(limit)
        by_length = {
            length: [shape for shape in _shapes_of_length(length) if shape in interchangeable]
            for length in self._lengths
        }
        self._mixes_lengths = all(by_length.values())
        if not self._mixes_lengths:
            by_length = {length: _shapes_of_length(length)[-1:] for length in self._lengths}
        self._by_length = by_length

    def plan(self, lengths: Sequence[int]) -> list[Batch]:
        """Batches that hold each text exactly once.

        Args:
            lengths: word pieces of each text, none above the model's limit.
        """
        waiting = sorted(range(len(lengths)), key=lambda index: (lengths[index], index))
        batches = []
        while waiting:
            batch = self._next_batch(waiting, lengths)
            batches.append(batch)
            del waiting[len(waiting) - len(batch.members) :]
        return batches

    def _next_batch(self, ascending: list[int], lengths: Sequence[int]) -> Batch:
        length = self._padded(lengths[ascending[-1]])
        shapes = self._by_length[length]
        fitting = [shape for shape in shapes if shape.rows >= len(ascending)]
        shape = fitting[0] if fitting else shapes[-1]
        members = ascending[-shape.rows :]
        if not self._mixes_lengths:
            members = [index for index in members if self._padded(lengths[index]) == length]
        return Batch(shape, tuple(members))

    def _padded(self, length: int) -> int:
        return next(step for step in self._lengths if step >= length)


def _lengths(limit: int) -> tuple[int, ...]:
    return (*(step for step in STEPS if step < limit), limit)


def _shapes_of_length(length: int) -> list[Shape]:
    rows = [size // length for size in SIZES if size % length == 0]
    return [Shape(length, count) for count in rows or [max(1, SIZES[-1] // length)]]
