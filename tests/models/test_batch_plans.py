"""Which windows are computed together: every window once, in a size that holds it."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.batch_plans import FLAT_SIZES, LENGTHS, FlatBatch, PaddedBatch, plan_flat, plan_padded

LIMIT = 256
WINDOWS = st.lists(st.integers(1, LIMIT), max_size=200)
SIZES = st.sets(st.sampled_from(FLAT_SIZES[2:])).map(lambda some: sorted(some | {FLAT_SIZES[-1]}))


def members_of(batches: list[FlatBatch] | list[PaddedBatch]) -> Counter[int]:
    return Counter(member for batch in batches for member in batch.members)


@given(WINDOWS, SIZES)
def test_every_window_stands_once_in_a_flat_row_that_holds_it(lengths: list[int], sizes: list[int]) -> None:
    batches = plan_flat(lengths, sizes)
    assert members_of(batches) == Counter(range(len(lengths)))
    for batch in batches:
        total = sum(lengths[member] for member in batch.members)
        assert batch.members
        assert batch.size == min(size for size in sizes if size >= total)


@given(st.lists(st.integers(1, 512), max_size=60), WINDOWS, st.sampled_from([256, 300, 512]))
def test_the_padded_shape_of_a_window_depends_on_its_own_length_alone(
    some: list[int], others: list[int], limit: int
) -> None:
    lengths = [min(length, limit) for length in [*some, *others]]
    batches = plan_padded(lengths, limit)
    assert members_of(batches) == Counter(range(len(lengths)))
    for batch in batches:
        assert 1 <= len(batch.members) <= batch.rows
        for member in batch.members:
            (alone,) = plan_padded([lengths[member]], limit)
            assert (batch.length, batch.rows) == (alone.length, alone.rows)
            assert batch.length == min(step for step in (*LENGTHS, limit) if lengths[member] <= step <= limit)


def test_a_single_short_window_gets_the_smallest_row() -> None:
    assert plan_flat([7], FLAT_SIZES) == [FlatBatch(FLAT_SIZES[0], (0,))]


def test_many_windows_of_one_length_fill_the_largest_row() -> None:
    batches = plan_flat([32] * 96, FLAT_SIZES)
    assert [(batch.size, len(batch.members)) for batch in batches] == [(1536, 48)] * 2


@pytest.mark.parametrize("limit", [1, 8, 32, 100, 256, 512])
def test_no_windows_need_no_batch(limit: int) -> None:
    assert plan_flat([], FLAT_SIZES) == []
    assert plan_padded([], limit) == []
