"""Answers of ``/v1/projects/{p}/codebook/health``."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from service.api.schemas.projects import CodebookVersion


class NamedCode(BaseModel):
    """A leaf of the codebook."""

    code: str
    name: str
    path: list[str] = Field(description="Names from the theme down to the code itself.")


class OverlapFinding(BaseModel):
    """Two codes whose words are closer than is usual in this codebook: should they be one, or be told apart better?"""

    kind: Literal["overlap"]
    codes: list[NamedCode]
    similarity: float = Field(description="Cosine of the vectors of their words: names, definition, include note.")
    applied: list[int] = Field(description="Segments on which each of them stands.")
    applied_together: int = Field(description="Segments on which both stand.")
    replaced: int = Field(description="How often people put one in the place of the other, which was suggested.")


class CodeUseFinding(BaseModel):
    """A code that is of no use so far.

    `never_suggested`: no segment got it. `always_rejected`: rejected or replaced three times or more, never accepted.
    `never_applied`: it stands on no segment.
    """

    kind: Literal["never_suggested", "always_rejected", "never_applied"]
    code: NamedCode
    suggested: int = Field(description="Segments for which it was ever suggested.")
    accepted: int = Field(description="Suggestions of it that were accepted.")
    rejected: int = Field(description="Suggestions of it that were rejected, or replaced by another code.")
    applied: int = Field(description="Segments on which it stands.")


class SiteCount(BaseModel):
    """Segments of one site; null for those of none."""

    site: str | None
    segments: int


class TranscriptCount(BaseModel):
    """Segments of one transcript."""

    transcript: int
    label: str
    segments: int


class QuoteOut(BaseModel):
    """A segment, as it is cited."""

    segment: int
    reference: str
    transcript: int
    site: str | None
    text: str


class NearestCode(NamedCode):
    """The code that a group is nearest to."""

    similarity: float = Field(description="Cosine of the code's words and the centre of the group.")


class GapFinding(BaseModel):
    """Segments of one kind that no code fits: a candidate for a new code."""

    kind: Literal["gap"]
    segments: int
    similarity: float = Field(description="Mean cosine of the segments with their centre.")
    nearest: NearestCode | None = Field(description="Where it is near, that code may only lack words or examples.")
    sites: list[SiteCount]
    transcripts: list[TranscriptCount]
    words: list[str] = Field(description="Words that set them apart from the rest of the project: a hint for a name.")
    quotes: list[QuoteOut] = Field(
        description="The three nearest to the centre, of different transcripts as far as there are."
    )


class SimilarityOut(BaseModel):
    """How similar codes are to each other."""

    usual: float | None = Field(description="Median over all pairs of active leaves; null where there is none.")
    least: float = Field(description="From here on a pair is an overlap.")


class ExaminedSegments(BaseModel):
    """Participants' turns, and what became of those that no code fits."""

    all: int
    examined: int = Field(description="Those of transcripts for which something was suggested.")
    uncoded: int = Field(description="Of these, the ones without a coding, and not marked as having none.")
    unfitting: int = Field(
        description="Of these, the ones without a suggestion that reaches 0.1 and was not turned down."
    )
    too_short: int = Field(description="Of these, the ones of less than 25 characters, which are not grouped.")
    left_out: int = Field(description="Those not grouped because there are more than 3,000; these are taken evenly.")
    without_vector: int = Field(description="Those not grouped because the model has made no vector of them yet.")
    in_groups: int = Field(description="Those in groups of three or more.")


class LeftOut(BaseModel):
    """Findings beyond the first twenty of their kind."""

    overlap: int
    gap: int


Finding = Annotated[OverlapFinding | CodeUseFinding | GapFinding, Field(discriminator="kind")]


class CodebookHealthOut(BaseModel):
    """What the maintainer of a codebook should look at."""

    coding_set: str = Field(description="Whose codings and decisions count.")
    codebook: CodebookVersion
    model_version: str
    similarity: SimilarityOut
    segments: ExaminedSegments
    left_out: LeftOut
    notes: list[str] = Field(description="What cannot be known yet, and why.")
    findings: list[Finding] = Field(
        description="Overlaps, the closest first; codes never suggested, always rejected, never applied; gaps, the "
        "largest first."
    )
