"""Bodies of a project's suggestions."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from models.codebook import MAX_CODES
from models.suggester import DEFAULT_TOP_K
from service.api.schemas.projects import Body, Label
from service.api.schemas.suggest import EvidenceOut, Score, ScoredCodeOut

Status = Literal["pending", "accepted", "rejected", "replaced", "withdrawn"]


class MakeSuggestionsIn(Body):
    """Which segments to suggest for."""

    transcript: Annotated[int, Field(ge=1)] | Label | None = Field(
        default=None, description="Id of a transcript, or `ext:…`; without it the whole of a small project."
    )
    top_k: int = Field(
        default=DEFAULT_TOP_K, ge=0, le=MAX_CODES, description="How many leaves for each segment; 0 means every one."
    )
    min_score: Score | None = Field(
        default=None,
        description="Withhold suggestions below it; 0 withholds nothing. Without it nothing is suggested where the"
        " machine abstains, and else from the default threshold.",
    )


class MadeSuggestionsOut(BaseModel):
    """What became of the segments."""

    segments: int = Field(description="Participants' turns that were looked at.")
    suggestions: int = Field(description="Suggestions on them that wait for a decision now.")
    abstained: int = Field(description="Segments for which none is suggested by default.")
    model_version: str
    codebook_version: int


class SuggestedSegment(BaseModel):
    """The segment of a suggestion."""

    id: int
    external_id: str | None
    reference: str
    transcript: int
    site: str | None
    speaker: str | None
    text: str


class ProjectSuggestionOut(BaseModel):
    """A proposal of the machine for one segment; never a coding: people decide."""

    id: int
    status: Status
    segment: SuggestedSegment
    code: str
    name: str
    path: list[ScoredCodeOut]
    score: Score
    rank: int = Field(description="Among those of its segment, from 1.")
    basis: Literal["project", "prior"]
    evidence: list[EvidenceOut]
    model_version: str


class SuggestionPage(BaseModel):
    """One page of suggestions."""

    items: list[ProjectSuggestionOut]
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null on the last one.")
