"""Decides whether a sentence-transformers folder may be loaded at all, before any library touches it.

The libraries behind such a folder import Python files, dotted names and pickles that it points to
(CVE-2026-68770, CVE-2026-5241, CVE-2025-32434). So everything in it must be on a list: its files by name,
what the JSON files say (``models/model_folder_rules.py``), the weights to the last byte
(``models/safetensors_header.py``). One thing that is not on a list refuses the whole folder.

The check sees the folder as it is at that moment: nobody but its owner should be able to write to it.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from models.errors import ModelFolderMissing, ModelFolderRefused
from models.model_folder_lists import FILE_NAME, MODULE_KINDS, SHARD_NAME
from models.model_folder_rules import (
    ModuleEntry,
    check_any_document,
    check_library_config,
    check_module_config,
    check_tokenizer_document,
    check_transformer_config,
    check_vocabulary,
    read_modules,
    read_shard_names,
    read_temperature,
)
from models.safetensors_header import check_safetensors
from models.strict_json import JsonValue, NotStrictJson, parse_strict_json

MAX_ENTRIES = 200
# tokenizer.json and vocab.txt of models for a hundred languages take up to 20 MB.
MAX_VOCABULARY_BYTES = 64 * 2**20
MAX_JSON_BYTES = 2 * 2**20
# Parsed, JSON takes up to twenty times its size.
MAX_ALL_JSON_BYTES = 16 * 2**20
# The largest model of the accepted architectures (560 million float32 numbers) takes 2.3 GB.
MAX_WEIGHTS_BYTES = 8 * 2**30

WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"
# Says what a model was fitted to, and how good that was.
ADAPTATION = "adaptation.json"

_HIDDEN_FILES = frozenset({".gitattributes"})
_PLAIN_FILES = frozenset({"LICENSE", "NOTICE", "README"})
_SENTENCEPIECE_FILES = frozenset(
    {"sentencepiece.bpe.model", "sentencepiece.model", "spiece.model", "spm.model", "tokenizer.model"}
)
_REFUSED_FOLDERS = frozenset({"onnx", "openvino", "__pycache__"})
# A library that finds one of these loads more than an encoder: adapters, processors, templates, converters.
_REFUSED_JSON = frozenset(
    {
        "adapter_config.json",
        "audio_tokenizer_config.json",
        "chat_template.json",
        "preprocessor_config.json",
        "processor_config.json",
        "quantize_config.json",
        "router_config.json",
        "tekken.json",
        "video_preprocessor_config.json",
    }
)
_VOCABULARIES = frozenset({"added_tokens.json", "tokenizer.json", "vocab.json"})
_TOKENIZERS = _SENTENCEPIECE_FILES | {"tokenizer.json", "vocab.json", "vocab.txt"}
_SENTENCE_CONFIG = re.compile(r"sentence_[a-z-]+_config\.json")


@dataclass(frozen=True, kw_only=True)
class CheckedModelFolder:
    r"""A folder that may be loaded, and what identifies it.

    Attributes:
        path: the real folder, links in its own path resolved, so that a link set anew later does not
            lead to another one.
        sha256: hex digest over the lines ``"<sha256 of the file>  <relative path>"`` of all files in
            the order of their paths; the same wherever the folder lies. The command is
            ``find . -type f -printf '%P\n' | LC_ALL=C sort | xargs sha256sum | sha256sum``.
        weights_sha256: hex digest of the Transformer's ``model.safetensors``; of weights in several
            files, the digest over their lines as above.
        weights: relative paths of the files that hold the Transformer's weights.
        architecture: class of the encoder, e.g. ``"BertModel"``.
        temperature: what its adaptation says that logits must be divided by; 1 where there is none.
    """

    path: Path
    sha256: str
    weights_sha256: str
    weights: tuple[str, ...]
    architecture: str
    temperature: float = 1.0


def check_model_folder(path: Path, *, expected_weights_sha256: str | None = None) -> CheckedModelFolder:
    """The folder's identity, once everything in it is known to be data.

    Nothing of the folder is executed or unpickled, and no library for models is imported. Names and JSON
    come before the weights, so that a hostile folder is refused before gigabytes are read.

    Args:
        path: the folder; it may be a link itself, nothing in it may be one.
        expected_weights_sha256: hex digest that the weights must have.

    Raises:
        ModelFolderMissing: there is no folder.
        ModelFolderRefused: with the relative path of the file and the reason.
    """
    root = _real_folder(path)
    names = _list_files(root)
    digests, documents = _read_small_files(root, [name for name in names if not _holds_weights(name)])
    architecture, weights = _check_structure(names, documents)
    digests |= {name: _weights_digest(root, name) for name in names if _holds_weights(name)}
    weights_sha256 = digests[weights[0]] if len(weights) == 1 else _manifest_digest(digests, weights)
    if expected_weights_sha256 is not None and expected_weights_sha256.lower() != weights_sha256:
        raise ModelFolderRefused(f"{weights[0]}: these are not the weights expected (sha256 differs)")
    return CheckedModelFolder(
        path=root,
        sha256=_manifest_digest(digests, names),
        weights_sha256=weights_sha256,
        weights=tuple(weights),
        architecture=architecture,
        temperature=read_temperature(ADAPTATION, documents[ADAPTATION]) if ADAPTATION in documents else 1.0,
    )


def _real_folder(path: Path) -> Path:
    # The message holds the last part only: a full path says more about the machine than an error may.
    try:
        root = path.resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise ModelFolderMissing(f"{_shown(path.name or '.')}: there is no such model folder") from error
    if not root.is_dir():
        raise ModelFolderMissing(f"{_shown(path.name or '.')}: this is not a folder")
    return root


def _list_files(root: Path) -> list[str]:
    """Relative paths of all files, sorted, once every name and kind is accepted."""
    files: list[str] = []
    folders = [""]
    seen = 0
    while folders:
        folder = folders.pop()
        with _reading(folder or "."), os.scandir(root / folder) as entries:
            for entry in entries:
                seen += 1
                if seen > MAX_ENTRIES:
                    raise ModelFolderRefused(f".: more than {MAX_ENTRIES} files and folders")
                name = _within(folder, entry.name)
                (folders if _is_folder(entry, name) else files).append(name)
    return sorted(files)


def _is_folder(entry: os.DirEntry[str], name: str) -> bool:
    if entry.is_symlink():
        raise ModelFolderRefused(f"{_shown(name)}: is a link")
    if entry.is_dir(follow_symlinks=False):
        if not FILE_NAME.fullmatch(entry.name) or entry.name.lower() in _REFUSED_FOLDERS:
            raise ModelFolderRefused(f"{_shown(name)}: a folder of this name is not accepted")
        return True
    if not entry.is_file(follow_symlinks=False):
        raise ModelFolderRefused(f"{_shown(name)}: is neither a file nor a folder")
    if not _is_accepted_name(entry.name):
        raise ModelFolderRefused(f"{_shown(name)}: a file of this name or kind is not accepted")
    return False


def _is_accepted_name(name: str) -> bool:
    if name in _HIDDEN_FILES | _PLAIN_FILES | _SENTENCEPIECE_FILES:
        return True
    if not FILE_NAME.fullmatch(name):
        return False
    if name.endswith(".json"):
        return name not in _REFUSED_JSON and (name == WEIGHTS_INDEX or not name.endswith(".index.json"))
    if name.endswith(".safetensors"):
        return name == WEIGHTS or SHARD_NAME.fullmatch(name) is not None
    return name.endswith((".txt", ".md", ".spm"))


def _read_small_files(root: Path, names: list[str]) -> tuple[dict[str, str], dict[str, JsonValue]]:
    """Digest of every file but the weights, and what the JSON files hold (vocabularies: null)."""
    digests: dict[str, str] = {}
    documents: dict[str, JsonValue] = {}
    json_bytes = 0
    for name in names:
        is_config = name.endswith(".json") and _base(name) != "tokenizer.json"
        with _opened(root, name, MAX_JSON_BYTES if is_config else MAX_VOCABULARY_BYTES) as (file, size):
            data = file.read(size)
        json_bytes += size if is_config else 0
        if json_bytes > MAX_ALL_JSON_BYTES:
            raise ModelFolderRefused(f"{name}: the JSON files together exceed {MAX_ALL_JSON_BYTES} bytes")
        digests[name] = hashlib.sha256(data).hexdigest()
        if name.endswith(".json"):
            documents[name] = _checked_document(name, data)
    return digests, documents


def _checked_document(name: str, data: bytes) -> JsonValue:
    try:
        document = parse_strict_json(data)
    except NotStrictJson as error:
        raise ModelFolderRefused(f"{name}: the file {error}") from error
    base = _base(name)
    if base in _VOCABULARIES:
        check_vocabulary(name, document)
        return None
    if base != WEIGHTS_INDEX:  # its keys are names of tensors
        check_any_document(name, document)
    # Wherever they lie: some code of transformers looks for them in the root, whatever the subfolder.
    if base in ("tokenizer_config.json", "special_tokens_map.json"):
        check_tokenizer_document(name, document)
    if _SENTENCE_CONFIG.fullmatch(base):
        check_module_config("Transformer", name, document)
    if base == "config_sentence_transformers.json":
        check_library_config(name, document)
    return document


def _check_structure(names: list[str], documents: Mapping[str, JsonValue]) -> tuple[str, list[str]]:
    """The architecture, and the names of the files that hold the Transformer's weights."""
    _require(names, "modules.json")
    transformer, *others = read_modules("modules.json", documents["modules.json"])
    for entry in others:
        _check_module(entry, names, documents)
    config = _within(transformer.path, "config.json")
    _require(names, config)
    architecture = check_transformer_config(config, documents[config])
    here = [name for name in names if _parent(name) == transformer.path]
    if not any(_base(name) in _TOKENIZERS for name in here):
        raise ModelFolderRefused(f"{_within(transformer.path, 'tokenizer.json')}: the file is missing")
    return architecture, _transformer_weights(transformer.path, here, documents)


