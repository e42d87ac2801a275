"""Coded segments (the shape of coded.jsonl) -> examples."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from models.context import Context
from models.suggester import Example
from service import limits
from service.errors import FieldNotValid, FileNotAccepted
from service.formats.row_contexts import said_before, spoken_row, with_contexts
from service.formats.segment_files import read_json_lines
from service.formats.texts import check_segment


def read_examples(path: Path) -> list[tuple[str, Example]]:
    """The coded segments of a .jsonl file as examples, each with its place (``line 12``).

    What was said around them is what stands beside them in the file; see
    :func:`service.formats.row_contexts.with_contexts`.

    Raises:
        InputError: a subclass says what is wrong, and in which line.
    """
    if path.suffix.lower() != ".jsonl":
        raise FileNotAccepted("Coded segments must be a .jsonl file.")
    try:
        rows = [(place, row, example_from_row(row, f"{place}, ")) for place, row in read_json_lines(path)]
    except OSError as error:
        raise FileNotAccepted("The file of coded segments cannot be read.") from error
    spoken = [((place, example), spoken_row(row, example.text, f"{place}, ")) for place, row, example in rows]
    return [(place, replace(example, context=context)) for (place, example), context in with_contexts(spoken)]


def example_from_row(row: Mapping[str, Any], prefix: str) -> Example:
    """One coded row as an example; unknown keys are passed over.

    Args:
        row: ``{"text", "codes", "rejected"?, "document"?, "site"?, "paragraph"?, "id"?, "context"?, ...}``; the
            context is what was said before.
        prefix: put before the field's name in the place of an error, e.g. ``examples[3].``.

    Raises:
        FieldNotValid, SegmentTooLong, TextNotValidUnicode, TextHasControlCharacters: with the place.
    """
    text = row.get("text")
    if not isinstance(text, str):
        raise FieldNotValid("A coded segment needs a text.", place=f"{prefix}text")
    check_segment(text, place=f"{prefix}text", may_be_empty=True)
    rejected = () if row.get("rejected") is None else _codes(row["rejected"], f"{prefix}rejected")
    # A row of rejections need not say which codes apply.
    codes = _codes(row.get("codes", [] if rejected else None), f"{prefix}codes")
    return Example(
        text=text,
        codes=codes,
        reference=_reference(row, prefix),
        rejected=rejected,
        context=Context(before=said_before(row, prefix)),
        document=label_of_row(row, "document", prefix),
    )


def _codes(value: object, place: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(code, str) for code in value):
        raise FieldNotValid("Must be a list of code ids; codes: [] means that no code applies.", place=place)
    if len(value) > limits.MAX_CODES_PER_EXAMPLE:
        raise FieldNotValid(f"A segment may have at most {limits.MAX_CODES_PER_EXAMPLE} codes.", place=place)
    return tuple(dict.fromkeys(value))


def _reference(row: Mapping[str, Any], prefix: str) -> str | None:
    """How the segment is cited: "BU 11" if it has a site or document and a paragraph, else what there is."""
    label = label_of_row(row, "site", prefix) or label_of_row(row, "document", prefix)
    paragraph = label_of_row(row, "paragraph", prefix)
    if label and paragraph:
        return f"{label} {paragraph}"
    return label_of_row(row, "id", prefix) or label


def label_of_row(row: Mapping[str, Any], key: str, prefix: str) -> str | None:
    """A short text or a number of a coded row as text; None if it is not there or empty.

    Raises:
        FieldNotValid: it is something else, or too long.
    """
    value = row.get(key)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int) or len(str(value)) > limits.MAX_LABEL_CHARACTERS:
        raise FieldNotValid(
            f"Must be a text of at most {limits.MAX_LABEL_CHARACTERS} characters or an integer.", place=f"{prefix}{key}"
        )
    return str(value)
