"""Reference statistics: a sample that depends on the texts alone, and what is made of it."""

import hashlib
import json
import math
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import reference as reference_module
from models.encoder import EncoderIdentity, Vectors, unit_rows
from models.errors import EncoderFailed
from models.hashing_encoder import HashingEncoder
from models.reference import (
    LEAST_TEXTS,
    ROUNDS,
    SAMPLE_SIZE,
    CorpusSample,
    Floats,
    Reference,
    RefinedCodes,
    hash_of_sample,
    no_reference,
    sample_of,
    shipped_background,
)


def vector_of(text: str) -> Vectors:
    """Some vector that belongs to a text."""
    return np.frombuffer(hashlib.sha256(text.encode()).digest()[:8], dtype=np.uint8).astype(np.float32)


def vectors_of(texts: Sequence[str]) -> Vectors:
    return np.array([vector_of(text) for text in texts], dtype=np.float32).reshape(len(texts), 8)


def sampled(*batches: Sequence[str]) -> Reference:
    sample = CorpusSample()
    for texts in batches:
        sample.add(texts, vectors_of(texts))
    return sample.reference()


def random_units(count: int, dimension: int = 16, seed: int = 0) -> Vectors:
    return unit_rows(np.random.default_rng(seed).normal(size=(count, dimension)))


# ---------------------------------------------------------------- the sample

WORDS = st.text("abcd", max_size=3)


