"""Rows of segments (csv, jsonl) -> transcripts."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from service import limits
from service.errors import FieldNotValid, FileNotAccepted, InputError, InvalidId
from service.formats.labels import check_label
from service.formats.speakers import moderators
from service.formats.texts import check_segment, check_text, with_lf
from service.formats.transcripts import ImportedSegment, ImportedTranscript, Role

ROLES: Mapping[str, Role] = {"participant": "participant", "moderator": "moderator"}

_DIGITS = re.compile(r"[0-9]{1,10}")
_ABOUT_TRANSCRIPT = ("document", "site", "language")

Row = Mapping[str, Any]


def transcripts_from_rows(rows: Iterable[tuple[str, Row]]) -> list[ImportedTranscript]:
    """The transcripts that the rows make up, in order of first appearance.

    Rows of one ``document`` are one transcript; rows without a document go by their ``site``, and rows without
    either are one more transcript. Labels are texts or integers, and stay as they are given; null, and a label of
    nothing but white space, says nothing. A segment's id is its ``external_id``, else its ``id``.

    Args:
        rows: places, and what stands there; unknown keys are passed over.

    Raises:
        FieldNotValid: a field has a value that it cannot have, or the rows of one transcript contradict each other.
        InvalidId: an id is no label.
        SegmentEmpty, SegmentTooLong, TextNotValidUnicode, TextHasControlCharacters: a text cannot be taken.
        FileNotAccepted: there is no row, or there are too many rows or transcripts.
    """
    found: dict[tuple[str, str], _Gathered] = {}
    for place, row in rows:
        labels = {key: _label(row, key, place) for key in _ABOUT_TRANSCRIPT}
        key = next(((kind, label) for kind in ("document", "site") if (label := labels[kind])), ("", ""))
        if key not in found and len(found) == limits.MAX_TRANSCRIPTS_PER_FILE:
            raise FileNotAccepted(
                f"A file may hold at most {limits.MAX_TRANSCRIPTS_PER_FILE} transcripts.", place=place
            )
        found.setdefault(key, _Gathered()).add(row, labels, place)
    if not found:
        raise FileNotAccepted("There is no segment in the file.")
    return [gathered.transcript() for gathered in found.values()]


@dataclass
class _Gathered:
    """What the rows so far say about one transcript; with each segment the role that its row gives."""

    about: dict[str, str] = field(default_factory=dict)
    segments: list[tuple[ImportedSegment, Role | None]] = field(default_factory=list)

    def add(self, row: Row, labels: Mapping[str, str | None], place: str) -> None:
        for key, label in labels.items():
            if label and self.about.setdefault(key, label) != label:
                raise FieldNotValid(f"The rows of one transcript differ in {key}.", place=f"{place}, {key}")
        if len(self.segments) == limits.MAX_SEGMENTS_PER_TRANSCRIPT:
            raise FileNotAccepted(
                f"A transcript may have at most {limits.MAX_SEGMENTS_PER_TRANSCRIPT} segments.", place=place
            )
        self.segments.append((_segment(row, place), _role(row, place)))

    def transcript(self) -> ImportedTranscript:
        moderating = moderators(segment.speaker for segment, _ in self.segments)
        return ImportedTranscript(
            document=self.about.get("document"),
            site=self.about.get("site"),
            language=self.about.get("language"),
            segments=tuple(
                replace(segment, role=role or ("moderator" if segment.speaker in moderating else "participant"))
                for segment, role in self.segments
            ),
        )


def _segment(row: Row, place: str) -> ImportedSegment:
    text = _text(row, "text", place)
    if text is None:
        raise FieldNotValid("A segment needs a text.", place=f"{place}, text")
    check_segment(text, place=f"{place}, text")
    original_text = _text(row, "original_text", place)
    check_segment(original_text or "", place=f"{place}, original_text", may_be_empty=True)
    return ImportedSegment(
        text=text,
        place=place,
        paragraph=_paragraph(row, place),
        speaker=_label(row, "speaker", place),
        section=_label(row, "section", place),
        external_id=_label(row, "external_id", place, InvalidId) or _label(row, "id", place, InvalidId),
        original_text=original_text or None,
        original_language=_label(row, "original_language", place),
        codes=_codes(row, place),
        coder=_label(row, "coder", place),
    )


def _text(row: Row, key: str, place: str) -> str | None:
    value = row.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise FieldNotValid("It must be a text.", place=f"{place}, {key}")
    check_text(value, place=f"{place}, {key}")
    return with_lf(value)


def _label(row: Row, key: str, place: str, refusal: type[InputError] = FieldNotValid) -> str | None:
    value = row.get(key)
    if value is None:
        return None
    place = f"{place}, {key}"
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise refusal("It must be a text or an integer.", place=place)
    if isinstance(value, int):
        if abs(value) > limits.MAX_INTEGER:
            raise refusal("An integer must fit in 64 bits.", place=place)
        return str(value)
    check_label(value, place=place, refusal=refusal)
    return value if value.strip() else None


def _role(row: Row, place: str) -> Role | None:
    given = _label(row, "role", place)
    if given is None:
        return None
    role = ROLES.get(given.casefold())
    if role is None:
        raise FieldNotValid("A role is participant or moderator.", place=f"{place}, role")
    return role


def _paragraph(row: Row, place: str) -> int | None:
    value = row.get("paragraph")
    if value is None or value == "":
        return None
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= limits.MAX_PARAGRAPH:
        raise FieldNotValid(f"A paragraph is an integer from 1 to {limits.MAX_PARAGRAPH}.", place=f"{place}, paragraph")
    return value


def _codes(row: Row, place: str) -> tuple[str, ...] | None:
    codes = row.get("codes")
    if codes is None:
        return None
    place = f"{place}, codes"
    if not isinstance(codes, list) or not all(isinstance(code, str) and code.strip() for code in codes):
        raise FieldNotValid("codes must be a list of code ids; [] means that no code applies.", place=place)
    if len(codes) > limits.MAX_CODES_PER_EXAMPLE:
        raise FieldNotValid(f"A segment may have at most {limits.MAX_CODES_PER_EXAMPLE} codes.", place=place)
    for code in codes:
        check_label(code, place=place)
    return tuple(dict.fromkeys(codes))
