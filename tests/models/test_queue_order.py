"""Orders of open segments: what each of them promises, whatever the segments are."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.encoder import Vectors, unit_rows
from models.queue_order import NEAR, by_chance, by_site, doubt, most_doubtful, near_duplicates_last

counts = st.integers(0, 12)
identities = st.lists(st.integers(1, 2**63 - 1), max_size=12, unique=True)
sites = st.lists(st.sampled_from(["BU", "DS", "AD", None]), max_size=12)
doubts = st.lists(st.floats(0, 1), max_size=12)


def random_rows(count: int, seed: int = 0) -> Vectors:
    return unit_rows(np.random.default_rng(seed).normal(size=(count, 5)))


@given(identities, st.integers(0, 5), counts)
def test_a_random_order_takes_each_segment_at_most_once(ids: list[int], seed: int, count: int) -> None:
    taken = by_chance(ids, seed=seed, count=count)
    assert len(taken) == len(set(taken)) == min(count, len(ids))
    assert set(taken) <= set(range(len(ids)))


@given(identities, st.integers(0, 5), st.data())
def test_in_a_random_order_the_others_keep_their_places_when_some_are_decided(
    ids: list[int], seed: int, data: st.DataObject
) -> None:
    still = data.draw(st.permutations([one for one in ids if data.draw(st.booleans())]))
    before = [ids[index] for index in by_chance(ids, seed=seed, count=len(ids))]
    after = [still[index] for index in by_chance(still, seed=seed, count=len(still))]
    assert after == [one for one in before if one in still]


def test_random_orders_prefer_no_segment() -> None:
    ids = list(range(1, 11))
    firsts = Counter(by_chance(ids, seed=seed, count=1)[0] for seed in range(2_000))
    expected = 200
    # Ten times 200 in expectation; chi-square with 9 degrees of freedom is below 27.9 with a probability of 0.999.
    assert sum((firsts[index] - expected) ** 2 / expected for index in range(10)) < 27.9


@given(sites, st.dictionaries(st.sampled_from(["BU", "DS", None]), st.integers(0, 5)), counts)
def test_each_turn_is_of_the_site_of_which_the_fewest_segments_have_been_looked_at(
    given_sites: list[str | None], looked_at: dict[str | None, int], count: int
) -> None:
    taken = by_site(given_sites, looked_at, count=count)
    done, left = Counter(looked_at), list(range(len(given_sites)))
    for index in taken:
        fewest = min(done[given_sites[one]] for one in left)
        unfinished = {given_sites[one] for one in left}
        site = next(one for one in dict.fromkeys(given_sites) if one in unfinished and done[one] == fewest)
        assert index == next(one for one in left if given_sites[one] == site)
        done[site] += 1
        left.remove(index)
    assert len(taken) == min(count, len(given_sites))


@given(doubts, counts)
def test_the_most_doubtful_come_first_and_equal_ones_in_reading_order(given_doubts: list[float], count: int) -> None:
    taken = most_doubtful(np.array(given_doubts), count=count).tolist()
    assert taken == sorted(range(len(given_doubts)), key=lambda index: (-given_doubts[index], index))[:count]


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=12))
def test_doubt_is_greatest_where_two_suggestions_are_equal_and_least_where_one_is_certain(
    percent: list[tuple[int, int]],
) -> None:
    scores = np.array([sorted(pair, reverse=True) for pair in percent]).reshape(-1, 2) / 100
    doubts = doubt(scores)
    assert ((doubts >= 0) & (doubts <= 1)).all()
    assert all((one == 1) == (first == second) for one, (first, second) in zip(doubts, scores, strict=True))
    assert doubt(np.array([[1.0, 0.0]]))[0] == 0


@given(st.lists(st.integers(0, 5), max_size=12), st.sets(st.integers(0, 5)), counts)
def test_of_those_that_say_the_same_the_first_comes_in_its_place_and_the_others_last(
    said: list[int], known: set[int], count: int
) -> None:
    sayings = np.eye(6, dtype=np.float32)
    taken = near_duplicates_last(sayings[said], sayings[sorted(known)], count=count)
    is_new = [one not in known and one not in said[:index] for index, one in enumerate(said)]
    # Stable: new ones first, each kind in the order given.
    assert taken == sorted(range(len(said)), key=lambda index: not is_new[index])[:count]


@given(st.integers(0, 12), st.integers(0, 4), counts, st.integers(0, 100))
def test_near_duplicates_wait_until_nothing_else_is_left(there: int, before: int, count: int, seed: int) -> None:
    vectors, looked_at = random_rows(there, seed), random_rows(before, seed + 1)
    taken = near_duplicates_last(vectors, looked_at, count=count)
    assert len(taken) == len(set(taken)) == min(count, there)
    likeness = [
        max((float(one @ known) for known in (*looked_at, *vectors[taken[:turn]])), default=-1.0)
        for turn, one in enumerate(vectors[taken])
    ]
    is_near = [one >= NEAR for one in likeness]
    assert is_near == sorted(is_near)
