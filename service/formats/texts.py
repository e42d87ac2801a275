"""Checks of single texts."""

import re

from service import limits
from service.errors import SegmentEmpty, SegmentTooLong, TextHasControlCharacters, TextNotValidUnicode

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
SURROGATE = re.compile(r"[\ud800-\udfff]")
PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def check_text(text: str, *, place: str | None) -> None:
    """Passes a text that every database and every program can hold.

    Raises:
        TextNotValidUnicode: it holds half of a surrogate pair.
        TextHasControlCharacters: it holds a C0 control character other than tab, LF and CR.
    """
    if text.isprintable():
        return
    if SURROGATE.search(text):
        raise TextNotValidUnicode(place=place)
    if CONTROL.search(text):
        raise TextHasControlCharacters(place=place)


def check_segment(text: str, *, place: str, may_be_empty: bool = False) -> None:
    """Passes the text of a segment that can be encoded whole.

    Raises:
        SegmentEmpty: nothing but white space, unless ``may_be_empty``.
        SegmentTooLong: longer than the limit.
    """
    if len(text) > limits.MAX_SEGMENT_CHARACTERS:
        raise SegmentTooLong(f"A segment may have at most {limits.MAX_SEGMENT_CHARACTERS} characters.", place=place)
    if not may_be_empty and not text.strip():
        raise SegmentEmpty(place=place)


def with_lf(text: str) -> str:
    """The text with its line ends (CR LF, CR) as LF; nothing else of it changes."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def shown_name(name: str) -> str:
    """A field's name as errors may show it: plain names as they are, anything else only by its kind."""
    return name if PLAIN_NAME.fullmatch(name) else "<unprintable name>"
