"""What examples teach: prototypes, judging an example without itself, and evidence."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import example_bank
from models.calibration import Floats
from models.codebook import Code, Codebook
from models.encoder import Vectors, unit_rows
from models.errors import ExampleNotAccepted
from models.example_bank import DEFINITION_WEIGHT, EVIDENCE_EXAMPLES, Example, ExampleBank, has_words, merged_examples
from models.hashing_encoder import HashingEncoder
from models.reference import Reference, no_reference

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
WORDS = HashingEncoder().encode(["reaching the clinic", "money and fees", "hope and recovery"])
CORPUS = Reference(
    vectors=HashingEncoder().encode([f"so {at} we talk and money {at * at}" for at in range(150)]), hash="x"
)


def bank(examples: Sequence[Example], *, reference: Reference | None = None) -> ExampleBank:
    vectors = HashingEncoder().encode([example.text for example in examples])
    reference = reference or no_reference()
    return ExampleBank(examples, vectors=vectors, leaf_ids=LEAVES, words=WORDS, reference=reference)


def encoded(*texts: str) -> Vectors:
    return HashingEncoder().encode(texts)


@st.composite
def coded_segments(draw: st.DrawFn) -> list[Example]:
    texts = draw(st.lists(st.text("abc ", min_size=1, max_size=6).filter(has_words), unique=True, max_size=8))
    codes = st.lists(st.sampled_from([*LEAVES, "theme", "old"]), unique=True, max_size=3)
    return [Example(text=text, codes=tuple(draw(codes)), reference=f"BU {at}") for at, text in enumerate(texts)]


# ---------------------------------------------------------------- prototypes


@given(coded_segments())
def test_a_prototype_is_the_direction_of_a_codes_words_and_its_examples(examples: list[Example]) -> None:
    prototypes = bank(examples).prototypes
    for column, leaf in enumerate(LEAVES):
        total = DEFINITION_WEIGHT * WORDS[column].astype(float)
        for example in examples:
            if leaf in example.codes:
                total = total + HashingEncoder().encode([example.text])[0]
        assert prototypes[column] == pytest.approx(total / np.linalg.norm(total), abs=1e-6)


@given(coded_segments(), st.data())
def test_the_order_of_the_examples_leaves_no_trace_in_the_similarities(
    examples: list[Example], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(examples))
    texts = ["a b", *(example.text for example in examples)]
    one, other = (bank(some).similarities(texts, encoded(*texts)) for some in (examples, shuffled))
    assert one == pytest.approx(other, abs=1e-7)


def test_the_first_example_already_counts() -> None:
    text = "we cannot pay for the bus"
    before, after = (
        bank(examples).similarities([text], encoded(text))[0]
        for examples in ([], [Example(text="nobody can pay for the bus", codes=("cost",))])
    )
    assert after[1] > before[1] + 0.1
    assert after[[0, 2]].tolist() == before[[0, 2]].tolist()


# ---------------------------------------------------------------- an example judged without itself


def without(examples: Sequence[Example], text: str) -> list[Example]:
    return [example for example in examples if example.text != text]


def similarities_without(examples: Sequence[Example], text: str) -> Floats:
    similarities: Floats = bank(without(examples, text)).similarities([text], encoded(text))[0]
    return similarities


@given(coded_segments())
def test_an_example_is_judged_exactly_as_if_it_had_not_been_given(examples: list[Example]) -> None:
    texts = [example.text for example in examples]
    for text, row in zip(texts, bank(examples).similarities(texts, encoded(*texts)), strict=True):
        assert row == pytest.approx(similarities_without(examples, text), abs=1e-7)


def test_an_examples_own_coding_does_not_weaken_the_reference_for_itself() -> None:
    alone = [Example(text="the fee", codes=("cost",))]
    vector = encoded("the fee")
    similarity = bank(alone, reference=CORPUS).similarities(["the fee"], vector)[0, 1]
    centre = CORPUS.centres(bank(alone).prototypes)[1]
    assert abs(centre) > 0.01
    assert similarity == pytest.approx(float(WORDS[1] @ vector[0]) - centre, abs=1e-6)


def test_the_reference_gives_way_as_a_code_has_examples() -> None:
    examples = [Example(text=f"fee number {at}", codes=("cost",)) for at in range(8)]
    for count in (0, 1, 8):
        with_reference, plain = (
            bank(examples[:count], reference=reference).similarities(["new"], encoded("new"))[0]
            for reference in (CORPUS, no_reference())
        )
        centres = CORPUS.centres(bank(examples[:count]).prototypes)
        trust = np.array([1, 2 / (2 + count), 1])
        assert plain - with_reference == pytest.approx(trust * centres, abs=1e-6)


@given(coded_segments())
def test_what_a_calibration_is_fitted_to_is_judged_without_itself(examples: list[Example]) -> None:
    similarities, applied = bank(examples).judged_without_themselves()
    known = [one for one in examples if not one.codes or set(one.codes) & set(LEAVES)]
    assert applied.tolist() == [[leaf in one.codes for leaf in LEAVES] for one in known]
    assert similarities.shape == applied.shape
    for example, row in zip(known, similarities, strict=True):
        assert row == pytest.approx(similarities_without(examples, example.text), abs=1e-7)


@pytest.mark.parametrize(("count", "judged"), [(10, 10), (11, 6), (20, 10), (25, 9)])
def test_no_more_examples_are_judged_than_needed_and_they_are_spread_evenly(
    count: int, judged: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(example_bank, "CALIBRATION_EXAMPLES", 10)
    examples = [Example(text=f"text {at}", codes=(LEAVES[at * 3 // count],)) for at in range(count)]
    _, applied = bank(examples).judged_without_themselves()
    assert len(applied) == judged
    assert applied.any(axis=0).all()


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


def test_examples_of_one_text_become_one_with_all_their_codes() -> None:
    merged = merged_examples(
        [
            Example(text="one", codes=("cost",)),
            Example(text="two", codes=()),
            Example(text="one", codes=("hope", "cost"), reference="BU 3"),
            Example(text="one", codes=(), reference="BU 4"),
            Example(text="One", codes=("access",)),
        ],
        BOOK,
    )
    assert merged == [
        Example(text="one", codes=("cost", "hope"), reference="BU 3"),
        Example(text="two", codes=()),
        Example(text="One", codes=("access",)),
    ]


def test_examples_without_words_are_passed_over() -> None:
    assert merged_examples([Example(text=text, codes=("cost",)) for text in ("", " ", "...", "\U0001f600")], BOOK) == []


@pytest.mark.parametrize("text", ["fine", ""])
def test_an_example_of_an_unknown_code_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(ExampleNotAccepted) as caught:
        merged_examples([Example(text="a", codes=()), Example(text=text, codes=("cost", "Zwiebelturm"))], BOOK)
    assert caught.value.places == ("examples[1].codes",)
    assert "Zwiebelturm" not in str(caught.value)


def test_codes_above_the_leaves_and_retired_ones_are_accepted_and_teach_nothing() -> None:
    examples = merged_examples([Example(text="one", codes=("theme", "old"))], BOOK)
    assert np.array_equal(bank(examples).prototypes, bank([]).prototypes)
    assert np.allclose(bank([]).prototypes, unit_rows(WORDS), atol=1e-6)
    assert bank(examples).judged_without_themselves()[0].shape == (0, 3)


@pytest.mark.parametrize("text", ["a", "\u00e9", "e\u0301", "3", "\u4f60", "\u0e01", "\u0663", "...a", "\u202eabc"])
def test_a_letter_or_digit_of_any_script_is_something_to_judge(text: str) -> None:
    assert has_words(text)


@pytest.mark.parametrize(
    "text", ["", " \n\t", "...", "\u2014 \u2026!?", "\U0001f600\u200d\U0001f468", "\u0301", "\u200b"]
)
def test_a_text_without_any_is_not(text: str) -> None:
    assert not has_words(text)
