"""The encoder without weights: unit vectors that are the same everywhere."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.encoder import checked_vectors
from models.hashing_encoder import DIMENSION, HashingEncoder

ROOT = Path(__file__).parents[2]
TEXTS = ["Peer support gives hope.", "", "\u2026 \U0001f600", "Ma\u00dfe und G\u00fcte", "one two two three"]


@given(st.lists(st.text(max_size=60), max_size=6))
def test_every_text_gets_a_finite_unit_vector_that_depends_on_it_alone(texts: list[str]) -> None:
    encoder = HashingEncoder()
    vectors = checked_vectors(encoder.encode(texts), len(texts), DIMENSION)
    for text, vector in zip(texts, vectors, strict=True):
        assert np.array_equal(HashingEncoder().encode([text])[0], vector)


@pytest.mark.parametrize("text", ["", " \n", "!?", "\U0001f600\u200d\U0001f680", "\u0301" * 10_000, "\u202e\u2028"])
def test_a_text_without_words_still_has_a_unit_vector(text: str) -> None:
    assert np.linalg.norm(HashingEncoder().encode([text])[0]) == pytest.approx(1)


@pytest.mark.parametrize("word", ["\u4e74\u52a3", "\u4e7a\u4f6f", "\u4ead\u54b5", "\u4f68\u5407"])
def test_a_word_whose_hashed_features_cancel_each_other_still_has_a_unit_vector(word: str) -> None:
    assert np.linalg.norm(HashingEncoder().encode([word])[0]) == pytest.approx(1)


def test_a_text_with_half_a_surrogate_pair_is_encoded_like_any_other() -> None:
    assert np.linalg.norm(HashingEncoder().encode(["a\ud800b"])[0]) == pytest.approx(1)


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_another_process_makes_the_same_bytes_of_the_same_text(seed: str) -> None:
    program = (
        "import sys; from models.hashing_encoder import HashingEncoder;"
        f"sys.stdout.write(HashingEncoder().encode({TEXTS!a}).tobytes().hex())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, check=True, text=True
    )
    assert done.stdout == HashingEncoder().encode(TEXTS).tobytes().hex()


def test_texts_that_share_words_lie_nearer_than_others() -> None:
    same, similar, inflected, other = HashingEncoder().encode(
        [
            "the peer worker gave me hope",
            "The peer workers gave us some hope!",
            "peers hoping",
            "weather forecast: rain on Sunday",
        ]
    )
    assert same @ similar > same @ inflected > same @ other


def test_order_case_and_punctuation_of_words_do_not_matter() -> None:
    one, other = HashingEncoder().encode(["Hope gives PEERS strength.", "peers; strength: gives hope"])
    assert one @ other == pytest.approx(1, abs=1e-6)


def test_no_texts_give_no_vectors() -> None:
    assert HashingEncoder().encode([]).shape == (0, DIMENSION)
