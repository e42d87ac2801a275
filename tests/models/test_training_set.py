"""What can be learnt from examples: merged by text, balanced over codes, free of what contradicts itself."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.codebook import Code, Codebook
from models.errors import ExampleNotAccepted
from models.example_bank import Example
from models.training_set import MOST_TEXTS, JudgedText, judged_texts, training_set

BOOK = Codebook(
    id="book",
    name="Book",
    glossary={"PSW": "peer support worker"},
    codes=[
        Code(id="access", name="Access"),
        Code(id="distance", name="Distance", description="How far away help is.", parent="access"),
        Code(id="cost", name="Cost", parent="access"),
        Code(id="stigma", name="Stigma", description="What others think."),
        Code(id="old", name="Old", active=False),
    ],
)
LEAVES = ("distance", "cost", "stigma")


def example(text: str, *codes: str) -> Example:
    return Example(text=text, codes=codes)


def judged(text: str, accepted: Sequence[str] = (), rejected: Sequence[str] = ()) -> JudgedText:
    return JudgedText(text=text, accepted=frozenset(accepted), rejected=frozenset(rejected))


def test_a_text_that_stands_several_times_has_all_that_is_said_of_it() -> None:
    found = judged_texts(BOOK, [example("The bus.", "distance"), example("The bus.", "cost")])
    assert found == [judged("The bus.", ["distance", "cost"])]


def test_thousands_of_identical_examples_are_one() -> None:
    assert len(judged_texts(BOOK, [example("The bus.", "distance")] * 5_000)) == 1


def test_retired_codes_teach_nothing() -> None:
    assert judged_texts(BOOK, [example("As it was.", "old")]) == []
    assert judged_texts(BOOK, [example("As it was.", "old", "cost")]) == [judged("As it was.", ["cost"])]


def test_texts_without_words_or_codes_teach_nothing() -> None:
    assert judged_texts(BOOK, [example("...", "cost"), example("A break.")]) == []


def test_a_code_that_the_codebook_lacks_is_named_by_its_place() -> None:
    with pytest.raises(ExampleNotAccepted) as caught:
        judged_texts(BOOK, [example("The bus.", "cost"), example("The train.", "unheard-of")])
    assert caught.value.places == ("examples[1].codes",)


@given(codes=st.lists(st.sampled_from(LEAVES), min_size=1, max_size=60), seed=st.integers(0, 5))
def test_every_beginning_is_balanced_over_the_codes(codes: list[str], seed: int) -> None:
    found = judged_texts(BOOK, [example(f"Text {number}.", code) for number, code in enumerate(codes)], seed)
    assert len(found) == len(codes)
    for count in range(1, len(found)):
        taken = [next(iter(one.accepted)) for one in found[:count]]
        for code in set(codes):
            others_most = max(taken.count(other) for other in LEAVES)
            assert taken.count(code) >= min(others_most - 1, codes.count(code))


def test_there_are_never_more_than_a_fit_can_read() -> None:
    many = [example(f"Text {number}.", LEAVES[number % 3]) for number in range(MOST_TEXTS + 100)]
    assert len(judged_texts(BOOK, many)) == MOST_TEXTS


def test_the_order_of_the_examples_makes_no_difference() -> None:
    examples = [example(f"Text {number}.", LEAVES[number % 3]) for number in range(30)]
    assert judged_texts(BOOK, examples, 3) == judged_texts(BOOK, examples[::-1], 3)
    assert judged_texts(BOOK, examples, 3) != judged_texts(BOOK, examples, 4)


def test_a_training_set_begins_with_the_codes_own_words() -> None:
    found = training_set(BOOK, [judged("A PSW came.", ["cost"])])
    assert found.texts == (
        "Access > Distance",
        "How far away help is.",
        "Access > Cost",
        "Cost",
        "Stigma",
        "What others think.",
        "A peer support worker came.",
    )
    assert found.own_words == 6
    assert found.accepted.argmax(axis=1).tolist() == [0, 0, 1, 1, 2, 2, 1]
    assert not found.rejected.any()


def test_a_code_above_the_leaves_is_made_of_those_below() -> None:
    found = training_set(BOOK, [judged("Far.", ["access"], ["stigma"])])
    assert found.below.tolist() == [
        [True, False, False],
        [False, True, False],
        [False, False, True],
        [True, True, False],
    ]
    assert found.accepted[-1].tolist() == [False, False, False, True]
    assert found.rejected[-1].tolist() == [False, False, True, False]


def test_texts_that_the_glossary_makes_equal_do_not_contradict_each_other() -> None:
    found = training_set(BOOK, [judged("A PSW.", ["cost"]), judged("A peer support worker.", [], ["cost"])])
    assert found.texts[-1] == "A peer support worker."
    assert not found.accepted[-1].any()
    assert not found.rejected[-1].any()


def test_the_beginning_of_a_training_set_is_one() -> None:
    whole = training_set(BOOK, [judged("Far.", ["distance"]), judged("Dear.", ["cost"])])
    part = whole.beginning(7)
    assert (part.texts, part.own_words, part.accepted.shape, part.rejected.shape) == (
        whole.texts[:7],
        6,
        (7, 4),
        (7, 4),
    )
    assert whole.beginning(2).own_words == 2
