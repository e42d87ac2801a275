"""What was said around a segment: how it is mixed in, and that it changes nothing where there is none."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.adaptation import compare_fits
from models.codebook import Code, Codebook
from models.context import NO_CONTEXT, Context, follows, in_context, neighbouring_texts
from models.encoder import EncoderIdentity, Vectors, encode_checked, unit_rows
from models.example_bank import merged_vectors
from models.hashing_encoder import HashingEncoder
from models.reference import Background, no_reference, shipped_background
from models.suggester import (
    Example,
    SegmentSuggestions,
    Suggester,
    encode_segments,
    put_examples_in_context,
    put_in_context,
)

BOOK = Codebook(
    id="b",
    name="Barriers",
    codes=[Code(id="bus", name="The bus is late"), Code(id="fear", name="I fear what others say")],
)
ANSWERS = ["Yes, always.", "Yes, always, that is so.", "I would say so.", "No."]
TURNS = ["The bus is late.", "What do others say?", "Well.", "I fear that."]
contexts = st.builds(Context, *[st.sampled_from([None, *TURNS])] * 2)


def units(count: int, dimension: int = 8, seed: int = 0) -> Vectors:
    return unit_rows(np.random.default_rng(seed).normal(size=(count, dimension)))


@cache
def background() -> Background:
    return shipped_background(HashingEncoder())


def suggester(examples: Sequence[Example] = (), vectors: Vectors | None = None) -> Suggester:
    return Suggester(
        BOOK,
        HashingEncoder(),
        background=background(),
        reference=no_reference(),
        examples=examples,
        vectors=vectors,
    )


def suggested(one: Suggester, texts: Sequence[str], around: Sequence[Context] | None) -> list[SegmentSuggestions]:
    return one.suggest(texts, around, top_k=0, min_score=0)


def score(result: SegmentSuggestions, code: str) -> float:
    return next(one.score for one in result.suggestions if one.code == code)


# ---------------------------------------------------------------- mixing


@given(st.lists(st.tuples(*[st.sampled_from([None, 0, 1, 2])] * 2), max_size=6))
def test_neighbours_are_added_by_three_tenths_each_and_the_sum_is_a_unit_vector_again(
    neighbours: list[tuple[int | None, int | None]],
) -> None:
    own, known = units(len(neighbours)), dict(enumerate(units(2, seed=1)))
    mixed = in_context(own, neighbours, known)
    for row, names in enumerate(neighbours):
        vectors = [known[name] for name in names if name in known]
        total = [float(x) + 0.3 * sum(float(vector[at]) for vector in vectors) for at, x in enumerate(own[row])]
        length = math.sqrt(sum(x * x for x in total))
        assert mixed[row] == pytest.approx([x / length for x in total], abs=1e-6)
        assert (mixed[row].tobytes() == own[row].tobytes()) or vectors


def test_what_else_is_mixed_and_in_which_order_leaves_no_trace_in_the_bits() -> None:
    own, known = units(50, 384), dict(enumerate(units(50, 384, seed=1)))
    neighbours = [(row - 1 if row % 3 else None, row + 1) for row in range(50)]
    together = in_context(own, neighbours, known)
    alone = [in_context(own[[row]], [neighbours[row]], known)[0] for row in range(50)]
    backwards = in_context(own[::-1].copy(), neighbours[::-1], known)[::-1]
    assert together.tobytes() == np.stack(alone).tobytes() == backwards.tobytes()


@pytest.mark.parametrize(
    ("earlier", "later", "is_next"),
    [(3, 3, True), (3, 4, True), (3, 5, False), (4, 3, False), (None, 4, False), (3, None, False), (None, None, False)],
)
def test_nothing_lies_between_paragraphs_of_one_number_or_of_the_next(
    earlier: int | None, later: int | None, is_next: bool
) -> None:
    assert follows(earlier, later) is is_next


def test_what_holds_no_words_is_no_context() -> None:
    around = [Context("...", "\U0001f600"), Context("", " "), NO_CONTEXT, Context("a", "...")]
    assert neighbouring_texts(around) == {"a"}
    texts = ANSWERS[:3]
    own = encode_segments(BOOK, HashingEncoder(), texts)
    assert put_in_context(BOOK, HashingEncoder(), texts, own, around[:3]).tobytes() == own.tobytes()


# ---------------------------------------------------------------- suggestions


def test_suggestions_are_the_same_without_context_as_with_one_that_says_nothing() -> None:
    examples = [Example(text=text, codes=("bus",)) for text in ANSWERS[:2]]
    silent = [Context("..."), Context(None, " ")]
    beside = [replace(one, context=context) for one, context in zip(examples, silent, strict=True)]
    without = suggested(suggester(examples), ANSWERS, None)
    assert suggested(suggester(beside), ANSWERS, [*silent, NO_CONTEXT, Context("", "\U0001f600")]) == without


def test_what_was_asked_counts_beside_a_short_answer() -> None:
    question = Context("Is the bus late?")
    alone, asked = (suggested(suggester(), ["Yes, always."], around)[0] for around in (None, [question]))
    assert score(asked, "bus") > score(alone, "bus")
    assert score(asked, "fear") < score(alone, "fear")


def test_an_example_teaches_what_is_said_around_it() -> None:
    asked = Example(text="Yes, always.", codes=("fear",), context=Context("Is the train late?"))
    alone = Example(text="Yes, always.", codes=("fear",))
    taught, untaught = (
        suggested(suggester([one]), ["Sometimes."], [Context("Is the train late?")])[0] for one in (asked, alone)
    )
    assert score(taught, "fear") > score(untaught, "fear")


@settings(max_examples=6)
@given(st.lists(st.tuples(st.sampled_from(ANSWERS), st.sampled_from(["bus", "fear"]), contexts), max_size=6), st.data())
def test_the_order_of_examples_of_one_text_in_several_contexts_does_not_matter(
    said: list[tuple[str, str, Context]], data: st.DataObject
) -> None:
    examples = [Example(text=text, codes=(code,), context=around) for text, code, around in said]
    shuffled = data.draw(st.permutations(examples))
    around = [Context("The bus is late."), NO_CONTEXT, Context(None, "Well."), Context("I fear that.", "Well.")]
    results = [suggested(suggester(some), ANSWERS, around) for some in (examples, shuffled)]
    assert results[0] == results[1]


def test_a_text_in_several_contexts_stands_in_the_middle_of_them() -> None:
    vectors = units(3)
    merged = merged_vectors(["a", "b", "a"], vectors)
    assert merged["b"].tobytes() == vectors[1].tobytes()
    middle = (vectors[0].astype(float) + vectors[2]) / np.linalg.norm(vectors[0].astype(float) + vectors[2])
    assert merged["a"] == pytest.approx(middle, abs=1e-6)
    assert merged_vectors(["a", "a"], vectors[[0, 0]])["a"].tobytes() == vectors[0].tobytes()


def test_examples_whose_vectors_are_known_teach_the_same() -> None:
    examples = [
        Example(text=text, codes=("fear",), context=Context(turn)) for text, turn in zip(ANSWERS, TURNS, strict=True)
    ]
    examples += [Example(text=ANSWERS[0], codes=("bus",), context=Context(None, TURNS[3]))]
    encoder, texts = HashingEncoder(), [one.text for one in examples]
    own = encode_segments(BOOK, encoder, texts)
    vectors = put_in_context(BOOK, encoder, texts, own, [one.context for one in examples])
    bare = [Example(text=one.text, codes=one.codes) for one in examples]
    around = [Context(turn) for turn in TURNS]
    assert suggested(suggester(bare, vectors), TURNS, around) == suggested(suggester(examples), TURNS, around)


def test_a_segment_is_not_its_own_example_whatever_was_said_around_it() -> None:
    others = [
        Example(text=text, codes=("fear",), context=Context(turn))
        for text, turn in zip(ANSWERS[1:], TURNS[:3], strict=True)
    ]
    own = Example(text=ANSWERS[0], codes=("fear",), context=Context(TURNS[0]))
    results = [suggested(suggester([own, *others]), [own.text], [Context(turn)])[0] for turn in TURNS[:2]]
    for result in results:
        cited = {evidence.text for one in result.suggestions for evidence in one.evidence}
        assert own.text not in cited
    assert score(results[0], "fear") == score(results[1], "fear")


def test_examples_are_put_into_all_their_contexts() -> None:
    encoder, examples = HashingEncoder(), [Example(text="a", codes=(), context=Context(turn)) for turn in TURNS[:2]]
    own = encode_segments(BOOK, encoder, ["b", "a"])
    placed = put_examples_in_context(BOOK, encoder, ["b", "a"], own, [*examples, Example(text="b", codes=())])
    each = put_in_context(BOOK, encoder, ["a", "a"], own[[1, 1]], [one.context for one in examples])
    assert placed[0].tobytes() == own[0].tobytes()
    assert placed[1].tobytes() == merged_vectors(["a", "a"], each)["a"].tobytes()


# ---------------------------------------------------------------- a fitted encoder


class Naming:
    """Knows the codes' names where they are said, and nothing else."""

    identity = EncoderIdentity(name="naming", hash="naming", dimension=8)

    def encode(self, texts: Sequence[str]) -> Vectors:
        rows = units(len(texts)) * 0.01 if texts else np.zeros((0, 8), dtype=np.float32)
        for row, text in enumerate(texts):
            rows[row, next((at for at, code in enumerate(BOOK.codes) if code.name in text), 7)] += 1
        return unit_rows(rows)


def test_fitted_and_frozen_encoders_are_compared_with_what_was_said_around() -> None:
    # Their own words give nothing away.
    of_turn = [BOOK.codes[number % 2] for number in range(24)]
    examples = [
        Example(text=f"Saying {number}.", codes=(code.id,), context=Context(code.name))
        for number, code in enumerate(of_turn)
    ]
    found = compare_fits(BOOK, examples, Naming(), lambda _training, _progress: Naming())
    assert found is not None
    assert found.frozen.hit_at_1 == found.adapted.hit_at_1 == 1


def test_the_encoder_is_asked_for_what_was_said_around_only_once() -> None:
    asked: list[str] = []

    class Counting(HashingEncoder):
        def encode(self, texts: Sequence[str]) -> Vectors:
            asked.extend(texts)
            return super().encode(texts)

    texts = [f"Turn {number}." for number in range(5)]
    around = [Context(texts[at - 1] if at else "Why?", texts[at + 1] if at < 4 else None) for at in range(5)]
    own = encode_checked(HashingEncoder(), texts)
    put_in_context(BOOK, Counting(), texts, own, around)
    assert asked == ["Why?"]