@given(st.lists(WORDS, min_size=1, max_size=40), st.data())
def test_a_sample_depends_on_the_different_texts_alone(texts: list[str], data: st.DataObject) -> None:
    repeats = data.draw(st.lists(st.sampled_from(texts), max_size=10))
    shuffled = data.draw(st.permutations([*texts, *repeats]))
    cut = data.draw(st.integers(0, len(shuffled)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference_module, "SAMPLE_SIZE", 7)
        one, other = sampled(texts), sampled(shuffled[:cut], [], shuffled[cut:])
    assert one.hash == other.hash
    assert np.array_equal(one.vectors, other.vectors)


@given(st.lists(WORDS, max_size=40))
def test_a_sample_holds_the_vectors_of_the_texts_with_the_smallest_digests(texts: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference_module, "SAMPLE_SIZE", 7)
        sample = sampled(texts)
    chosen = sorted(set(texts), key=lambda text: hashlib.sha256(text.encode()).digest())[:7]
    assert sorted(map(tuple, sample.vectors.tolist())) == sorted(map(tuple, vectors_of(chosen).tolist()))


@given(st.sets(WORDS), st.sets(WORDS))
def test_two_samples_have_one_hash_only_if_they_hold_the_same_texts(one: set[str], other: set[str]) -> None:
    assert (sampled(sorted(one)).hash == sampled(sorted(other)).hash) == (one == other)


@given(st.lists(WORDS, max_size=40))
def test_which_texts_a_sample_keeps_and_its_hash_show_without_vectors(texts: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference_module, "SAMPLE_SIZE", 7)
        sample, chosen = sampled(texts), sample_of(texts)
    assert np.array_equal(vectors_of(chosen), sample.vectors.reshape(len(chosen), 8))
    assert hash_of_sample(chosen) == sample.hash


def test_a_large_corpus_is_sampled_down() -> None:
    texts = [f"segment {at}" for at in range(SAMPLE_SIZE + 1_000)]
    forwards, backwards = sampled(texts), sampled(texts[3_000:][::-1], texts[:3_500])
    assert forwards.vectors.shape == (SAMPLE_SIZE, 8)
    assert forwards.hash == backwards.hash
    assert np.array_equal(forwards.vectors, backwards.vectors)


def test_a_sample_does_not_keep_a_whole_batch_in_memory() -> None:
    sample = CorpusSample()
    batch = random_units(10)
    sample.add([f"text {at}" for at in range(10)], batch)
    before = sample.reference().vectors.copy()
    batch[:] = 0
    assert np.array_equal(sample.reference().vectors, before)


def test_texts_and_vectors_must_be_as_many() -> None:
    with pytest.raises(ValueError, match="zip"):
        CorpusSample().add(["a", "b"], random_units(1))


# ---------------------------------------------------------------- refining codes


def refined(
    corpus: Vectors, codes: Vectors, examples: Vectors | None = None, shares: Floats | None = None
) -> RefinedCodes:
    none = np.zeros((0, codes.shape[1]), dtype=np.float32)
    known = none if examples is None else examples
    return Reference(vectors=corpus, hash="x").refined(
        codes, known, np.zeros((len(known), len(codes))) if shares is None else shares, known
    )


def oracle_refined(
    corpus: Vectors, codes: Vectors, examples: Vectors, shares: Floats
) -> tuple[list[list[float]], list[float]]:
    """The definition, spelt out in plain Python."""
    fair = len(corpus) / len(codes)
    known = [[2.0 * float(value) for value in code] for code in codes]
    for example, row in zip(examples, shares, strict=True):
        for code, share in enumerate(row):
            known[code] = [old + share * float(new) for old, new in zip(known[code], example, strict=True)]
    centres = [[value / math.hypot(*code) for value in code] for code in known]
    for _ in range(ROUNDS):
        logits, offsets = oracle_attracted(corpus, centres)
        moved = [list(code) for code in known]
        for text, row in zip(corpus, logits, strict=True):
            weights = [math.exp(logit + offset) for logit, offset in zip(row, offsets, strict=True)]
            for code, weight in enumerate(weights):
                pull = math.hypot(*known[code]) * weight / sum(weights) / fair
                moved[code] = [old + pull * float(new) for old, new in zip(moved[code], text, strict=True)]
        centres = [[value / math.hypot(*code) for value in code] for code in moved]
    _, offsets = oracle_attracted(corpus, centres)
    return centres, [offset - sum(offsets) / len(offsets) for offset in offsets]


def oracle_attracted(corpus: Vectors, centres: list[list[float]]) -> tuple[list[list[float]], list[float]]:
    logits = [[20 * sum(float(a) * b for a, b in zip(text, code, strict=True)) for code in centres] for text in corpus]
    near = [-0.5 * sum(row[code] for row in logits) / len(corpus) for code in range(len(centres))]
    shares = [0.0] * len(centres)
    for row in logits:
        weights = [math.exp(logit + offset) for logit, offset in zip(row, near, strict=True)]
        shares = [share + weight / sum(weights) / len(corpus) for share, weight in zip(shares, weights, strict=True)]
    return logits, [
        offset - 0.5 * math.log(share * len(centres) + 1e-3) for offset, share in zip(near, shares, strict=True)
    ]


@pytest.mark.parametrize("texts", [LEAST_TEXTS, 101])
@pytest.mark.parametrize("examples", [0, 9])
def test_refined_codes_follow_their_definition(texts: int, examples: int) -> None:
    corpus, codes = random_units(texts, seed=texts), random_units(6, seed=1)
    coded, shares = random_units(examples, seed=2), np.random.default_rng(3).random((examples, 6))
    moved = refined(corpus, codes, coded, shares)
    vectors, offsets = oracle_refined(corpus, codes, coded, shares)
    assert moved.vectors == pytest.approx(np.array(vectors), abs=1e-4)
    assert moved.offsets == pytest.approx(np.array(offsets), abs=1e-3)


@pytest.mark.parametrize("texts", [0, 1, LEAST_TEXTS - 1])
def test_too_few_texts_move_nothing(texts: int) -> None:
    codes = random_units(6)
    still = refined(random_units(texts), codes)
    assert still.vectors == pytest.approx(codes, abs=1e-6)
    assert still.offsets.tolist() == [0] * 6


def test_no_reference_moves_nothing() -> None:
    codes, none = random_units(6), np.zeros((0, 6))
    for reference in (no_reference(), sampled([])):
        assert reference.refined(codes, random_units(0), none, random_units(0)).offsets.tolist() == [0] * 6
    assert sampled([]).vectors.shape == (0, 0)


def test_no_codes_are_refined_to_none() -> None:
    assert refined(random_units(200), random_units(0)).vectors.shape == (0, 16)


def test_a_code_that_is_near_to_everything_is_set_back() -> None:
    codes = random_units(6, seed=1)
    corpus = unit_rows(random_units(300) + 2 * codes[4])
    assert refined(corpus, codes).offsets.argmin() == 4


def test_a_code_moves_towards_what_is_said_where_it_is_meant() -> None:
    codes = np.eye(3, 16, dtype=np.float32)
    said = unit_rows(codes[:1] + np.eye(16, dtype=np.float32)[[9]])[0]
    corpus = np.concatenate([np.tile(said, (60, 1)), unit_rows(random_units(60))])
    assert refined(corpus, codes).vectors[0] @ said > codes[0] @ said + 0.1


def test_an_example_draws_its_code_to_what_is_said_like_it() -> None:
    codes, corpus = random_units(4, seed=1), random_units(120)
    shares = np.array([[0.0, 1.0, 0.0, 0.0]])
    taught = refined(corpus, codes, random_units(1, seed=5), shares).vectors @ random_units(1, seed=5)[0]
    assert taught[1] > (refined(corpus, codes).vectors @ random_units(1, seed=5)[0])[1] + 0.1


def test_an_example_is_not_a_text_of_the_corpus_as_well() -> None:
    codes, corpus = random_units(4, seed=1), random_units(120)
    shares = np.eye(4)[[0, 2]]
    with_them, without = (
        refined(part, codes, corpus[[7, 30]], shares) for part in (corpus, np.delete(corpus, [7, 30], 0))
    )
    assert np.array_equal(with_them.vectors, without.vectors)


def test_an_example_can_be_judged_as_if_it_were_none() -> None:
    codes, coded = random_units(4, seed=1), random_units(5, seed=2)
    shares = np.array([[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0], [1, 0, 0, 0]])
    none = random_units(0)
    left = refined(none, codes, coded, shares).logits_without(coded, shares)
    for row in range(5):
        others = np.delete(np.arange(5), row)
        alone = refined(none, codes, coded[others], shares[others]).logits(coded[[row]])[0]
        assert left[row] == pytest.approx(alone, abs=1e-4)


# ---------------------------------------------------------------- everyday talk


def test_the_shipped_talk_is_many_different_texts_and_encoded_as_they_are() -> None:
    source = resources.files("models") / "reference" / "everyday_talk.json"
    texts = json.loads(source.read_text(encoding="utf-8"))["texts"]
    background = shipped_background(HashingEncoder())
    assert len(set(texts)) == len(texts) >= 300
    assert np.array_equal(background.vectors, HashingEncoder().encode(texts))
    assert list(background.texts) == texts
    assert background.hash == shipped_background(HashingEncoder()).hash


def test_the_shipped_talk_holds_nothing_of_the_evaluation_data(evaldata: Path) -> None:
    source = resources.files("models") / "reference" / "everyday_talk.json"
    shipped = {text.casefold().strip(" .!?") for text in json.loads(source.read_text(encoding="utf-8"))["texts"]}
    for file in evaldata.glob("*/segments.jsonl"):
        lines = file.read_bytes().splitlines()
        assert not shipped & {json.loads(line)["text"].casefold().strip(" .!?") for line in lines}, file


class Broken:
    identity = EncoderIdentity(name="broken", hash="broken", dimension=384)

    def encode(self, texts: Sequence[str]) -> Vectors:
        return np.full((len(texts), 384), np.nan, dtype=np.float32)


def test_an_encoder_that_is_broken_is_found_out_by_the_shipped_talk() -> None:
    with pytest.raises(EncoderFailed):
        shipped_background(Broken())
