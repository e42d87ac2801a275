"""Measures of the machine against people: equal to independent libraries, undefined with a reason where empty."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    brier_score_loss,
    cohen_kappa_score,
    precision_recall_fscore_support,
    roc_auc_score,
)

from models.code_measures import along_the_tree, each_code, over_codes, whole_sets
from models.codebook import Code, Codebook
from models.codings import Codings
from models.confusions import confusion_matrix, confusion_pairs
from models.evaluation import evaluate, measures
from models.judgements import Judged, Scores, Study
from models.learning_curve import Prediction, compare_settings, first_judged
from models.protocols import few_shots, leave_one_out, zero_shot
from models.ranking_measures import ranking
from models.resampling import Floats, Resampling
from models.score_measures import abstention, calibration, coverage_curve
from models.site_measures import each_site

BOOK = Codebook(
    id="b",
    name="Barriers",
    codes=[
        Code(id="access", name="Access"),
        Code(id="bus", name="The bus", parent="access"),
        Code(id="cost", name="Cost", parent="access"),
        Code(id="fear", name="Fear"),
        Code(id="old", name="Old", active=False),
    ],
)
CODES = tuple(code.id for code in BOOK.codes)
LEAVES = ("bus", "cost", "fear")


def study_of(*coders: list[set[str]], truth: int = 0, sites: int = 3, documents: int = 6) -> Study:
    count = len(coders[0])
    humans = Codings(
        coders=tuple("ABCD"[: len(coders)]),
        codes=CODES,
        applied=np.array([[[code in one for code in CODES] for one in row] for row in coders]).reshape(
            len(coders), count, len(CODES)
        ),
        seen=np.ones((len(coders), count), dtype=bool),
        documents=tuple(f"d{number % documents}" for number in range(count)),
    )
    return Study(
        codebook=BOOK,
        humans=humans,
        truth=humans.of([humans.coders[truth]]),
        references=tuple(f"BU {number}" for number in range(count)),
        sites=tuple(f"site {number % sites}" for number in range(count)),
    )


def judged_of(codes: list[set[str]], scores: list[list[float]], abstained: list[bool] | None = None) -> Judged:
    return Judged(
        study=study_of(codes),
        scores=np.array(scores, dtype=float).reshape(len(codes), len(LEAVES)),
        abstained=np.array(abstained or [False] * len(codes), dtype=bool),
        no_code=np.array(scores, dtype=float).reshape(len(codes), len(LEAVES)).min(axis=1),
    )


def never_abstaining(study: Study, scores: Floats) -> Judged:
    count = len(scores)
    return Judged(study=study, scores=scores, abstained=np.zeros(count, dtype=bool), no_code=np.zeros(count))


def resampling_of(judged: Judged) -> Resampling:
    return Resampling(documents=judged.study.truth.documents, resamples=4)


@st.composite
def judged_tables(draw: st.DrawFn) -> Judged:
    random = np.random.default_rng(draw(st.integers(0, 10_000)))
    count = draw(st.integers(1, 30))
    codes = [{code for code in (*LEAVES, "access") if random.random() < 0.35} for _ in range(count)]
    # Rounded, so that scores are often equal.
    return judged_of(codes, random.random((count, 3)).round(1).tolist(), (random.random(count) < 0.2).tolist())


@given(judged_tables())
def test_precision_recall_and_f1_are_those_of_scikit_learn(judged: Judged) -> None:
    human, machine = judged.study.applied, judged.machine_leaves
    resampling = resampling_of(judged)
    rows = each_code(human, machine, resampling)
    for column, row in enumerate(rows):
        expected = precision_recall_fscore_support(
            human[:, column], machine[:, column], average="binary", zero_division=0
        )
        for name, value in zip(("precision", "recall", "f1"), expected, strict=False):
            found = row["figures"][name]["value"]
            assert found == pytest.approx(value, abs=1e-9) if found is not None else value == 0
    used = np.flatnonzero(human.any(axis=0))
    found = over_codes(human, machine, resampling)
    for average in ("micro", "macro", "weighted"):
        labels = None if average == "micro" else used
        if not len(used) and average != "micro":
            assert found[average]["f1"].value is None
            continue
        expected = precision_recall_fscore_support(human, machine, labels=labels, average=average, zero_division=0)
        for name, value in zip(("precision", "recall", "f1"), expected, strict=False):
            figure = found[average][name].value
            assert figure == pytest.approx(value, abs=1e-9) if figure is not None else value == 0


@given(judged_tables())
def test_ranking_is_what_one_counts_by_hand(judged: Judged) -> None:
    hits: dict[str, list[float]] = {name: [] for name in ("hit@1", "hit@3", "recall@1", "mrr")}
    for scores, applied in zip(judged.scores, judged.study.applied, strict=True):
        if not applied.any():
            continue
        ranked = sorted(range(3), key=lambda column: (-scores[column], column))
        right = [bool(applied[column]) for column in ranked]
        hits["hit@1"].append(right[0])
        hits["hit@3"].append(any(right))
        hits["recall@1"].append(right[0] / sum(right))
        hits["mrr"].append(1 / (right.index(True) + 1))
    found = ranking(judged, resampling_of(judged))
    for name, values in hits.items():
        assert found[name].n == len(values)
        assert found[name].value == (pytest.approx(np.mean(values)) if values else None)


@given(judged_tables())
def test_auroc_and_brier_score_are_those_of_scikit_learn(judged: Judged) -> None:
    coded = judged.study.truth.applied[0].any(axis=1)
    found = abstention(judged, resampling_of(judged))["auroc"]["value"]
    if coded.all() or not coded.any():
        assert found is None
    else:
        assert found == pytest.approx(roc_auc_score(~coded, judged.no_code), abs=1e-9)
    expected = brier_score_loss(judged.first_is_right, judged.best)
    scores = calibration(judged, resampling_of(judged))
    assert scores["brier"]["value"] == pytest.approx(expected, abs=1e-9)
    share = judged.first_is_right.mean()
    assert scores["brier_of_base_rate"]["value"] == pytest.approx(share * (1 - share))


def test_the_interval_of_the_auroc_is_that_over_resamples() -> None:
    random = np.random.default_rng(3)
    codes = [{"bus"} if random.random() < 0.5 else set() for _ in range(120)]
    judged = judged_of(codes, random.random((120, 3)).round(2).tolist())
    resampling = Resampling(documents=judged.study.truth.documents, resamples=130)
    found = abstention(judged, resampling)["auroc"]
    coded = np.array([bool(one) for one in codes])
    areas = [
        roc_auc_score(~coded, judged.no_code, sample_weight=weights) for weights in resampling.segment_weights()[1:]
    ]
    assert [found["low"], found["high"]] == pytest.approx(np.percentile(areas, [2.5, 97.5]))


def test_the_machine_applies_its_first_suggestion_and_likely_further_ones_unless_it_abstains() -> None:
    judged = judged_of(
        [{"bus"}] * 4, [[0.3, 0.2, 0.1], [0.9, 0.6, 0.1], [0.2, 0.2, 0.1], [0.9, 0.8, 0.1]], [False, False, False, True]
    )
    applied = [[LEAVES[column] for column in np.flatnonzero(row)] for row in judged.machine_leaves]
    assert applied == [["bus"], ["bus", "cost"], ["bus"], []]
    assert judged.machine.codes == CODES
    assert judged.machine.applied[0, 1].tolist() == [False, True, True, False, False]


def test_hierarchical_figures_give_credit_for_the_right_theme() -> None:
    judged = judged_of([{"bus"}, {"fear"}], [[0.1, 0.4, 0.2], [0.1, 0.2, 0.4]])
    found = along_the_tree(*judged.rolled_up(CODES), resampling_of(judged))
    # People: access, bus; fear. Machine: access, cost; fear.
    assert found["precision"].value == pytest.approx(2 / 3)
    assert found["recall"].value == pytest.approx(2 / 3)


def test_whole_sets_that_are_empty_on_both_sides_are_equal() -> None:
    human = np.array([[True, True], [False, False], [True, False]])
    machine = np.array([[True, False], [False, False], [False, True]])
    found = whole_sets(human, machine, Resampling(documents=("a", "b", "c"), resamples=3))
    assert found["exact"].value == pytest.approx(1 / 3)
    assert found["jaccard"].value == pytest.approx(0.5)


def test_calibration_has_bins_of_equal_counts_from_low_to_high() -> None:
    random = np.random.default_rng(0)
    judged = judged_of([{"bus"}] * 95, random.random((95, 3)).tolist())
    bins = calibration(judged, resampling_of(judged))["bins"]
    assert [one["right"]["n"] for one in bins] == [11, 11, 11, 11, 11, 10, 10, 10, 10]
    assert [one["score"] for one in bins] == sorted(one["score"] for one in bins)


def test_coverage_falls_as_the_threshold_rises_and_equal_scores_go_together() -> None:
    judged = judged_of([{"bus"}, set(), {"bus"}, {"cost"}], [[0.9, 0, 0], [0.5, 0, 0], [0.5, 0, 0], [0.2, 0.1, 0]])
    assert coverage_curve(judged) == [
        {"threshold": 0.9, "coverage": 0.25, "precision": 1.0},
        {"threshold": 0.5, "coverage": 0.75, "precision": pytest.approx(2 / 3)},
        {"threshold": 0.2, "coverage": 1.0, "precision": 0.5},
    ]


def test_confusions_pair_what_was_missed_with_what_was_wrong() -> None:
    scores = [[0.1, 0.4, 0.2], [0.1, 0.4, 0.2], [0.9, 0.8, 0.1], [0.1, 0.1, 0.4], [0.3, 0.2, 0.1]]
    judged = judged_of([{"bus"}, {"bus"}, {"bus"}, {"fear"}, {"fear"}], scores, [False] * 4 + [True])
    pairs = confusion_pairs(judged)
    assert pairs == [
        {"human": "bus", "machine": "cost", "segments": 2, "references": ["BU 0", "BU 1"]},
        {"human": "fear", "machine": None, "segments": 1, "references": ["BU 4"]},
        {"human": None, "machine": "cost", "segments": 1, "references": ["BU 2"]},
    ]
    assert confusion_matrix(judged) == {
        "codes": [*LEAVES, None],
        "counts": [[1, 2, 0, 0], [0, 0, 0, 0], [0, 0, 1, 1], [0, 1, 0, 0]],
        "left_out": 0,
    }


def test_each_site_has_its_figures_and_the_gap_is_that_of_the_two_furthest_apart() -> None:
    judged = judged_of([{"bus"}] * 12, [[0.9, 0.1, 0.1] if number % 3 else [0.1, 0.9, 0.1] for number in range(12)])
    found = each_site(judged, seed=0, resamples=20)
    assert [one["site"] for one in found["sites"]] == ["site 0", "site 1", "site 2"]
    assert [one["figures"]["hit@1"]["value"] for one in found["sites"]] == [0, 1, 1]
    gap = found["gaps"]["hit@1"]
    assert (gap["best"], gap["worst"], gap["difference"]["value"]) == ("site 1", "site 0", 1)


def test_one_site_has_no_gap() -> None:
    judged = never_abstaining(study_of([{"bus"}] * 4, sites=1), np.ones((4, 3)))
    gap = each_site(judged, seed=0, resamples=5)["gaps"]["f1"]
    assert (gap["best"], gap["difference"]["value"]) == (None, None)
    assert gap["difference"]["reason"]


# The whole


def said(study: Study, tested: Any, seed: int = 0) -> Scores:
    """A machine that knows the truth, with noise."""
    noise = np.random.default_rng(seed).random((len(tested), 3))
    return Scores(scores=(study.applied[tested] + noise) / 2, abstained=noise[:, 0] > 0.9, no_code=noise[:, 1])


def many(count: int = 60) -> list[set[str]]:
    random = np.random.default_rng(5)
    return [{code for code in LEAVES if random.random() < 0.4} for _ in range(count)]


def predictions_of(study: Study, **options: Any) -> list[Prediction]:
    folds = few_shots(study.applied, study.truth.documents, draws=2, split="document", seed=0, **options)
    return [Prediction(fold=fold, said=said(study, fold.tested, number)) for number, fold in enumerate(folds)]


def test_an_evaluation_is_a_json_object_with_every_part() -> None:
    other = [one ^ {"fear"} if number % 9 == 0 else one for number, one in enumerate(many())]
    study = study_of(many(), other)
    found = evaluate(study, predictions_of(study, shots=(0, 2, 4)), resamples=10)
    json.dumps(found, allow_nan=False)
    assert [(point["shots"], point["draws"]) for point in found["curve"]] == [(0, 1), (2, 2), (4, 2)]
    assert found["main"]["shots"] == 4
    assert (found["gain"]["from_shots"], found["gain"]["to_shots"]) == (0, 4)
    assert {row["code"] for row in found["main"]["codes"]} == {"access", *LEAVES}
    assert [one["level"] for one in found["main"]["levels"]] == [1, 2]


def test_the_machine_stands_beside_each_coder_the_consensus_and_human_with_human() -> None:
    other = [one ^ {"fear"} if number % 9 == 0 else one for number, one in enumerate(many())]
    study = study_of(many(), other)
    judged = never_abstaining(study, said(study, np.arange(60)).scores)
    found = measures(judged, resamples=5)
    agreement = found["agreement"]
    assert [pair["coders"][1] for pair in agreement["machine"]] == ["A", "B", "consensus"]
    (between,) = agreement["humans"]
    columns = [CODES.index(code) for code in LEAVES]
    flat = [study.humans.applied[coder][:, columns].ravel() for coder in range(2)]
    assert between["pooled"]["kappa"]["value"] == pytest.approx(cohen_kappa_score(*flat), abs=1e-9)
    machine = judged.machine.applied[0][:, columns].ravel()
    assert agreement["machine"][0]["pooled"]["kappa"]["value"] == pytest.approx(
        cohen_kappa_score(machine, flat[0]), abs=1e-9
    )
    fear = next(row for row in found["codes"] if row["code"] == "fear")
    expected = cohen_kappa_score(study.applied[:, 2], study.humans.applied[1][:, CODES.index("fear")])
    assert fear["between_humans"]["kappa"]["value"] == pytest.approx(expected, abs=1e-9)


def test_people_are_compared_also_where_they_have_no_consensus() -> None:
    other = [one ^ {"fear"} if number % 3 == 0 else one for number, one in enumerate(many())]
    both = study_of(many(), other)
    study = Study(
        codebook=BOOK,
        humans=both.humans,
        truth=both.humans.consensus(),
        references=both.references,
        sites=both.sites,
    )
    found = measures(
        never_abstaining(study, study.applied.astype(float)),
        resamples=5,
    )
    (between,) = found["agreement"]["humans"]
    assert (between["segments"], found["segments"]) == (60, int(study.truth.seen.sum()))
    assert found["segments"] < 60
    assert between["pooled"]["kappa"]["value"] < 1
    assert found["ranking"]["hit@1"]["value"] == 1


def test_leaving_one_out_is_one_point_over_all_folds() -> None:
    study = study_of(many())
    folds = leave_one_out(study.applied, study.truth.seen[0], study.truth.documents)
    predictions = [Prediction(fold=fold, said=said(study, fold.tested)) for fold in folds]
    found = evaluate(study, predictions, resamples=5)
    (point,) = found["curve"]
    assert (point["shots"], point["draws"], point["segments"], found["gain"]) == (None, 1, 60, None)
    assert point["figures"]["hit@1"]["value"] == found["main"]["ranking"]["hit@1"]["value"]
    assert set(point["spread"].values()) == {None}


def test_a_segment_counts_once_with_the_first_draw_that_tested_it() -> None:
    study = study_of(many())
    predictions = predictions_of(study, shots=(2,))
    rows, judged = first_judged(study, predictions)
    assert rows.tolist() == sorted({row for one in predictions for row in one.fold.tested.tolist()})
    first = predictions[0]
    at = rows.tolist().index(first.fold.tested[0])
    assert (judged.scores[at] == first.said.scores[0]).all()


def test_two_settings_are_compared_on_the_same_resamples() -> None:
    study = study_of(many())
    everything = zero_shot(60, 3)
    judged = Prediction(fold=everything, said=said(study, everything.tested)).judged(study)
    same = compare_settings(judged, judged, Resampling(documents=study.truth.documents, resamples=10))
    assert {(figure.value, figure.low, figure.high) for figure in same.values()} == {(0.0, 0.0, 0.0)}
    better = Judged(study=study, scores=study.applied.astype(float), abstained=~judged.has_leaf, no_code=judged.no_code)
    gain = compare_settings(judged, better, Resampling(documents=study.truth.documents, resamples=10))
    assert gain["micro_f1"].value == pytest.approx(
        1
        - over_codes(study.applied, judged.machine_leaves, Resampling(documents=study.truth.documents))["micro"][
            "f1"
        ].value
    )


def test_segments_without_any_code_leave_figures_undefined_with_reasons() -> None:
    judged = judged_of([set(), set()], [[0.1, 0.2, 0.3], [0.3, 0.2, 0.1]], [True, True])
    found = measures(judged, resamples=5)
    json.dumps(found, allow_nan=False)
    assert found["ranking"]["hit@1"]["reason"]
    assert found["overall"]["micro"]["f1"]["reason"]
    assert found["codes"] == []
    assert found["abstention"]["abstained_uncoded"]["value"] == 1