def _check_module(entry: ModuleEntry, names: list[str], documents: Mapping[str, JsonValue]) -> None:
    kind = MODULE_KINDS[entry.kind]
    config = _within(entry.path, "config.json")
    if kind.needs_config:
        _require(names, config)
    if kind.has_weights:
        _require(names, _within(entry.path, WEIGHTS))
    if config in documents:
        check_module_config(entry.kind, config, documents[config])


def _transformer_weights(path: str, here: list[str], documents: Mapping[str, JsonValue]) -> list[str]:
    index = _within(path, WEIGHTS_INDEX)
    listed = read_shard_names(index, documents[index]) if index in documents else {WEIGHTS}
    expected = sorted(_within(path, name) for name in listed)
    for name in expected:
        _require(here, name)
    for name in here:
        # Two sets of weights would leave it to the library which one is meant.
        if _holds_weights(name) and name not in expected:
            raise ModelFolderRefused(f"{name}: is not part of the weights of the Transformer")
    return expected


def _weights_digest(root: Path, name: str) -> str:
    with _opened(root, name, MAX_WEIGHTS_BYTES) as (file, size):
        check_safetensors(file, size=size, name=name)
        file.seek(0)
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _opened(root: Path, name: str, limit: int) -> Iterator[tuple[BufferedReader, int]]:
    # A link or a pipe that took the file's place since the listing is not followed and not waited for.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with _reading(name), os.fdopen(os.open(root / name, flags), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ModelFolderRefused(f"{name}: is not a plain file")
        if status.st_size > limit:
            raise ModelFolderRefused(f"{name}: the file is larger than {limit} bytes")
        yield file, status.st_size


@contextmanager
def _reading(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ModelFolderRefused(f"{name}: cannot be read") from error


def _require(names: list[str], name: str) -> None:
    if name not in names:
        raise ModelFolderRefused(f"{name}: the file is missing")


def _holds_weights(name: str) -> bool:
    return name.endswith(".safetensors")


def _base(name: str) -> str:
    return name.rpartition("/")[2]


def _parent(name: str) -> str:
    return name.rpartition("/")[0]


def _within(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


def _manifest_digest(digests: Mapping[str, str], names: list[str]) -> str:
    lines = "".join(f"{digests[name]}  {name}\n" for name in names)
    return hashlib.sha256(lines.encode("ascii")).hexdigest()


def _shown(name: str) -> str:
    # Names that were not accepted may hold anything, terminal codes included.
    return ascii(name[:200])[1:-1]
