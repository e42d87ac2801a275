"""Agreement: equal to independent libraries on random tables, undefined with a reason where it can tell nothing."""

import itertools
import warnings
from collections.abc import Iterator

import krippendorff
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from irrCAC.raw import CAC
from nltk.metrics import masi_distance
from sklearn.metrics import cohen_kappa_score

from models import code_set_agreement
from models.agreement import (
    ALWAYS,
    COEFFICIENTS,
    NEVER,
    NO_OVERLAP,
    ONE_UNIT,
    PAIR_UNDEFINED,
    code_agreement,
    empty_coders,
    pooled_agreement,
    without_chance,
)
from models.code_set_agreement import ONE_SET, SET_COEFFICIENTS, masi_distances, set_agreement
from models.codings import Codings
from models.resampling import Resampling

MISSING = -1
# Together some thousand tables in each run of the tests.
on_many_tables = settings(max_examples=max(500, settings.default.max_examples))
ANSWERS = {"yes": 1, "no": 0, "missing": MISSING}


def codings(answers: list[list[int]], *, documents: tuple[str, ...] | None = None) -> Codings:
    """One code; a row of answers for each coder: 1, 0 or missing."""
    table = np.array(answers)
    return Codings(
        coders=tuple(f"coder {number}" for number in range(len(table))),
        codes=("hope",),
        applied=(table == 1)[:, :, None],
        seen=table != MISSING,
        documents=documents or tuple(f"document {number % 7}" for number in range(table.shape[1])),
    )


def few_resamples(table: Codings) -> Resampling:
    return Resampling(documents=table.documents, resamples=3)


def figures(table: Codings) -> dict[str, float | None]:
    (found,) = code_agreement(table, few_resamples(table))
    return {name: figure.value for name, figure in found.items()}


@st.composite
def answer_tables(draw: st.DrawFn, *, coders: tuple[int, int] = (2, 4), missing: bool = True) -> list[list[int]]:
    count, segments = draw(st.integers(*coders)), draw(st.integers(2, 20))
    answer = st.sampled_from([0, 1, MISSING] if missing else [0, 1])
    return draw(st.lists(st.lists(answer, min_size=segments, max_size=segments), min_size=count, max_size=count))


def comparable(answers: list[list[int]]) -> pd.DataFrame:
    """The table as other libraries take it: a column for each coder, of segments that two looked at."""
    table = np.array(answers, dtype=float).T
    table[table == MISSING] = np.nan
    return pd.DataFrame(table[(~np.isnan(table)).sum(axis=1) >= 2])


def has_two_answers(table: pd.DataFrame) -> bool:
    return len(table) >= 2 and len(np.unique(table.to_numpy()[~np.isnan(table.to_numpy())])) == 2


# Independent libraries


@on_many_tables
@given(answer_tables(coders=(2, 2), missing=False))
def test_kappa_of_two_coders_is_that_of_scikit_learn(answers: list[list[int]]) -> None:
    kappa = figures(codings(answers))["kappa"]
    if len(set(itertools.chain(*answers))) == 1:
        assert kappa is None
    else:
        assert kappa == pytest.approx(cohen_kappa_score(*answers), abs=1e-9)


@on_many_tables
@given(answer_tables())
def test_kappa_of_more_coders_is_the_mean_over_pairs_on_what_both_looked_at(answers: list[list[int]]) -> None:
    kappas = []
    for one, other in itertools.combinations(np.array(answers), 2):
        both = (one != MISSING) & (other != MISSING)
        constant = len({*one[both], *other[both]}) < 2
        kappas.append(np.nan if constant else cohen_kappa_score(one[both], other[both]))
    kappa = figures(codings(answers))["kappa"]
    if np.isnan(kappas).any() or len(comparable(answers)) < 2:
        assert kappa is None
    else:
        assert kappa == pytest.approx(np.mean(kappas), abs=1e-9)


@on_many_tables
@given(answer_tables())
def test_alpha_is_that_of_krippendorff(answers: list[list[int]]) -> None:
    table = comparable(answers)
    alpha = figures(codings(answers))["alpha"]
    if not has_two_answers(table):
        assert alpha is None
        return
    expected = krippendorff.alpha(table.to_numpy().T, level_of_measurement="nominal")
    assert alpha == pytest.approx(expected, abs=1e-9)


@on_many_tables
@given(answer_tables())
def test_raw_agreement_ac1_and_brennan_prediger_are_those_of_irrcac(answers: list[list[int]]) -> None:
    table = comparable(answers)
    found = figures(codings(answers))
    if not has_two_answers(table):
        assert found["ac1"] is None
        assert found["brennan_prediger"] is None
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        oracle = CAC(table, digits=12)
        gwet, uniform = oracle.gwet()["est"], oracle.bp()["est"]
    assert found["raw_agreement"] == pytest.approx(gwet["pa"], abs=1e-9)
    assert found["ac1"] == pytest.approx(gwet["coefficient_value"], abs=1e-9)
    assert found["brennan_prediger"] == pytest.approx(uniform["coefficient_value"], abs=1e-9)


