"""Jsonl -> objects, one at a time."""

from typing import BinaryIO

from service.errors import FileNotAccepted, MalformedJson
from service.formats.lines import BYTE_ORDER_MARK, Rows, numbered_lines
from service.formats.strict_json import parse_json


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
