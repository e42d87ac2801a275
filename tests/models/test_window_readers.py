"""The readers of windows: the same bits for the same window, and both near to the plain model."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models import window_readers
from models.batch_plans import FLAT_SIZES
from models.encoder import Vectors, unit_rows
from models.transformer_encoder import TransformerEncoder
from models.window_readers import FlatReader, PaddedReader, Window, WindowReader, window_reader
from service.encoders import LoadedModel

LIMIT = 256
CLS, SEP = 101, 102


def window(pieces: int, seed: int = 0) -> list[int]:
    """A window of so many word pieces, special tokens included."""
    words = np.random.default_rng([pieces, seed]).integers(1_000, 30_000, pieces - 2)
    return [CLS, *map(int, words), SEP]


WINDOWS = [window(pieces) for pieces in (2, 3, 5, 9, 16, 31, 32, 33, 47, 64, 65, 90, 128, 150, 192, 200, 255, 256)]


@pytest.fixture(scope="module")
def flat(minilm: LoadedModel) -> FlatReader:
    assert isinstance(minilm.encoder, TransformerEncoder)
    reader = window_reader(minilm.encoder._model, LIMIT)
    assert isinstance(reader, FlatReader)
    return reader


@pytest.fixture(scope="module")
def padded(flat: FlatReader) -> PaddedReader:
    return PaddedReader(flat._model, LIMIT)


@pytest.fixture(scope="module", params=["flat", "padded"])
def reader(request: pytest.FixtureRequest, flat: FlatReader, padded: PaddedReader) -> WindowReader:
    return flat if request.param == "flat" else padded


def alone(reader: WindowReader, windows: Sequence[Window]) -> Vectors:
    return np.concatenate([reader.read([window]) for window in windows])


@pytest.fixture(scope="module")
def each_alone(reader: WindowReader) -> Vectors:
    return alone(reader, WINDOWS)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=st.lists(st.integers(0, len(WINDOWS) - 1), min_size=1, max_size=25))
def test_a_window_has_the_same_bits_whatever_else_is_read(
    reader: WindowReader, each_alone: Vectors, chosen: list[int]
) -> None:
    assert np.array_equal(reader.read([WINDOWS[at] for at in chosen]), each_alone[chosen])


def test_many_short_windows_have_the_bits_that_each_has_alone(reader: WindowReader) -> None:
    windows = [window(3 + at % 7, seed=at) for at in range(40)]
    assert np.array_equal(reader.read(windows), alone(reader, windows))


def test_both_readers_are_near_to_each_other(flat: FlatReader, padded: PaddedReader) -> None:
    one, other = (unit_rows(reader.read(WINDOWS)).astype(np.float64) for reader in (flat, padded))
    assert (1 - (one * other).sum(axis=1)).max() < 3e-4


def test_no_windows_have_no_vectors(reader: WindowReader) -> None:
    assert reader.read([]).shape == (0, 384)


def test_a_reader_that_cannot_hold_every_window_is_not_used(flat: FlatReader, monkeypatch: pytest.MonkeyPatch) -> None:
    for agreeing in ([], [FLAT_SIZES[0]]):
        monkeypatch.setattr(FlatReader, "_agreeing_sizes", lambda *_arguments, sizes=agreeing: sizes)
        assert isinstance(window_readers.window_reader(flat._model, LIMIT), PaddedReader)
