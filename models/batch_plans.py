"""Which windows of word pieces are computed together, in a few fixed sizes."""

from collections.abc import Sequence
from dataclasses import dataclass

# Word pieces in one flat row. The small sizes answer a single request quickly; at the largest the
# throughput of a two-core AVX-512 machine levels off.
FLAT_SIZES = (192, 384, 576, 768, 1152, 1536)
# Attention sees the windows as padded rows; a short one beside a long one must not cost many times its length.
MOST_PADDING = 2
# Padded rows: the lengths in use, and the word pieces that all rows of a batch hold together.
LENGTHS = (32, 64, 96, 128, 160, 192, 224, 256, 320, 384, 448, 512)
PADDED_SIZE = 384


@dataclass(frozen=True)
class FlatBatch:
    """Windows (by index) that lie one after another in a row of ``size`` word pieces."""

    size: int
    members: tuple[int, ...]


@dataclass(frozen=True)
class PaddedBatch:
    """Windows (by index, at most ``rows``), each padded to ``length`` word pieces."""

    length: int
    rows: int
    members: tuple[int, ...]


def plan_flat(lengths: Sequence[int], sizes: Sequence[int]) -> list[FlatBatch]:
    """Batches that hold each window exactly once, the longest first, in the smallest sizes that hold them.

    Args:
        lengths: word pieces of each window, at least 1 and at most the largest size.
        sizes: the sizes that may be used, ascending.
    """
    waiting = sorted(range(len(lengths)), key=lambda index: (-lengths[index], index))
    batches = []
    start = 0
    while start < len(waiting):
        # No row holds more windows than word pieces.
        next_ones = [lengths[index] for index in waiting[start : start + sizes[-1]]]
        end = start + _fitting(next_ones, sizes[-1])
        total = sum(lengths[index] for index in waiting[start:end])
        size = next(size for size in sizes if size >= total)
        batches.append(FlatBatch(size, tuple(waiting[start:end])))
        start = end
    return batches


def plan_padded(lengths: Sequence[int], limit: int) -> list[PaddedBatch]:
    """Batches that hold each window exactly once, each in the one shape of its own length.

    Args:
        lengths: word pieces of each window, at most ``limit``.
        limit: the most word pieces that the model reads.
    """
    steps = (*(step for step in LENGTHS if step < limit), limit)
    alike: dict[int, list[int]] = {step: [] for step in steps}
    for index, length in enumerate(lengths):
        alike[next(step for step in steps if step >= length)].append(index)
    batches = []
    for length, members in alike.items():
        rows = max(1, PADDED_SIZE // length)
        parts = (members[at : at + rows] for at in range(0, len(members), rows))
        batches += [PaddedBatch(length, rows, tuple(part)) for part in parts]
    return batches


def _fitting(descending: Sequence[int], largest: int) -> int:
    """How many of the first windows fit into one row without too much padding; at least one."""
    total = 0
    for count, length in enumerate(descending):
        total += length
        if total > largest or (count + 1) * descending[0] > max(MOST_PADDING * largest, descending[0]):
            return count
    return len(descending)
