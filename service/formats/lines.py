"""Untrusted bytes -> lines and rows with their places."""

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from service import limits
from service.errors import InputError

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

Rows = Iterator[tuple[str, Mapping[str, Any]]]
"""Rows one at a time, each with its place, e.g. ``line 12``."""


def numbered_lines(file: BinaryIO, refusal: type[InputError]) -> Iterator[tuple[str, bytes]]:
    """The lines with their places, none of them read further than the limit.

    Raises:
        InputError: ``refusal``, where a line is too long.
    """
    number = 0
    while line := file.readline(limits.MAX_LINE_BYTES + 1):
        number += 1
        place = f"line {number}"
        if len(line) > limits.MAX_LINE_BYTES:
            raise refusal(f"A line may have at most {limits.MAX_LINE_BYTES} bytes.", place=place)
        yield place, line
