"""Bodies of transcripts and segments."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, FailFast, Field

from service import limits
from service.api.schemas.projects import Body, Label


class TranscriptSegmentIn(Body):
    """One segment of a transcript."""

    text: str = Field(description=f"1 to {limits.MAX_SEGMENT_CHARACTERS} characters; stored as it is, line ends as LF.")
    external_id: Label | None = Field(default=None, description="An id of yours.")
    paragraph: Annotated[int, Field(ge=1, le=limits.MAX_PARAGRAPH)] | None = Field(
        default=None, description="The number by which it is cited; by default its place, from 1."
    )
    speaker: Label | None = Field(default=None, description="As transcribed, e.g. `B1`.")
    role: Literal["participant", "moderator"] = Field(
        default="participant", description="Participants' turns are coded, moderators' are context."
    )
    section: Label | None = Field(default=None, description="Part of the topic guide.")
    original_text: str | None = Field(default=None, description="Before translation.")
    original_language: Label | None = Field(default=None, description="Of the original text.")


class TranscriptIn(Body):
    """A transcript as it shall be."""

    label: Label | None = Field(default=None, description="Unique in the project; by default the site.")
    site: Label | None = Field(default=None, description="The study site, e.g. `BU`.")
    language: Label | None = Field(default=None, description="Of the texts.")
    segments: Annotated[list[TranscriptSegmentIn], FailFast()] = Field(
        min_length=1, max_length=limits.MAX_SEGMENTS_PER_TRANSCRIPT, description="All of them, in reading order."
    )


class TranscriptOut(BaseModel):
    """One imported document."""

    id: int
    external_id: str | None
    label: str = Field(description='With the paragraph it makes a reference: "BU 11".')
    site: str | None
    language: str | None
    version: int = Field(description="Counts its changes; also its ETag.")
    created_at: datetime
    segments: int = Field(description="How many it has.")


class TranscriptPage(BaseModel):
    """One page of transcripts."""

    items: list[TranscriptOut]
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null on the last one.")


class ImportedOut(BaseModel):
    """What came out of a file."""

    transcripts: list[TranscriptOut]


class SegmentOut(BaseModel):
    """The unit of coding: one speaker turn or paragraph."""

    id: int
    external_id: str | None
    reference: str = Field(description='How it is cited: "BU 11".')
    transcript: int = Field(description="Id of its transcript.")
    site: str | None
    position: int = Field(description="Reading order in the transcript, from 0.")
    paragraph: int
    speaker: str | None
    role: Literal["participant", "moderator"]
    section: str | None
    text: str
    original_text: str | None
    original_language: str | None


class SegmentPage(BaseModel):
    """One page of segments."""

    items: list[SegmentOut]
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null on the last one.")
