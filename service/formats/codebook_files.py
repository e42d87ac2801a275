"""Codebook files -> codebooks."""

from pathlib import Path

from models.codebook import BUILT_IN, Codebook, built_in_codebook, codebook_from_json
from service import limits
from service.errors import CodebookUnknown, FileNotAccepted
from service.formats.strict_json import parse_json


def read_codebook(name_or_path: str) -> Codebook:
    """A built-in codebook by its id, else the one in a JSON file.

    Raises:
        CodebookUnknown: neither a built-in id nor a .json file.
        FileNotAccepted: the file cannot be read or is too large.
        InputError: the file is not JSON that can be read without doubt.
        CodebookNotAccepted: the codebook has a mistake.
    """
    if name_or_path in BUILT_IN:
        return built_in_codebook(name_or_path)
    path = Path(name_or_path)
    if path.suffix.lower() != ".json":
        raise CodebookUnknown(f"The codebook must be {' or '.join(BUILT_IN)}, or a .json file.")
    try:
        with path.open("rb") as file:
            data = file.read(limits.MAX_CODEBOOK_FILE_BYTES + 1)
    except OSError as error:
        raise FileNotAccepted("The codebook file cannot be read.") from error
    if len(data) > limits.MAX_CODEBOOK_FILE_BYTES:
        raise FileNotAccepted(f"A codebook file may have at most {limits.MAX_CODEBOOK_FILE_BYTES} bytes.")
    return codebook_from_json(parse_json(data), default_id=path.stem[: limits.MAX_LABEL_CHARACTERS])
