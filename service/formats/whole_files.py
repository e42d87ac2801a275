"""Files that are there whole or not at all."""

import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Literal

from service.errors import FileNotAccepted


@contextmanager
def whole_file(path: Path, *, part: Path | None = None) -> Iterator[BinaryIO]:
    """A hidden file beside the one named, which takes its name when the block ends well.

    It is deleted when the block does not end well. An older file of this name stays until then, and its permissions
    after.

    Args:
        path: the file.
        part: the hidden file, if it shall have a place that is known; its folder is made, and if it is there it is
            begun anew.

    Raises:
        FileNotAccepted: the folder cannot be written to. An OSError within the block counts as one of writing.
    """
    target = path.resolve()
    mode: Literal["xb", "wb"] = "xb" if part is None else "wb"
    hidden = part or target.with_name(f".themecoder-{secrets.token_hex(8)}.part")
    try:
        if part is not None:
            part.parent.mkdir(mode=0o700, exist_ok=True)
        with hidden.open(mode) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            hidden.chmod(target.stat().st_mode & 0o777)
        hidden.replace(target)
    except OSError as error:
        raise FileNotAccepted("The output file cannot be written.") from error
    finally:
        with suppress(OSError):
            hidden.unlink(missing_ok=True)


def keep_from_overwriting(outputs: Sequence[Path | None], inputs: Sequence[Path | None]) -> None:
    """Passes if no file that is to be written is one that is read.

    Raises:
        FileNotAccepted: one is.
    """
    written = [output for output in outputs if output is not None and output.exists()]
    read = [given for given in inputs if given is not None and given.exists()]
    if any(output.samefile(given) for output in written for given in read):
        raise FileNotAccepted("The output must not be a file that is read.")


def write_text(path: Path, text: str) -> None:
    """Writes a text as UTF-8, whole or not at all.

    Raises:
        FileNotAccepted: it cannot be written.
    """
    with whole_file(path) as file:
        # Half of a surrogate pair cannot be in it: texts are checked when they are read.
        file.write(text.encode("utf-8"))


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes a JSON object, numbers at full precision; see :func:`write_text`."""
    write_text(path, json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n")
