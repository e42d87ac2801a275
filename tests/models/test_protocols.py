"""Protocols: nothing is an example and tested at once, fewer shots are part of more, seeds repeat."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.protocols import POOL, Fold, Split, few_shots, leave_one_out, shortages, zero_shot

SHOTS = (0, 1, 2, 4, 20)


@st.composite
def studies(draw: st.DrawFn) -> tuple[np.ndarray, list[str]]:
    segments, codes = draw(st.integers(2, 60)), draw(st.integers(1, 4))
    random = np.random.default_rng(draw(st.integers(0, 1_000)))
    documents = [f"d{number}" for number in random.integers(draw(st.integers(2, 8)), size=segments)]
    return random.random((segments, codes)) < 0.4, documents


def folds_of(study: tuple[np.ndarray, list[str]], split: Split, seed: int = 0) -> list[Fold]:
    applied, documents = study
    return few_shots(applied, documents, shots=SHOTS, draws=3, split=split, seed=seed)


@given(studies(), st.sampled_from(["document", "random"]))
def test_no_segment_is_an_example_and_tested_at_once(study: tuple[np.ndarray, list[str]], split: Split) -> None:
    for fold in folds_of(study, split):
        assert not set(fold.examples) & set(fold.tested)
        if split == "document":
            learnt = {study[1][row] for row in fold.examples}
            assert not learnt & {study[1][row] for row in fold.tested}


@given(studies(), st.sampled_from(["document", "random"]))
def test_more_shots_add_to_fewer_and_are_tested_on_the_same_segments(
    study: tuple[np.ndarray, list[str]], split: Split
) -> None:
    folds = folds_of(study, split)
    for draw in range(3):
        own = [fold for fold in folds if fold.draw == draw and fold.shots]
        assert [fold.shots for fold in own] == [1, 2, 4, 20]
        for fewer, more in pairwise(own):
            assert set(fewer.examples) <= set(more.examples)
            assert (fewer.tested == more.tested).all()


@given(studies(), st.sampled_from(["document", "random"]))
def test_each_code_has_as_many_examples_as_asked_for_or_as_there_are(
    study: tuple[np.ndarray, list[str]], split: Split
) -> None:
    applied = study[0]
    for fold in folds_of(study, split):
        if fold.shots:
            carried = applied[fold.examples].sum(axis=0)
            assert (carried >= np.minimum(fold.shots, fold.available)).all()


@given(studies())
def test_at_random_at_most_half_of_a_code_is_set_aside(study: tuple[np.ndarray, list[str]]) -> None:
    for fold in folds_of(study, "random"):
        if fold.shots:
            assert (fold.available <= study[0].sum(axis=0) // 2).all()


def test_the_pool_grows_beyond_sixteen_only_with_the_shots() -> None:
    applied = np.ones((200, 1), dtype=bool)
    for shots, pool in (((1,), POOL), ((1, 50), 50)):
        fold = few_shots(applied, ["d"] * 200, shots=shots, draws=1, split="random", seed=0)[0]
        assert len(fold.tested) == 200 - pool


@pytest.mark.parametrize("split", ["document", "random"])
def test_a_seed_repeats_its_draws_and_another_draws_otherwise(split: Split) -> None:
    random = np.random.default_rng(0)
    study = random.random((200, 3)) < 0.3, [f"d{number % 10}" for number in range(200)]
    first, again, other = (folds_of(study, split, seed) for seed in (1, 1, 2))
    for one, same in zip(first, again, strict=True):
        assert (one.examples.tolist(), one.tested.tolist()) == (same.examples.tolist(), same.tested.tolist())
    assert [fold.tested.tolist() for fold in first[1:]] != [fold.tested.tolist() for fold in other[1:]]


def test_zero_shots_test_everything_once() -> None:
    fold = zero_shot(5, 2)
    assert (fold.shots, fold.tested.tolist(), fold.examples.tolist()) == (0, [0, 1, 2, 3, 4], [])
    folds = few_shots(np.ones((5, 2), dtype=bool), ["d"] * 5, shots=(0, 0), draws=4, split="random", seed=0)
    assert len(folds) == 1


def test_leaving_one_out_tests_each_group_on_all_others_of_which_something_is_known() -> None:
    folds = leave_one_out(np.eye(4, 2, dtype=bool), np.array([True, True, True, False]), ["b", "a", "b", "c"])
    assert [fold.tested.tolist() for fold in folds] == [[0, 2], [1], [3]]
    assert [fold.examples.tolist() for fold in folds] == [[1], [0, 2], [0, 1, 2]]
    assert [(fold.shots, fold.draw) for fold in folds] == [(None, 0), (None, 1), (None, 2)]
    assert folds[1].available.tolist() == [1, 0]


def test_codes_with_fewer_examples_than_shots_are_listed() -> None:
    applied = np.zeros((20, 2), dtype=bool)
    applied[:, 0] = True
    applied[:4, 1] = True
    folds = few_shots(applied, ["d"] * 20, shots=(0, 2, 4), draws=2, split="random", seed=0)
    assert shortages(folds, ["often", "seldom"]) == [{"shots": 4, "code": "seldom", "least": 2, "most": 2}]
