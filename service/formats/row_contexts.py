"""Rows of segments in the order of a file -> what was said around each."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from models.context import Context, follows
from service.errors import FieldNotValid
from service.formats.texts import check_segment, check_text

# Rows of one segment, one for each coder, are held until the next segment is known.
MOST_HELD = 100
MOST_DIGITS = 10

Item = TypeVar("Item")


class SpokenRow(NamedTuple):
    """What a row says of its place. Made by the million, and so of the plainest kind.

    Attributes:
        transcript: its document, else its site; empty if it names neither.
        id: of the segment, if it names one; rows of one id and text are one segment.
        paragraph: its number; without one, nothing is known of the order.
        said_before: what the row itself says was said before.
    """

    transcript: str
    id: str | None
    paragraph: int | None
    text: str
    said_before: str | None


def spoken_row(row: Mapping[str, Any], text: str, prefix: str) -> SpokenRow:
    """A row's place, as far as it says anything that can be one.

    Args:
        row: ``{"document"?, "site"?, "id"?, "paragraph"?, "context"?, ...}``.
        text: of the segment.
        prefix: put before the field's name in the place of an error.

    Raises:
        InputError: as :func:`said_before` does.
    """
    return SpokenRow(
        transcript=_label(row.get("document")) or _label(row.get("site")) or "",
        id=_label(row.get("id")),
        paragraph=_number(row.get("paragraph")),
        text=text,
        said_before=said_before(row, prefix),
    )


def said_before(row: Mapping[str, Any], prefix: str) -> str | None:
    """What a row says was said before its segment, in its key ``context``; None if it says nothing.

    Raises:
        FieldNotValid, SegmentTooLong, TextNotValidUnicode, TextHasControlCharacters: with the place.
    """
    text = row.get("context")
    if text is None:
        return None
    if not isinstance(text, str):
        raise FieldNotValid("The context must be a text.", place=f"{prefix}context")
    check_text(text, place=f"{prefix}context")
    check_segment(text, place=f"{prefix}context", may_be_empty=True)
    return text


def with_contexts(rows: Iterable[tuple[Item, SpokenRow]]) -> Iterator[tuple[Item, Context]]:
    """Each row with what was said around its segment, one segment later than it is read.

    That are the rows directly before and after in the same transcript, where the numbers of their paragraphs are the
    same or one apart. What a row itself says was said before takes the place of the row before.
    """
    before: SpokenRow | None = None
    held: list[tuple[Item, SpokenRow]] = []
    for item, row in rows:
        last = held[-1][1] if held else None
        is_same = last is not None and _is_same(last, row)
        if held and not (is_same and len(held) < MOST_HELD):
            yield from _placed(held, before, None if is_same else row)
            before = before if is_same else last
            held = []
        held.append((item, row))
    yield from _placed(held, before, None)


def _placed(
    held: Iterable[tuple[Item, SpokenRow]], before: SpokenRow | None, after: SpokenRow | None
) -> Iterator[tuple[Item, Context]]:
    for item, row in held:
        earlier = before.text if before is not None and _follows(before, row) else None
        later = after.text if after is not None and _follows(row, after) else None
        yield item, Context(before=row.said_before or earlier, after=later)


def _follows(one: SpokenRow, other: SpokenRow) -> bool:
    return one.transcript == other.transcript and follows(one.paragraph, other.paragraph)


def _is_same(one: SpokenRow, other: SpokenRow) -> bool:
    return one.id is not None and (one.transcript, one.id, one.text) == (other.transcript, other.id, other.text)


def _label(value: object) -> str | None:
    return str(value) if isinstance(value, str | int) and value != "" else None


def _number(value: object) -> int | None:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= MOST_DIGITS:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
