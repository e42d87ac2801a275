"""What an encoder promises, and that nothing less gets through."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from models.encoder import EncoderIdentity, Vectors, checked_vectors, encode_checked, unit_rows
from models.errors import EncoderFailed, ModelUnavailable
from models.hashing_encoder import HashingEncoder

DIMENSION = 3


class Returning:
    """An encoder that returns (or raises) whatever it is told to."""

    identity = EncoderIdentity(name="fake", hash="fake", dimension=DIMENSION)

    def __init__(self, answer: Callable[[int], Any]) -> None:
        self._answer = answer

    def encode(self, texts: Sequence[str]) -> Vectors:
        answer: Vectors = self._answer(len(texts))
        return answer


def units(count: int) -> Vectors:
    return np.tile(np.array([1, 0, 0], dtype=np.float32), (count, 1))


def spoilt(value: float) -> Callable[[int], Vectors]:
    def answer(count: int) -> Vectors:
        vectors = units(count)
        vectors[-1] = value
        return vectors

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(spoilt(np.nan), id="NaN"),
        pytest.param(spoilt(np.inf), id="infinite"),
        pytest.param(spoilt(0), id="zero vector"),
        pytest.param(spoilt(2), id="not of unit length"),
        pytest.param(lambda count: units(count + 1), id="a vector too many"),
        pytest.param(lambda count: units(count - 1), id="a vector too few"),
        pytest.param(lambda count: units(count)[:, :2], id="too short"),
        pytest.param(lambda count: units(count)[0], id="one vector for all"),
        pytest.param(lambda count: units(count)[None], id="three dimensions"),
        pytest.param(lambda count: units(count).astype(np.float64), id="float64"),
        pytest.param(lambda count: units(count).astype(object), id="objects"),
        pytest.param(lambda count: units(count).tolist(), id="a list"),
        pytest.param(lambda _count: None, id="nothing"),
    ],
)
def test_anything_but_unit_vectors_is_an_encoder_failure(answer: Callable[[int], Any]) -> None:
    with pytest.raises(EncoderFailed) as caught:
        encode_checked(Returning(answer), ["a", "b"])
    assert caught.value.code == "encoder_failed"


@pytest.mark.parametrize("error", [RuntimeError, ValueError, MemoryError, OSError, RecursionError, ZeroDivisionError])
def test_an_encoder_that_raises_is_an_encoder_failure_that_quotes_nothing(error: type[Exception]) -> None:
    def fail(_count: int) -> Vectors:
        raise error("Zwiebelturm")

    with pytest.raises(EncoderFailed) as caught:
        encode_checked(Returning(fail), ["Zwiebelturm"])
    assert "Zwiebelturm" not in str(caught.value)
    assert error.__name__ in str(caught.value)
    assert caught.value.__suppress_context__


def test_an_encoder_that_says_what_is_wrong_is_believed() -> None:
    def fail(_count: int) -> Vectors:
        raise ModelUnavailable

    with pytest.raises(ModelUnavailable):
        encode_checked(Returning(fail), ["a"])


def test_an_interrupt_is_no_encoder_failure() -> None:
    def interrupt(_count: int) -> Vectors:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode_checked(Returning(interrupt), ["a"])


def test_what_an_encoder_promises_passes_unchanged() -> None:
    encoder = HashingEncoder()
    for texts in ([], ["one"], ["one", "", "one"]):
        assert np.array_equal(encode_checked(encoder, texts), encoder.encode(texts))
    vectors = units(4)
    assert checked_vectors(vectors, 4, DIMENSION) is vectors


def test_unit_rows_scales_each_row_and_leaves_zero_rows() -> None:
    rows = unit_rows(np.array([[3.0, 4.0], [0.0, 0.0], [1e-30, 0.0], [-1e30, 0.0]]))
    assert rows.dtype == np.float32
    assert rows == pytest.approx(np.array([[0.6, 0.8], [0, 0], [1, 0], [-1, 0]]))
    assert unit_rows(np.zeros((0, 5))).shape == (0, 5)
