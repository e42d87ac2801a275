"""Examples: one for each text, contradictions, and which of them are evidence."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.codebook import Code, Codebook
from models.encoder import Vectors
from models.errors import ExampleNotAccepted
from models.example_bank import EVIDENCE_EXAMPLES, Example, ExampleBank, has_words, merged_examples
from models.hashing_encoder import HashingEncoder

LEAVES = ("access", "cost", "hope")
BOOK = Codebook(
    id="b",
    name="B",
    codes=[
        Code(id="theme", name="Theme"),
        *(Code(id=leaf, name=leaf, parent="theme") for leaf in LEAVES),
        Code(id="old", name="Old", parent="theme", active=False),
    ],
)


def bank(examples: Sequence[Example]) -> ExampleBank:
    vectors = HashingEncoder().encode([example.text for example in examples])
    applied = np.array([[leaf in example.codes for leaf in LEAVES] for example in examples], dtype=bool)
    return ExampleBank(examples, vectors=vectors, applied=applied.reshape(len(examples), len(LEAVES)))


def encoded(*texts: str) -> Vectors:
    return HashingEncoder().encode(texts)


@st.composite
def coded_segments(draw: st.DrawFn) -> list[Example]:
    texts = draw(st.lists(st.text("abc ", min_size=1, max_size=6).filter(has_words), unique=True, max_size=8))
    codes = st.lists(st.sampled_from([*LEAVES, "theme", "old"]), unique=True, max_size=3)
    return [Example(text=text, codes=tuple(draw(codes)), reference=f"BU {at}") for at, text in enumerate(texts)]


# ---------------------------------------------------------------- evidence


@given(coded_segments(), st.text("abc ", max_size=6))
def test_evidence_is_the_nearest_examples_of_the_code_without_the_segment_itself(
    examples: list[Example], text: str
) -> None:
    (vector,) = encoded(text)
    for column, leaf in enumerate(LEAVES):
        found = list(bank(examples).nearest(column, text, vector))
        others = [example for example in examples if leaf in example.codes and example.text != text]
        expected = sorted((float(encoded(one.text)[0] @ vector) for one in others), reverse=True)
        assert [one.similarity for one in found] == pytest.approx(expected[:EVIDENCE_EXAMPLES], abs=1e-6)
        assert len({one.text for one in found}) == len(found)
        by_text = {one.text: one for one in others}
        for one in found:
            assert one.kind == "example"
            assert one.reference == by_text[one.text].reference
            assert -1 <= one.similarity <= 1


def test_examples_of_equal_similarity_stand_in_the_order_in_which_they_were_given() -> None:
    examples = [Example(text=text, codes=("hope",)) for text in ("Hope?", "hope", "HOPE!", "hope...")]
    found = bank(examples).nearest(2, "Hope.", encoded("Hope.")[0])
    assert [one.text for one in found] == ["Hope?", "hope", "HOPE!"]


# ---------------------------------------------------------------- merging


def test_examples_of_one_text_become_one_with_all_their_codes_and_rejections() -> None:
    merged = merged_examples(
        [
            Example(text="one", codes=("cost",)),
            Example(text="two", codes=()),
            Example(text="one", codes=("hope", "cost"), reference="BU 4"),
            Example(text="one", codes=(), reference="BU 3", rejected=("access",)),
            Example(text="One", codes=("access",)),
        ],
        BOOK,
    )
    assert merged == [
        Example(text="One", codes=("access",)),
        Example(text="one", codes=("cost", "hope"), reference="BU 3", rejected=("access",)),
        Example(text="two", codes=()),
    ]


@given(coded_segments(), st.data())
def test_the_order_of_the_examples_leaves_no_trace(examples: list[Example], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(examples), max_size=3)) if examples else []
    assert merged_examples(data.draw(st.permutations([*examples, *again])), BOOK) == merged_examples(examples, BOOK)


def test_what_was_applied_and_rejected_on_one_text_counts_as_neither() -> None:
    disputed = [Example(text="one", codes=("cost", "hope")), Example(text="one", codes=(), rejected=("cost",))]
    assert merged_examples(disputed, BOOK) == [Example(text="one", codes=("hope",))]


def test_a_text_of_which_nothing_but_a_contradiction_is_known_is_left_out() -> None:
    disputed = [Example(text="one", codes=("cost",)), Example(text="one", codes=(), rejected=("cost",))]
    assert merged_examples([*disputed, Example(text="two", codes=())], BOOK) == [Example(text="two", codes=())]


def test_examples_without_words_are_passed_over() -> None:
    assert merged_examples([Example(text=text, codes=("cost",)) for text in ("", " ", "...", "\U0001f600")], BOOK) == []


@pytest.mark.parametrize("text", ["fine", ""])
def test_an_example_of_an_unknown_code_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(ExampleNotAccepted) as caught:
        merged_examples([Example(text="a", codes=()), Example(text=text, codes=("cost", "Zwiebelturm"))], BOOK)
    assert caught.value.places == ("examples[1].codes",)
    assert "Zwiebelturm" not in str(caught.value)


def test_a_rejection_of_an_unknown_code_is_refused_with_its_place() -> None:
    with pytest.raises(ExampleNotAccepted) as caught:
        merged_examples([Example(text="a", codes=(), rejected=("Zwiebelturm",))], BOOK)
    assert caught.value.places == ("examples[0].rejected",)


@pytest.mark.parametrize("text", ["a", "\u00e9", "e\u0301", "3", "\u4f60", "\u0e01", "\u0663", "...a", "\u202eabc"])
def test_a_letter_or_digit_of_any_script_is_something_to_judge(text: str) -> None:
    assert has_words(text)


@pytest.mark.parametrize(
    "text", ["", " \n\t", "...", "\u2014 \u2026!?", "\U0001f600\u200d\U0001f468", "\u0301", "\u200b"]
)
def test_a_text_without_any_is_not(text: str) -> None:
    assert not has_words(text)
