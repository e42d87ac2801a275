"""The comparison of coders: rolled up along the tree, pooled, in pairs; who applied nothing is named."""

import json
from typing import Any

import numpy as np
import pytest

from models.codebook import Code, Codebook
from models.coder_comparison import compare_coders, pair_agreement
from models.codings import Codings

BOOK = Codebook(
    id="b",
    name="Barriers",
    codes=[
        Code(id="access", name="Access"),
        Code(id="bus", name="The bus", parent="access"),
        Code(id="cost", name="Cost", parent="access"),
        Code(id="fear", name="Fear"),
        Code(id="unused", name="Unused", parent="access"),
    ],
)
CODES = tuple(code.id for code in BOOK.codes)


def table(*coders: list[set[str] | None]) -> Codings:
    """A row of sets of codes for each coder; None where the coder did not look."""
    return Codings(
        coders=tuple("ABCD"[: len(coders)]),
        codes=CODES,
        applied=np.array([[[code in (one or ()) for code in CODES] for one in row] for row in coders]),
        seen=np.array([[one is not None for one in row] for row in coders]),
        documents=tuple(f"d{number % 6}" for number in range(len(coders[0]))),
    )


ONE: list[set[str] | None] = [{"bus"}, {"cost"}, {"fear"}, set(), {"bus"}, None]
OTHER: list[set[str] | None] = [{"bus"}, {"bus"}, {"fear"}, {"fear"}, {"access"}, {"cost"}]


def compared(*coders: list[set[str] | None], **options: Any) -> dict[str, Any]:
    found = compare_coders(table(*coders), BOOK, resamples=20, **options)
    json.dumps(found, allow_nan=False)
    return found


def test_a_code_counts_where_it_or_one_below_it_is_applied() -> None:
    rows = {row["code"]: row for row in compared(ONE, OTHER)["codes"]}
    assert rows["access"]["applied"] == {"A": 3, "B": 3}
    assert rows["access"]["figures"]["kappa"]["value"] == 1
    assert rows["bus"]["applied"] == {"A": 2, "B": 2}
    assert (rows["bus"]["path"], rows["bus"]["level"]) == (["Access", "The bus"], 2)


def test_segments_that_only_one_coder_looked_at_count_nowhere() -> None:
    found = compared(ONE, OTHER)
    assert (found["segments"], found["segments_seen"]) == (5, {"A": 5, "B": 6})
    assert {row["figures"]["raw_agreement"]["n"] for row in found["codes"]} == {5}


def test_levels_hold_their_codes_and_the_leaves_above_them() -> None:
    levels = compared(ONE, OTHER)["levels"]
    assert [(one["level"], one["codes"]) for one in levels] == [(1, 2), (2, 3)]
    assert levels[0]["pooled"]["raw_agreement"]["n"] == 10


def test_codes_that_nobody_applied_are_listed_and_count_in_nothing() -> None:
    found = compared(ONE, OTHER)
    assert found["unused_codes"] == ["unused"]
    assert found["all_codes"]["codes"] == 4


def test_one_level_may_be_asked_for() -> None:
    found = compared(ONE, OTHER, level=1)
    assert [row["code"] for row in found["codes"]] == ["access", "fear"]
    assert ([one["level"] for one in found["levels"]], found["unused_codes"]) == ([1], [])


def test_more_than_two_coders_are_also_compared_in_pairs() -> None:
    pairs = compared(ONE, OTHER, OTHER)["pairs"]
    assert [pair["coders"] for pair in pairs] == [["A", "B"], ["A", "C"], ["B", "C"]]
    assert pairs[2]["pooled"]["kappa"]["value"] == 1
    assert pairs[2]["segments"] == 6
    assert compared(ONE, OTHER)["pairs"] == []


def test_a_coder_who_applied_nothing_makes_all_that_takes_chance_into_account_undefined() -> None:
    found = compared(ONE, [set() for _ in ONE])
    reason = "B applied no code to any of the segments compared."
    assert found["warnings"][-1].startswith(reason)
    for figures in (found["all_codes"]["pooled"], found["all_codes"]["sets"], found["codes"][0]["figures"]):
        assert figures["raw_agreement"]["value"] is not None
        assert {figures[name]["reason"] for name in figures if name != "raw_agreement"} == {reason}


def test_coders_without_a_segment_in_common_have_no_figures() -> None:
    found = compared([{"bus"}, None], [None, {"bus"}])
    assert (found["segments"], found["codes"]) == (0, [])
    assert found["all_codes"]["sets"]["alpha"]["reason"] == "No segment was looked at by two coders."


def test_without_a_codebook_codes_go_by_their_ids_on_one_level() -> None:
    found = compare_coders(table(ONE, OTHER), None, resamples=20)
    rows = {row["code"]: row for row in found["codes"]}
    assert (rows["bus"]["name"], rows["bus"]["level"], len(found["levels"])) == ("bus", 1, 1)
    assert rows["access"]["applied"] == {"A": 0, "B": 1}
    assert found["all_codes"] == {"codes": 4, **{key: found["levels"][0][key] for key in ("pooled", "sets")}}


def test_a_pair_has_the_figures_of_the_whole_when_it_is_the_whole() -> None:
    pair = pair_agreement(table(ONE, OTHER), resamples=20)
    assert pair["pooled"] == compared(ONE, OTHER)["all_codes"]["pooled"]


# Consensus


@pytest.mark.parametrize(
    ("answers", "codes"),
    [
        ([{"bus"}, {"bus"}, {"cost"}], {"bus"}),
        ([{"bus"}, {"bus", "cost"}, {"bus", "cost"}], {"bus", "cost"}),
        ([{"bus"}, {"cost"}], None),
        ([{"bus"}, set(), set()], set()),
        ([{"bus"}, {"cost"}, set()], None),
        ([{"bus"}, set()], None),
        ([set(), set(), None], set()),
        ([{"bus"}, None, None], {"bus"}),
        ([None, None, None], None),
    ],
)
def test_consensus_is_what_more_than_half_of_those_who_looked_found(
    answers: list[set[str] | None], codes: set[str] | None
) -> None:
    agreed = table(*([one] for one in answers)).consensus()
    assert agreed.coders == ("consensus",)
    assert bool(agreed.seen[0, 0]) == (codes is not None)
    assert {code for code, applies in zip(CODES, agreed.applied[0, 0], strict=True) if applies} == (codes or set())
