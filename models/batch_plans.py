"""Which windows of word pieces are computed together, in a few fixed sizes."""

from collections.abc import Sequence
from dataclasses import dataclass

# Word pieces in one flat row. Small steps, because a request waits for padding too; at the largest the throughput
# of a two-core AVX-512 machine levels off. oneDNN computes the last rows of a block of 128 in another order
# where they are fewer than 64, so other steps of 32 would not agree with these.
FLAT_SIZES = (64, 96, 128, 192, 224, 256, 320, 352, 384, 448, 480, 512, 576, 640, 768, 1024, 1280, 1536)
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
    batches: list[FlatBatch] = []
    members: list[int] = []
    total = 0
    for index in sorted(range(len(lengths)), key=lambda index: (-lengths[index], index)):
        if total + lengths[index] > sizes[-1]:
            batches.append(_batch(members, total, sizes))
            members, total = [], 0
        members.append(index)
        total += lengths[index]
    return [*batches, _batch(members, total, sizes)] if members else batches


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


def _batch(members: Sequence[int], total: int, sizes: Sequence[int]) -> FlatBatch:
    return FlatBatch(next(size for size in sizes if size >= total), tuple(members))