@st.composite
def set_tables(draw: st.DrawFn) -> tuple[list[list[frozenset[int] | None]], Codings]:
    count, segments = draw(st.integers(2, 4)), draw(st.integers(2, 12))
    answer = st.none() | st.frozensets(st.integers(0, 2))
    answers = draw(st.lists(st.lists(answer, min_size=segments, max_size=segments), min_size=count, max_size=count))
    applied = np.array([[[code in (one or ()) for code in range(3)] for one in row] for row in answers])
    seen = np.array([[one is not None for one in row] for row in answers])
    documents = tuple(f"document {number % 6}" for number in range(segments))
    return answers, Codings(
        coders=tuple("ABCD"[:count]), codes=("x", "y", "z"), applied=applied, seen=seen, documents=documents
    )


def numbered(answers: list[list[frozenset[int] | None]]) -> tuple[pd.DataFrame, list[frozenset[int]]]:
    """Each set as a number, of segments that two looked at."""
    rows = [row for row in zip(*answers, strict=True) if sum(one is not None for one in row) >= 2]
    sets = sorted({one for row in rows for one in row if one is not None}, key=sorted)
    numbers = [[np.nan if one is None else float(sets.index(one)) for one in row] for row in rows]
    return pd.DataFrame(np.array(numbers, dtype=float).reshape(len(rows), len(answers))), sets


@on_many_tables
@given(set_tables())
def test_agreement_on_sets_of_codes_is_that_of_independent_libraries(
    drawn: tuple[list[list[frozenset[int] | None]], Codings],
) -> None:
    answers, table = drawn
    numbers, sets = numbered(answers)
    found = {name: figure.value for name, figure in set_agreement(table, few_resamples(table)).items()}
    if len(numbers) < 2 or len(sets) < 2:
        assert all(found[name] is None for name in SET_COEFFICIENTS[1:])
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        oracle = CAC(numbers, digits=12)
        gwet, uniform = oracle.gwet()["est"], oracle.bp()["est"]
    ratings = numbers.to_numpy().T
    members = np.array([[code in one for code in range(3)] for one in sets])
    distances = masi_distances(members, members)

    def masi(first: np.ndarray, second: np.ndarray, **_others: object) -> np.ndarray:
        return distances[first.astype(int), second.astype(int)]

    assert found["raw_agreement"] == pytest.approx(gwet["pa"], abs=1e-9)
    assert found["ac1"] == pytest.approx(gwet["coefficient_value"], abs=1e-9)
    assert found["brennan_prediger"] == pytest.approx(uniform["coefficient_value"], abs=1e-9)
    assert found["alpha"] == pytest.approx(krippendorff.alpha(ratings, level_of_measurement="nominal"), abs=1e-9)
    assert found["alpha_masi"] == pytest.approx(krippendorff.alpha(ratings, level_of_measurement=masi), abs=1e-9)
    kappas = [pair_kappa(one, other) for one, other in itertools.combinations(ratings, 2)]
    if np.isnan(kappas).any():
        assert found["kappa"] is None
    else:
        assert found["kappa"] == pytest.approx(np.mean(kappas), abs=1e-9)


def pair_kappa(one: np.ndarray, other: np.ndarray) -> float:
    both = ~np.isnan(one) & ~np.isnan(other)
    if len({*one[both], *other[both]}) < 2:
        return float("nan")
    return float(cohen_kappa_score(one[both], other[both]))


@given(st.frozensets(st.integers(0, 4), min_size=1), st.frozensets(st.integers(0, 4), min_size=1))
def test_masi_distance_is_that_of_nltk_but_for_its_rounded_thirds(one: frozenset[int], other: frozenset[int]) -> None:
    sets = np.array([[code in codes for code in range(5)] for codes in (one, other)])
    assert masi_distances(sets[:1], sets[1:])[0, 0] == pytest.approx(masi_distance(one, other), abs=0.004)


# Degenerate tables


DEGENERATE: dict[str, tuple[list[list[int]], str]] = {
    "no overlap": ([[1, MISSING], [MISSING, 0]], NO_OVERLAP),
    "a coder who looked at nothing": ([[1, 0, 1], [MISSING, MISSING, MISSING]], NO_OVERLAP),
    "one unit": ([[1, MISSING], [1, 0]], ONE_UNIT),
    "never applied": ([[0, 0, 0], [0, 0, 0]], NEVER),
    "always applied": ([[1, 1, 1], [1, 1, 1]], ALWAYS),
}


@pytest.mark.parametrize("case", DEGENERATE)
def test_a_table_that_can_tell_nothing_gives_undefined_with_the_reason(case: str) -> None:
    answers, reason = DEGENERATE[case]
    table = codings(answers)
    (found,) = code_agreement(table, few_resamples(table))
    for name in COEFFICIENTS[1:]:
        assert (found[name].value, found[name].low, found[name].reason) == (None, None, reason)


