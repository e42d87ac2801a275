"""What the JSON files of a sentence-transformers folder may say.

sentence-transformers and transformers import classes, call methods and open files that these files name.
The lists of what they may name stand in ``models/model_folder_lists.py``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from models.calibration import MOST_TEMPERATURE
from models.errors import ModelFolderRefused
from models.model_folder_lists import (
    ACTIVATIONS,
    ALLOWED_NAMES,
    ARCHITECTURES,
    DENSE_ACTIVATIONS,
    FILE_NAME,
    FREE_OBJECTS,
    FREE_STRINGS,
    LARGEST,
    MAX_MODULES,
    MODULE_KINDS,
    PLAIN_WORDS,
    REFUSED_KEYS,
    SHARD_NAME,
)
from models.strict_json import JsonValue


@dataclass(frozen=True)
class ModuleEntry:
    """One checked entry of ``modules.json``: a key of ``MODULE_KINDS``, and its folder ("" = the root)."""

    kind: str
    path: str


def check_any_document(name: str, document: JsonValue) -> None:
    """Returns when no key of the document, at any depth, leads a library to code or to another file.

    Args:
        name: relative path of the file, for messages.
        document: what the file holds.

    Raises:
        ModelFolderRefused: with the key.
    """
    for key, value in _all_pairs(document):
        if key in REFUSED_KEYS:
            raise ModelFolderRefused(f'{name}: has the key "{key}"')
        if key == "trust_remote_code" and value is not None and value is not False:
            raise ModelFolderRefused(f'{name}: asks for "trust_remote_code"')
        if key in ALLOWED_NAMES and not _is_allowed_name(value, ALLOWED_NAMES[key]):
            raise ModelFolderRefused(f'{name}: the value of "{key}" is not in the list of accepted ones')


def check_vocabulary(name: str, document: JsonValue) -> None:
    """Returns when a file whose keys are word pieces does not ask for foreign code.

    Only ``true`` counts here, since a word piece may well be called "trust_remote_code".

    Raises:
        ModelFolderRefused: ``trust_remote_code`` is true somewhere.
    """
    if any(key == "trust_remote_code" and value is True for key, value in _all_pairs(document)):
        raise ModelFolderRefused(f'{name}: asks for "trust_remote_code"')


def read_modules(name: str, document: JsonValue) -> tuple[ModuleEntry, ...]:
    """The modules that ``modules.json`` lists, in order; the first one is the only Transformer.

    Raises:
        ModelFolderRefused: another shape, an unknown type, a path that leaves the folder.
    """
    if not isinstance(document, list) or not 0 < len(document) <= MAX_MODULES:
        raise ModelFolderRefused(f"{name}: is not a list of 1 to {MAX_MODULES} modules")
    items = [_module_item(name, item) for item in document]
    if len({item["name"] for item in items}) != len(items):
        raise ModelFolderRefused(f"{name}: two modules have the same name")
    entries = tuple(_module_entry(name, item) for item in items)
    if [entry.kind == "Transformer" for entry in entries] != [True] + [False] * (len(entries) - 1):
        raise ModelFolderRefused(f"{name}: the first module, and no other, must be a Transformer")
    return entries


def check_transformer_config(name: str, document: JsonValue) -> str:
    """The architecture that the ``config.json`` of a Transformer names.

    Raises:
        ModelFolderRefused: an unknown model type, architecture or activation, or a value of a kind that
            only further libraries need.
    """
    config = _object(name, document)
    architecture = _architecture(name, config)
    _check_activations(name, config)
    _check_sizes(name, config)
    for key, value in config.items():
        _check_config_value(name, key, value)
    return architecture


def check_tokenizer_document(name: str, document: JsonValue) -> None:
    """Returns when ``tokenizer_config.json`` or ``special_tokens_map.json`` names no file and no object.

    Both become arguments of the tokenizer's constructor, and the second one may overwrite the file names
    that transformers itself has found.

    Raises:
        ModelFolderRefused: with the key.
    """
    for key, value in _object(name, document).items():
        # special_tokens_map_file is an old habit of transformers: written, never read.
        if key.endswith("_file") and key != "special_tokens_map_file" and value is not None:
            raise ModelFolderRefused(f'{name}: the key "{ascii(key)[1:-1]}" names a file; set it to null')
        if key in ("init_inputs", "vocab", "merges") and value:
            raise ModelFolderRefused(f'{name}: the key "{key}" is not empty')


def check_module_config(kind: str, name: str, document: JsonValue) -> None:
    """Returns when the configuration of a module has known keys and names nothing to import.

    Args:
        kind: a key of ``MODULE_KINDS``; for a Transformer the file is ``sentence_bert_config.json``.
        name: relative path of the file, for messages.
        document: what the file holds.

    Raises:
        ModelFolderRefused: an unknown key, activation or method, or a size beyond reason.
    """
    config = _object(name, document)
    if not set(config) <= MODULE_KINDS[kind].config_keys:
        raise ModelFolderRefused(f"{name}: has a key that is not known for {kind}")
    _check_sizes(name, config)
    if kind == "Dense" and "activation_function" in config:
        _check_dense_activation(name, config["activation_function"])
    if kind == "Transformer":
        _check_sentence_config(name, config)


def check_library_config(name: str, document: JsonValue) -> None:
    """Returns when ``config_sentence_transformers.json`` describes a SentenceTransformer.

    Raises:
        ModelFolderRefused: another kind of model, which the library would convert by guessing.
    """
    kind = _object(name, document).get("model_type", "SentenceTransformer")
    if kind != "SentenceTransformer":
        raise ModelFolderRefused(f"{name}: the model is not a SentenceTransformer")


def read_shard_names(name: str, document: JsonValue) -> frozenset[str]:
    """The files that ``model.safetensors.index.json`` spreads the weights over.

    Raises:
        ModelFolderRefused: another shape, or a name that is not one of a shard beside the index.
    """
    weight_map = _object(name, document).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise ModelFolderRefused(f'{name}: "weight_map" is not an object with at least one tensor')
    shards = [value for value in weight_map.values() if isinstance(value, str)]
    if len(shards) < len(weight_map) or not all(SHARD_NAME.fullmatch(shard) for shard in shards):
        raise ModelFolderRefused(f"{name}: names a file that is not a shard beside it")
    return frozenset(shards)


def read_temperature(name: str, document: JsonValue) -> float:
    """What an adaptation says that logits must be divided by; 1 if it says nothing.

    Raises:
        ModelFolderRefused: another shape, or no number from 1 to ``MOST_TEMPERATURE``.
    """
    comparison = _object(name, _object(name, document).get("comparison", {}))
    temperature = comparison.get("temperature", 1.0)
    if isinstance(temperature, bool) or not isinstance(temperature, int | float):
        raise ModelFolderRefused(f'{name}: "temperature" is not a number')
    if not 1 <= temperature <= MOST_TEMPERATURE:
        raise ModelFolderRefused(f'{name}: "temperature" is not between 1 and {MOST_TEMPERATURE:g}')
    return float(temperature)


def _all_pairs(document: JsonValue) -> Iterator[tuple[str, JsonValue]]:
    # A stack of its own: the depth of a file must not become the depth of Python's stack.
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield from value.items()
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _object(name: str, document: JsonValue) -> dict[str, JsonValue]:
    if not isinstance(document, dict):
        raise ModelFolderRefused(f"{name}: is not a JSON object")
    return document


def _is_allowed_name(value: JsonValue, allowed: frozenset[str]) -> bool:
    return value is None or (isinstance(value, str) and value in allowed)


def _module_item(name: str, item: JsonValue) -> dict[str, str]:
    if not isinstance(item, dict) or not set(item) <= {"idx", "name", "path", "type", "kwargs"}:
        raise ModelFolderRefused(f"{name}: a module is not an object of idx, name, path and type")
    if item.get("kwargs"):
        raise ModelFolderRefused(f"{name}: a module takes arguments of its own")
    texts = {key: value for key, value in item.items() if isinstance(value, str)}
    if not {"name", "path", "type"} <= set(texts):
        raise ModelFolderRefused(f"{name}: name, path and type of a module must be strings")
    if not re.fullmatch(r"\w{1,64}", texts["name"], re.ASCII):
        raise ModelFolderRefused(f"{name}: the name of a module is not a plain word")
    return texts


def _module_entry(name: str, item: dict[str, str]) -> ModuleEntry:
    kinds = [kind for kind, known in MODULE_KINDS.items() if item["type"] in known.type_names]
    if not kinds:
        raise ModelFolderRefused(f"{name}: the type of a module is not in the list of accepted ones")
    parts = item["path"].split("/") if item["path"] else []
    if not all(FILE_NAME.fullmatch(part) for part in parts):
        raise ModelFolderRefused(f"{name}: the path of a module does not stay within the folder")
    if not parts and kinds[0] != "Transformer":
        raise ModelFolderRefused(f"{name}: only the Transformer may lie in the root of the folder")
    return ModuleEntry(kinds[0], item["path"])


def _architecture(name: str, config: dict[str, JsonValue]) -> str:
    model_type, named = config.get("model_type"), config.get("architectures")
    if not isinstance(model_type, str) or model_type not in ARCHITECTURES:
        raise ModelFolderRefused(f'{name}: "model_type" is not in the list of accepted ones')
    if not isinstance(named, list) or len(named) != 1 or not isinstance(named[0], str):
        raise ModelFolderRefused(f'{name}: "architectures" does not name exactly one')
    if named[0] not in ARCHITECTURES[model_type]:
        raise ModelFolderRefused(f'{name}: "architectures" does not fit "model_type"')
    return named[0]


def _check_activations(name: str, config: JsonValue) -> None:
    for key, value in _all_pairs(config):
        is_activation = "activation" in key or key.endswith("_act")
        # Numbers occur too ("activation_dropout") and name nothing.
        if is_activation and not (isinstance(value, int | float) or _is_allowed_name(value, ACTIVATIONS)):
            raise ModelFolderRefused(f"{name}: the activation is not in the list of accepted ones")


def _check_sizes(name: str, config: dict[str, JsonValue]) -> None:
    for key in config.keys() & LARGEST.keys():
        value = config[key]
        if value is not None and not (type(value) is int and 0 <= value <= LARGEST[key]):
            raise ModelFolderRefused(f'{name}: "{key}" is not a whole number up to {LARGEST[key]}')


def _check_config_value(name: str, key: str, value: JsonValue) -> None:
    shown = ascii(key[:80])[1:-1]
    if isinstance(value, dict) and key not in FREE_OBJECTS:
        raise ModelFolderRefused(f'{name}: the nested object "{shown}" is not accepted')
    if key in FREE_STRINGS or key in FREE_OBJECTS:
        return
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict | list) or (isinstance(item, str) and not PLAIN_WORDS.fullmatch(item)):
            raise ModelFolderRefused(f'{name}: the value of "{shown}" could name a file or an import')


def _check_dense_activation(name: str, value: JsonValue) -> None:
    if not isinstance(value, str) or value not in DENSE_ACTIVATIONS:
        raise ModelFolderRefused(f"{name}: the activation function is not in the list of accepted ones")


def _check_sentence_config(name: str, config: dict[str, JsonValue]) -> None:
    if config.get("transformer_task", "feature-extraction") != "feature-extraction":
        raise ModelFolderRefused(f'{name}: "transformer_task" is not the one of an encoder')
    # "method" is looked up on the model and called; an encoder needs no other than these.
    usual = {"text": {"method": "forward", "method_output_name": "last_hidden_state"}}
    if config.get("modality_config", usual) != usual:
        raise ModelFolderRefused(f'{name}: "modality_config" is not the one of a text encoder')
    if config.get("module_output_name", "token_embeddings") != "token_embeddings":
        raise ModelFolderRefused(f'{name}: "module_output_name" is not the one of a text encoder')
    # These reach from_pretrained() as arguments: other files, other kernels, other models.
    passed_on = [key for key in config if key.endswith(("_args", "_kwargs"))]
    if any(config[key] for key in [*passed_on, "query_expansion"] if key in config):
        raise ModelFolderRefused(f"{name}: passes arguments on to another library")
