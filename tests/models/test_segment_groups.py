"""Groups of segments: beside a second way of grouping, and what is shown of each."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.encoder import Vectors, unit_rows
from models.segment_groups import (
    DEVIATIONS,
    LEAST_SIMILARITY,
    LEAST_SIZE,
    SURELY_SIMILAR,
    TELLING_WORDS,
    TYPICAL,
    WordUse,
    group_segments,
)


def around(directions: list[int], *, spread: float, seed: int = 0) -> Vectors:
    """A unit vector near each of these axes."""
    noise = np.random.default_rng(seed).normal(size=(len(directions), 16)) / 4
    return unit_rows(np.eye(16)[directions] + spread * noise)


def slow_groups(vectors: Vectors) -> set[frozenset[int]]:
    """Average linkage, written down as it is defined: merge the two most similar groups while they are similar."""
    similarity = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    every = [similarity[i, j] for i, j in combinations(range(len(vectors)), 2)]
    enough = np.clip(np.mean(every) + DEVIATIONS * np.std(every), LEAST_SIMILARITY, SURELY_SIMILAR)
    groups = [frozenset([at]) for at in range(len(vectors))]
    while len(groups) > 1:
        means = {(a, b): similarity[np.ix_(list(a), list(b))].mean() for a, b in combinations(groups, 2)}
        (one, other), best = max(means.items(), key=lambda pair: pair[1])
        if best < enough:
            break
        groups = [group for group in groups if group not in (one, other)] + [one | other]
    return {group for group in groups if len(group) >= LEAST_SIZE}


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    directions=st.lists(st.integers(0, 3), min_size=2, max_size=12),
    spread=st.floats(0.3, 1.2),
)
def test_groups_are_those_of_average_linkage(seed: int, directions: list[int], spread: float) -> None:
    vectors = around(directions, spread=spread, seed=seed)
    found = group_segments(vectors, [0] * len(vectors))
    assert {frozenset(group.members) for group in found} == slow_groups(vectors)
    sizes = [len(group.members) for group in found]
    assert sizes == sorted(sizes, reverse=True)
    assert group_segments(vectors, [0] * len(vectors)) == found


@settings(max_examples=30)
@given(order=st.permutations(range(9)))
def test_the_order_of_the_segments_makes_no_difference(order: list[int]) -> None:
    vectors = around([0, 0, 0, 1, 1, 1, 1, 2, 3], spread=0.5)
    moved = group_segments(vectors[order], [0] * 9)
    assert {frozenset(order[at] for at in group.members) for group in moved} == {
        frozenset([0, 1, 2]),
        frozenset([3, 4, 5, 6]),
    }


def test_two_similar_segments_are_no_group_and_few_segments_none() -> None:
    assert group_segments(around([0, 0, 1, 2], spread=0.1), "abcd") == []
    assert group_segments(np.zeros((0, 16), dtype=np.float32), []) == []
    assert group_segments(around([0, 0], spread=0.1), "ab") == []


def test_where_all_speak_of_one_thing_it_is_one_group() -> None:
    (group,) = group_segments(around([0] * 5, spread=0.3), "abcde")
    assert group.members == [0, 1, 2, 3, 4]


def test_typical_segments_are_near_the_centre_and_of_different_transcripts_first() -> None:
    vectors = around([0] * 6, spread=0.6, seed=3)
    (group,) = group_segments(vectors, ["a", "a", "a", "a", "b", "b"])
    centre = vectors.mean(axis=0)
    nearest = sorted(range(6), key=lambda at: -float(vectors[at] @ centre))
    best = {name: next(at for at in nearest if at in own) for name, own in (("a", range(4)), ("b", range(4, 6)))}
    assert set(group.typical[:2]) == set(best.values())
    assert group.typical[2] == next(at for at in nearest if at not in best.values())
    assert len(group.typical) == TYPICAL
    cosines = [float(vectors[at] @ centre) / float(np.linalg.norm(centre)) for at in group.members]
    assert group.similarity == pytest.approx(np.mean(cosines), abs=1e-5)


def test_telling_words_are_frequent_inside_and_rare_in_the_corpus() -> None:
    inside = ["The bus was late.", "No BUS came and the night was cold.", "We took a bus at night."]
    corpus = WordUse([*inside, "The doctor was late.", "The nurse was in the room.", "Was it the doctor?"])
    assert corpus.telling(inside) == ["bus", "night"]


@given(inside=st.lists(st.text(max_size=30), min_size=1, max_size=6), corpus=st.lists(st.text(max_size=30), max_size=6))
def test_telling_words_stand_in_two_of_the_texts_at_least(inside: list[str], corpus: list[str]) -> None:
    found = WordUse(corpus).telling(inside)
    assert len(found) <= TELLING_WORDS
    for word in found:
        assert sum(word in text.casefold() for text in inside) >= 2


def test_words_with_apostrophes_and_hyphens_stay_whole() -> None:
    texts = ["They can't co-work.", "You can\u2019t co-work."]
    assert WordUse([]).telling([texts[0], texts[0]]) == []
    assert WordUse(["another text"] * 9).telling([texts[0], texts[0]]) == ["can't", "co-work", "they"]
