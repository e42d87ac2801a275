"""Which windows are computed together: each once, where it fits, and padded in the shape of its own length."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from models.batch_plans import FLAT_SIZES, MOST_PADDING, PADDED_SIZE, plan_flat, plan_padded

LENGTHS = st.lists(st.integers(1, 256), max_size=300)
SOME_SIZES = st.sets(st.sampled_from(FLAT_SIZES[:-1])).map(lambda some: sorted({*some, FLAT_SIZES[-1]}))


@given(LENGTHS, SOME_SIZES)
def test_every_window_lies_in_one_flat_row_that_holds_it(lengths: list[int], sizes: list[int]) -> None:
    batches = plan_flat(lengths, sizes)
    assert Counter(member for batch in batches for member in batch.members) == Counter(range(len(lengths)))
    assert all(sum(lengths[member] for member in batch.members) <= batch.size for batch in batches)
    assert {batch.size for batch in batches} <= set(sizes)


@given(LENGTHS, SOME_SIZES)
def test_a_flat_row_is_the_smallest_that_holds_its_windows(lengths: list[int], sizes: list[int]) -> None:
    for batch in plan_flat(lengths, sizes):
        total = sum(lengths[member] for member in batch.members)
        assert not any(total <= size < batch.size for size in sizes)


@given(LENGTHS)
def test_attention_never_pads_a_flat_row_to_many_times_its_size(lengths: list[int]) -> None:
    for batch in plan_flat(lengths, FLAT_SIZES):
        longest = max(lengths[member] for member in batch.members)
        assert longest * len(batch.members) <= MOST_PADDING * FLAT_SIZES[-1]


def test_few_short_windows_go_together_into_the_smallest_row() -> None:
    (batch,) = plan_flat([20, 40, 60], FLAT_SIZES)
    assert batch.size == FLAT_SIZES[0]


@given(LENGTHS)
def test_every_window_is_padded_once_and_never_cut(lengths: list[int]) -> None:
    batches = plan_padded(lengths, 256)
    assert Counter(member for batch in batches for member in batch.members) == Counter(range(len(lengths)))
    for batch in batches:
        assert len(batch.members) <= batch.rows
        assert max(lengths[member] for member in batch.members) <= batch.length
        assert batch.rows * batch.length <= max(PADDED_SIZE, batch.length)


@given(st.integers(1, 256), LENGTHS, LENGTHS)
def test_the_padded_shape_of_a_window_depends_on_its_own_length_alone(
    length: int, before: list[int], after: list[int]
) -> None:
    (alone,) = plan_padded([length], 256)
    among = next(batch for batch in plan_padded([*before, length, *after], 256) if len(before) in batch.members)
    assert (alone.length, alone.rows) == (among.length, among.rows)


def test_a_limit_between_two_steps_is_a_length_of_its_own() -> None:
    (batch,) = plan_padded([70], 70)
    assert batch.length == 70
