"""What a file of transcripts says, whatever its format."""

from dataclasses import dataclass
from typing import Literal

Role = Literal["participant", "moderator"]
"""Participants' segments are coded; moderators' are context."""


@dataclass(frozen=True, kw_only=True)
class ImportedSegment:
    """One segment as a file gives it.

    Attributes:
        text: with LF line ends, its code points otherwise unchanged; never empty.
        place: where it stands in the file, e.g. ``line 12``.
        paragraph: 1 to 2**31 - 1 where the file gives it; None: to be counted from 1 by whoever stores it.
        speaker: the label as transcribed, e.g. ``B1``.
        role: as the file says, else as :func:`service.formats.speakers.moderators` takes it from the labels.
        section: part of the topic guide.
        external_id: what the file calls the segment.
        original_text: what was said, in another language than ``text``; line ends as in ``text``.
        original_language: of ``original_text``.
        codes: what a coder found; ``()``: looked at, and no code applies; None: the file does not say.
        coder: who found ``codes``.
    """

    text: str
    place: str
    paragraph: int | None
    speaker: str | None = None
    role: Role = "participant"
    section: str | None = None
    external_id: str | None = None
    original_text: str | None = None
    original_language: str | None = None
    codes: tuple[str, ...] | None = None
    coder: str | None = None


@dataclass(frozen=True, kw_only=True)
class ImportedTranscript:
    """One transcript as a file gives it.

    Attributes:
        document: what the file calls the transcript, if it does.
        site: its study site.
        language: of its segments' texts.
        segments: at least one, in the file's order. A segment that several coders have coded stands there once
            for each of them, with the same ``external_id``.
    """

    document: str | None
    site: str | None
    language: str | None
    segments: tuple[ImportedSegment, ...]