def test_a_pair_that_says_nothing_leaves_kappa_undefined_and_the_others_defined() -> None:
    found = figures(codings([[1, 0, 0], [0, 0, 0], [0, 0, 0]]))
    assert found["kappa"] is None
    assert found["alpha"] is not None
    (with_reason,) = code_agreement(codings([[1, 0, 0], [0, 0, 0], [0, 0, 0]]), Resampling(documents=("d",) * 3))
    assert with_reason["kappa"].reason == PAIR_UNDEFINED


def test_full_agreement_is_one() -> None:
    table = codings([[1, 0, 1, 0], [1, 0, 1, 0]])
    assert set(figures(table).values()) == {1.0}
    assert {figure.value for figure in set_agreement(table, few_resamples(table)).values()} == {1.0}


def test_equal_sets_throughout_are_undefined_with_the_reason() -> None:
    table = codings([[1, 1, 1], [1, 1, 1]])
    found = set_agreement(table, few_resamples(table))
    assert found["raw_agreement"].value == 1
    assert {found[name].reason for name in SET_COEFFICIENTS[1:]} == {ONE_SET}


def test_a_coder_who_applied_nothing_is_named_and_chance_is_left_out() -> None:
    table = codings([[1, 0, 1], [0, 0, 0]])
    assert empty_coders(table) == ["coder 1"]
    (found,) = code_agreement(table, few_resamples(table))
    emptied = without_chance(found, "why")
    assert emptied["raw_agreement"] == found["raw_agreement"]
    assert {emptied[name].reason for name in COEFFICIENTS[1:]} == {"why"}


def test_nothing_pooled_is_undefined() -> None:
    table = codings([[1, 0], [1, 1]]).only([])
    assert all(figure.value is None for figure in pooled_agreement(table, few_resamples(table)).values())


# Pooling and what a segment is


def test_pooled_figures_take_each_pair_of_segment_and_code_as_a_unit() -> None:
    random = np.random.default_rng(0)
    applied = random.random((2, 40, 5)) < 0.3
    table = Codings(
        coders=("A", "B"),
        codes=tuple("vwxyz"),
        applied=applied,
        seen=np.ones((2, 40), dtype=bool),
        documents=tuple(str(number % 8) for number in range(40)),
    )
    pooled = pooled_agreement(table, few_resamples(table))
    one, other = applied.reshape(2, -1)
    assert pooled["kappa"].value == pytest.approx(cohen_kappa_score(one, other), abs=1e-9)
    expected = krippendorff.alpha(np.array([one, other], dtype=float), level_of_measurement="nominal")
    assert pooled["alpha"].value == pytest.approx(expected, abs=1e-9)
    assert pooled["kappa"].n == 200


# Intervals


def resampled_by_hand(table: Codings, resampling: Resampling) -> Iterator[Codings]:
    for weights in resampling.segment_weights()[1:]:
        rows = np.repeat(np.arange(len(weights)), weights.astype(int))
        yield table.on(rows)


@pytest.mark.parametrize("transcripts", [3, 8])
def test_intervals_are_the_percentiles_over_resampled_transcripts_or_segments(transcripts: int) -> None:
    random = np.random.default_rng(1)
    one = random.random(120) < 0.4
    answers = [one.astype(int).tolist(), (one ^ (random.random(120) < 0.2)).astype(int).tolist()]
    table = codings(answers, documents=tuple(f"d{number % transcripts}" for number in range(120)))
    resampling = Resampling(documents=table.documents, resamples=60)
    (found,) = code_agreement(table, resampling)
    sets = set_agreement(table, resampling)
    by_hand = [figures(drawn) for drawn in resampled_by_hand(table, resampling)]
    for name in COEFFICIENTS:
        low, high = np.percentile([values[name] for values in by_hand], [2.5, 97.5])
        for figure in (found[name], sets[name]):
            assert (figure.low, figure.high) == (pytest.approx(low, abs=1e-9), pytest.approx(high, abs=1e-9))


def test_alpha_over_more_sets_than_are_held_at_once_is_that_of_krippendorff(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(code_set_agreement, "BLOCK", 16)
    random = np.random.default_rng(2)
    applied = random.random((2, 90, 6)) < 0.3
    table = Codings(
        coders=("A", "B"),
        codes=tuple("abcdef"),
        applied=applied,
        seen=np.ones((2, 90), dtype=bool),
        documents=tuple(str(number % 9) for number in range(90)),
    )
    sets, numbers = np.unique(applied.reshape(-1, 6), axis=0, return_inverse=True)
    assert len(sets) > 16
    distances = masi_distances(sets, sets)

    def masi(first: np.ndarray, second: np.ndarray, **_others: object) -> np.ndarray:
        return distances[first.astype(int), second.astype(int)]

    expected = krippendorff.alpha(numbers.reshape(2, 90).astype(float), level_of_measurement=masi)
    resampling = few_resamples(table)
    found = set_agreement(table, resampling)["alpha_masi"]
    assert found.value == pytest.approx(expected, abs=1e-9)
    by_hand = [
        set_agreement(drawn, few_resamples(drawn))["alpha_masi"].value for drawn in resampled_by_hand(table, resampling)
    ]
    low, high = np.percentile(by_hand, [2.5, 97.5])
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-5), pytest.approx(high, abs=1e-5))
