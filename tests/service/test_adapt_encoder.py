"""Fitting the bundled model to a project: kept where it helps, not where it does not, gone when it is cancelled."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from models import encoder_fitting
from models.codebook import Code, Codebook
from models.errors import AdaptationCancelled, ModelFolderMissing
from models.model_folder import ADAPTATION, check_model_folder
from models.suggester import Example
from models.transformer_encoder import TransformerEncoder
from service.actions.adapt_encoder import AdaptedModel, adapted_model
from service.encoders import Encoders, LoadedModel
from service.settings import HASHING_MODEL, Settings

BOOK = Codebook(id="book", name="Book", codes=[Code(id="now", name="A"), Code(id="then", name="B")])
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
# Each stands under both codes: what a model of general language makes much of is not what divides them.
SAYINGS = (
    "The bus {} late.", "My sister {} a nurse.", "Soup {} on the table.", "The ward {} full.", "Our garden {} green.",
    "His knee {} sore.", "Money {} short.", "The song {} too loud.", "School {} far away.", "The doctor {} kind.",
    "Snow {} on the hills.", "The dog {} asleep.",
)  # fmt: skip


def some_examples() -> list[Example]:
    now = [Example(text=saying.format("is"), codes=("now",)) for saying in SAYINGS]
    then = [Example(text=saying.format("was"), codes=("then",)) for saying in SAYINGS]
    return [*now, *then]


def plain_examples() -> list[Example]:
    """Examples that are told apart without any fitting."""
    words = ("bus", "tea", "dog", "house", "song", "chair", "river", "bed", "coat", "bread", "snow", "road")
    now = [Example(text=f"We are glad of our {word} now, as of today.", codes=("now",)) for word in words]
    then = [Example(text=f"Long ago they hated every {word}.", codes=("then",)) for word in words]
    return [*now, *then]


@pytest.fixture(autouse=True, scope="module")
def quick_fits() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoder_fitting, "LEARNING_RATE", 2e-4)
        yield


def adapted(minilm: LoadedModel, target: Path, examples: Sequence[Example]) -> AdaptedModel:
    folder = Encoders(Settings()).checked_folder(minilm.key)
    return adapted_model(BOOK, examples, minilm, folder, target, made_at=NOW)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models") / "project-7"


@pytest.fixture(scope="module")
def outcome(minilm: LoadedModel, target: Path) -> AdaptedModel:
    return adapted(minilm, target, some_examples())


def test_a_fit_that_helps_on_held_out_examples_is_kept(outcome: AdaptedModel) -> None:
    assert outcome.comparison is not None
    assert outcome.comparison.adapted.hit_at_1 > outcome.comparison.frozen.hit_at_1
    assert outcome.is_kept


def test_what_is_kept_says_how_much_too_sure_it_is(outcome: AdaptedModel, target: Path) -> None:
    assert outcome.comparison is not None
    assert outcome.model.temperature == check_model_folder(target).temperature == outcome.comparison.temperature
    again = Encoders(Settings(model="mine", models={"mine": target})).load("mine")
    assert again.temperature == outcome.comparison.temperature


def test_what_is_kept_is_a_model_folder_and_nothing_else(outcome: AdaptedModel, target: Path) -> None:
    assert outcome.is_kept
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    folder = check_model_folder(target)
    assert outcome.model.encoder.identity.hash == folder.sha256
    again = TransformerEncoder(folder, name="again")
    assert np.array_equal(again.encode(["A bus."]), outcome.model.encoder.encode(["A bus."]))


def test_its_vectors_and_version_are_not_those_of_the_base(minilm: LoadedModel, outcome: AdaptedModel) -> None:
    assert outcome.model.encoder.identity.hash != minilm.encoder.identity.hash
    assert outcome.model.version != minilm.version
    assert outcome.model.background.hash == minilm.background.hash
    assert not np.array_equal(outcome.model.background.vectors, minilm.background.vectors)


def test_the_manifest_says_what_the_fit_rests_on(minilm: LoadedModel, outcome: AdaptedModel, target: Path) -> None:
    assert outcome.comparison is not None
    manifest = json.loads((target / ADAPTATION).read_text())
    assert manifest["base"] == {"name": minilm.key, "sha256": minilm.encoder.identity.hash}
    assert (manifest["format"], manifest["made_at"], manifest["seed"]) == (1, "2026-01-31T12:00:00+00:00", 0)
    assert manifest["codebook_version"] == BOOK.version
    assert manifest["comparison"]["adapted"]["hit_at_1"] == outcome.comparison.adapted.hit_at_1
    assert not any(word in (target / ADAPTATION).read_text() for word in ("bus", "sister", "Soup"))


def test_a_fit_that_cannot_help_is_not_kept(minilm: LoadedModel, tmp_path: Path) -> None:
    outcome = adapted(minilm, tmp_path / "model", plain_examples())
    assert outcome.comparison is not None
    assert outcome.comparison.frozen.hit_at_1 == 1
    assert not outcome.is_kept
    assert outcome.model is minilm
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "examples", [[], some_examples()[:1], some_examples()[:1] * 3_000], ids=["none", "one", "thousands-alike"]
)
def test_too_little_to_learn_from_changes_nothing(minilm: LoadedModel, tmp_path: Path, examples: list[Example]) -> None:
    outcome = adapted(minilm, tmp_path / "model", examples)
    assert (outcome.is_kept, outcome.comparison, outcome.model) == (False, None, minilm)
    assert list(tmp_path.iterdir()) == []


def test_a_fit_that_is_cancelled_leaves_nothing(minilm: LoadedModel, tmp_path: Path) -> None:
    shares: list[float] = []
    with pytest.raises(AdaptationCancelled):
        adapted_model(
            BOOK,
            some_examples(),
            minilm,
            Encoders(Settings()).checked_folder(minilm.key),
            tmp_path / "model",
            made_at=NOW,
            progress=shares.append,
            is_cancelled=lambda: len(shares) == 2,
        )
    assert len(shares) == 2
    assert list(tmp_path.iterdir()) == []


def test_the_hashing_encoder_has_nothing_to_fit() -> None:
    with pytest.raises(ModelFolderMissing):
        Encoders(Settings()).checked_folder(HASHING_MODEL)
