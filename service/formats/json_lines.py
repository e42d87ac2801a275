"""Jsonl <-> objects, one at a time."""

import json
from collections.abc import Mapping
from typing import Any, BinaryIO

from service.errors import FileNotAccepted, MalformedJson
from service.formats.lines import BYTE_ORDER_MARK, Rows, numbered_lines
from service.formats.strict_json import parse_json

# Many programs end a line at these too; in JSON they stand only within strings, where an escape means the same.
LINE_ENDS_ELSEWHERE = str.maketrans({char: f"\\u{ord(char):04x}" for char in "\u0085\u2028\u2029"})


def json_line(row: Mapping[str, Any]) -> str:
    """The object as one line, with its end."""
    return json.dumps(row, ensure_ascii=False).translate(LINE_ENDS_ELSEWHERE) + "\n"


def read_json_objects(file: BinaryIO) -> Rows:
    """The objects of a jsonl file with their places; blank lines are passed over.

    Raises:
        InputError, MalformedJson: a line is too long, is no JSON object, or holds a text that cannot be stored.
    """
    for place, line in numbered_lines(file, FileNotAccepted):
        if line.startswith(BYTE_ORDER_MARK):
            raise MalformedJson("The line begins with a byte order mark; save it as UTF-8 without one.", place=place)
        if line.strip():
            row = parse_json(line, place=place)
            if not isinstance(row, dict):
                raise FileNotAccepted("Each line must hold one JSON object.", place=place)
            yield place, row
