"""Reference statistics: a sample that depends on the texts alone, and what is made of it."""

import hashlib
import json
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
    SAMPLE_SIZE,
    Background,
    CorpusSample,
    Reference,
    no_reference,
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


# ---------------------------------------------------------------- the centres


def oracle_centres(corpus: Vectors, codes: Vectors) -> list[float]:
    """The definition, spelt out in plain Python."""
    quartiles = []
    for code in codes:
        similarities = sorted(float(text @ code) for text in corpus)
        at = 0.25 * (len(similarities) - 1)
        low = similarities[int(at)]
        high = similarities[min(int(at) + 1, len(similarities) - 1)]
        quartiles.append(low + (at - int(at)) * (high - low))
    mean = sum(quartiles) / len(quartiles)
    return [len(corpus) / (len(corpus) + 100) * (quartile - mean) for quartile in quartiles]


@pytest.mark.parametrize("texts", [LEAST_TEXTS, 101, 250, 1_000])
def test_centres_follow_their_definition(texts: int) -> None:
    corpus, codes = random_units(texts, seed=texts), random_units(6, seed=1)
    centres = Reference(vectors=corpus, hash="x").centres(codes)
    assert centres == pytest.approx(oracle_centres(corpus, codes), abs=1e-6)
    assert centres.sum() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("texts", [0, 1, LEAST_TEXTS - 1])
def test_too_few_texts_move_nothing(texts: int) -> None:
    reference = Reference(vectors=random_units(texts), hash="x")
    assert reference.centres(random_units(6)).tolist() == [0] * 6


def test_no_reference_moves_nothing() -> None:
    assert no_reference().centres(random_units(6)).tolist() == [0] * 6
    assert sampled([]).centres(random_units(6)).tolist() == [0] * 6
    assert sampled([]).vectors.shape == (0, 0)


def test_no_codes_have_no_centres() -> None:
    assert Reference(vectors=random_units(200), hash="x").centres(random_units(0)).shape == (0,)


def test_a_small_corpus_counts_for_less_than_a_large_one_of_the_same_kind() -> None:
    corpus, codes = random_units(150), random_units(6, seed=1)
    small = Reference(vectors=corpus, hash="x").centres(codes)
    large = Reference(vectors=np.tile(corpus, (20, 1)), hash="y").centres(codes)
    assert (np.abs(small) < np.abs(large)).all()
    assert np.corrcoef(small, large)[0, 1] > 0.99


def test_a_code_that_is_near_to_everything_has_the_highest_centre() -> None:
    codes = random_units(6, seed=1)
    corpus = unit_rows(random_units(300) + 2 * codes[4])
    assert Reference(vectors=corpus, hash="x").centres(codes).argmax() == 4


# ---------------------------------------------------------------- everyday talk


def test_the_scale_is_the_middle_of_the_best_similarities_and_the_deviation_of_all() -> None:
    talk, codes = random_units(41), random_units(6, seed=1)
    similarities = [[float(text @ code) for code in codes] for text in talk]
    zero, unit = Background(vectors=talk, hash="x").scale(codes)
    assert zero == pytest.approx(sorted(max(row) for row in similarities)[20], abs=1e-6)
    assert unit == pytest.approx(np.std([value for row in similarities for value in row]), abs=1e-6)


def test_the_unit_is_never_zero() -> None:
    talk = np.tile(random_units(1), (5, 1))
    assert Background(vectors=talk, hash="x").scale(random_units(1, seed=1))[1] > 0
    assert Background(vectors=talk, hash="x").scale(random_units(0)) == (0.0, 1.0)


def test_the_shipped_talk_is_many_different_texts_and_encoded_as_they_are() -> None:
    source = resources.files("models") / "reference" / "everyday_talk.json"
    texts = json.loads(source.read_text(encoding="utf-8"))["texts"]
    background = shipped_background(HashingEncoder())
    assert len(set(texts)) == len(texts) >= 300
    assert np.array_equal(background.vectors, HashingEncoder().encode(texts))
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
