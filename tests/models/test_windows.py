"""Long texts: windows that leave nothing out, and one vector from all of them."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.encoder import Vectors, unit_rows
from models.windows import Window, pool_windows, split_into_windows


@st.composite
def lengths(draw: st.DrawFn) -> tuple[int, int, int]:
    limit = draw(st.integers(1, 512))
    return draw(st.integers(0, 5_000)), limit, draw(st.integers(0, limit - 1))


def random_units(count: int, dimension: int = 8) -> Vectors:
    return unit_rows(np.random.default_rng(count).normal(size=(count, dimension)))


@given(lengths())
def test_windows_hold_every_word_piece_within_the_limit(given_lengths: tuple[int, int, int]) -> None:
    pieces, limit, overlap = given_lengths
    windows = split_into_windows(pieces, limit=limit, overlap=overlap)
    held = {piece for window in windows for piece in range(window.start, window.end)}
    assert held == set(range(pieces))
    assert all(0 <= window.end - window.start <= limit for window in windows)
    assert (windows[0].start, windows[-1].end) == (0, pieces)


@given(lengths())
def test_neighbouring_windows_share_at_least_the_overlap_and_go_forward(given_lengths: tuple[int, int, int]) -> None:
    pieces, limit, overlap = given_lengths
    windows = split_into_windows(pieces, limit=limit, overlap=overlap)
    for before, after in itertools.pairwise(windows):
        assert before.end - after.start >= overlap
        assert before.start < after.start
        assert before.end < after.end


@given(lengths())
def test_each_word_piece_is_fresh_in_one_window(given_lengths: tuple[int, int, int]) -> None:
    pieces, limit, overlap = given_lengths
    windows = split_into_windows(pieces, limit=limit, overlap=overlap)
    assert sum(window.fresh for window in windows) == pieces
    ends = [0, *(window.end for window in windows)]
    assert [window.fresh for window in windows] == [after - before for before, after in itertools.pairwise(ends)]


@given(lengths())
def test_there_are_no_more_windows_than_needed_and_none_is_a_stub(given_lengths: tuple[int, int, int]) -> None:
    pieces, limit, overlap = given_lengths
    windows = split_into_windows(pieces, limit=limit, overlap=overlap)
    assert limit + (len(windows) - 2) * (limit - overlap) < pieces or len(windows) == 1
    assert len({window.end - window.start for window in windows}) == 1


def test_a_text_within_the_limit_is_one_window() -> None:
    assert split_into_windows(0, limit=254, overlap=63) == [Window(0, 0, 0)]
    assert split_into_windows(254, limit=254, overlap=63) == [Window(0, 254, 254)]
    assert len(split_into_windows(255, limit=254, overlap=63)) == 2


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6), st.data())
def test_a_pooled_vector_is_the_weighted_mean_direction_of_its_own_windows(
    counts: list[int], data: st.DataObject
) -> None:
    owners = [text for text, count in enumerate(counts) for _ in range(count)]
    weights = data.draw(st.lists(st.integers(0, 300), min_size=len(owners), max_size=len(owners)))
    order = data.draw(st.permutations(range(len(owners))))
    vectors = random_units(len(owners))
    pooled = pool_windows(
        vectors[order], [owners[at] for at in order], [weights[at] for at in order], count=len(counts)
    )
    assert pooled.dtype == np.float32
    for text, vector in enumerate(pooled):
        mine = [at for at, owner in enumerate(owners) if owner == text]
        mean = sum(max(weights[at], 1) * vectors[at].astype(float) for at in mine)
        assert vector == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)


def test_one_window_keeps_its_vector_whatever_its_weight() -> None:
    vectors = random_units(3)
    for weight in (0, 1, 254):
        assert np.allclose(pool_windows(vectors, [0, 1, 2], [weight] * 3, count=3), vectors, atol=1e-7)


def test_a_window_with_more_fresh_pieces_counts_for_more() -> None:
    vectors = np.eye(2, dtype=np.float32)
    (even,) = pool_windows(vectors, [0, 0], [10, 10], count=1)
    (first,) = pool_windows(vectors, [0, 0], [30, 10], count=1)
    assert even == pytest.approx([2**-0.5] * 2)
    assert first == pytest.approx(np.array([3, 1]) / 10**0.5)
