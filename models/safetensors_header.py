"""Checks a safetensors file on its own, before any library that would load it touches it.

The format (https://huggingface.co/docs/safetensors, "Format"): eight bytes with the length of the header,
little-endian; the header, one JSON object; the data of the tensors, without gaps, in one block.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from io import BufferedReader
from types import MappingProxyType

import numpy as np

from models.errors import ModelFolderRefused
from models.strict_json import JsonValue, NotStrictJson, parse_strict_json

LENGTH_BYTES = 8
# A model with 24 layers has about 400 tensors and a header of 50 kB.
MAX_HEADER_BYTES = 16 * 2**20
MAX_DIMENSIONS = 8
# Large enough that the work per block outweighs the call, small enough to stay in the cache.
BLOCK_BYTES = 2**20

# Eight-bit and smaller floats are left out: encoders are not stored in them, and they have no common NaN.
ITEM_BYTES: Mapping[str, int] = MappingProxyType(
    {
        "BOOL": 1, "U8": 1, "I8": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2,
        "U32": 4, "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8,
    }
)  # fmt: skip

# All exponent bits set means NaN or infinity (IEEE 754; bfloat16 is the upper half of a float32).
EXPONENT_BITS: Mapping[str, int] = MappingProxyType(
    {"F16": 0x7C00, "BF16": 0x7F80, "F32": 0x7F80_0000, "F64": 0x7FF0_0000_0000_0000}
)


@dataclass(frozen=True, kw_only=True)
class TensorPlace:
    """One tensor of a file.

    Attributes:
        name: as written in the header; not trustworthy for display.
        dtype: one of ``ITEM_BYTES``.
        shape: lengths of its dimensions.
        begin: first byte, counted from the start of the data.
        end: byte after the last one.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def check_safetensors(file: BufferedReader, *, size: int, name: str) -> None:
    """Returns when ``file`` is a whole safetensors file whose every number is finite.

    Memory stays flat: the header is capped, the data are read in blocks.

    Args:
        file: opened for reading in binary mode; its position is moved.
        size: length of the file in bytes.
        name: what to call the file in messages.

    Raises:
        ModelFolderRefused: damaged, truncated, padded, of an unknown type, or holding NaN or infinity.
    """
    places, data_start = read_header(file, size=size, name=name)
    block = memoryview(bytearray(BLOCK_BYTES))
    for place in places:
        if place.dtype in EXPONENT_BITS:
            file.seek(data_start + place.begin)
            _check_finite(file, place, block, name)


def read_header(file: BufferedReader, *, size: int, name: str) -> tuple[tuple[TensorPlace, ...], int]:
    """The tensors of a file in the order of their data, and where the data start.

    Args:
        file: opened for reading in binary mode; its position is moved.
        size: length of the file in bytes.
        name: what to call the file in messages.

    Raises:
        ModelFolderRefused: the header is damaged, or does not describe exactly the bytes that follow it.
    """
    if size < LENGTH_BYTES:
        raise ModelFolderRefused(f"{name}: the file is too short to be a safetensors file")
    file.seek(0)
    length = int.from_bytes(file.read(LENGTH_BYTES), "little")
    if length > MAX_HEADER_BYTES:
        raise ModelFolderRefused(f"{name}: the header claims to be longer than {MAX_HEADER_BYTES} bytes")
    if length > size - LENGTH_BYTES:
        raise ModelFolderRefused(f"{name}: the header reaches beyond the end of the file")
    header = _parse_header(file.read(length), name)
    places = tuple(sorted(_places(header, name), key=lambda place: (place.begin, place.end)))
    _check_layout(places, size - LENGTH_BYTES - length, name)
    return places, LENGTH_BYTES + length


def _parse_header(data: bytes, name: str) -> dict[str, JsonValue]:
    try:
        header = parse_strict_json(data)
    except NotStrictJson as error:
        raise ModelFolderRefused(f"{name}: the header {error}") from error
    # The reference implementation demands the brace as the first byte, Python would skip white space.
    if not isinstance(header, dict) or not data.startswith(b"{"):
        raise ModelFolderRefused(f"{name}: the header is not a JSON object")
    _check_metadata(header.pop("__metadata__", None), name)
    if not header:
        raise ModelFolderRefused(f"{name}: the header lists no tensor")
    return header


def _check_metadata(metadata: JsonValue, name: str) -> None:
    if metadata is None:
        return
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ModelFolderRefused(f"{name}: the metadata of the header are not an object of strings")
    # Another format would send transformers to a converter for that framework.
    if metadata.get("format", "pt") != "pt":
        raise ModelFolderRefused(f"{name}: the weights were not written for PyTorch")


def _places(header: dict[str, JsonValue], name: str) -> list[TensorPlace]:
    return [_place(tensor, entry, name) for tensor, entry in header.items()]


def _place(tensor: str, entry: JsonValue, name: str) -> TensorPlace:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise _refused(name, tensor, "is not described by dtype, shape and data_offsets")
    dtype, shape = entry["dtype"], _naturals(entry["shape"])
    if not isinstance(dtype, str) or dtype not in ITEM_BYTES:
        raise _refused(name, tensor, "has a number type that is not accepted")
    if shape is None or len(shape) > MAX_DIMENSIONS:
        raise _refused(name, tensor, f"has a shape that is not {MAX_DIMENSIONS} or fewer whole numbers")
    offsets = _naturals(entry["data_offsets"])
    if offsets is None or len(offsets) != 2:
        raise _refused(name, tensor, "has data_offsets that are not two whole numbers")
    if offsets[1] - offsets[0] != math.prod(shape) * ITEM_BYTES[dtype]:
        raise _refused(name, tensor, "has data_offsets that do not fit its shape")
    return TensorPlace(name=tensor, dtype=dtype, shape=shape, begin=offsets[0], end=offsets[1])


def _naturals(value: JsonValue) -> tuple[int, ...] | None:
    if not isinstance(value, list):
        return None
    # type() and not isinstance(): true is an int to Python, but not a length.
    numbers = tuple(item for item in value if type(item) is int and item >= 0)
    return numbers if len(numbers) == len(value) else None


def _check_layout(places: tuple[TensorPlace, ...], data_bytes: int, name: str) -> None:
    expected = 0
    for place in places:
        if place.begin != expected:
            raise _refused(name, place.name, "overlaps with another one or leaves a gap before it")
        expected = place.end
    if expected != data_bytes:
        raise ModelFolderRefused(f"{name}: the file is truncated or has bytes after the last tensor")


def _check_finite(file: BufferedReader, place: TensorPlace, block: memoryview, name: str) -> None:
    bits = EXPONENT_BITS[place.dtype]
    unsigned = np.dtype(f"<u{ITEM_BYTES[place.dtype]}")
    for start in range(place.begin, place.end, BLOCK_BYTES):
        part = block[: min(BLOCK_BYTES, place.end - start)]
        if file.readinto(part) != len(part):
            raise ModelFolderRefused(f"{name}: the file became shorter while it was read")
        exponents = np.frombuffer(part, dtype=unsigned) & unsigned.type(bits)
        # The largest masked value equals the mask only where all exponent bits are set.
        if exponents.max() == bits:
            raise _refused(name, place.name, "holds NaN or infinity")


def _refused(name: str, tensor: str, reason: str) -> ModelFolderRefused:
    # Tensor names come from the file: escaped and cut, so that a message cannot carry terminal codes.
    return ModelFolderRefused(f"{name}: the tensor {tensor[:80]!a} {reason}")
