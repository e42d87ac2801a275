"""The queue of a coding set."""

from typing import Literal

from pydantic import BaseModel, Field

from service.api.schemas.suggest import Score
from service.api.schemas.suggestions import SuggestedSegment

Order = Literal["reading", "informative", "per_site", "random"]


class BestSuggestionOut(BaseModel):
    """The best suggestion that waits on a segment; `GET /v1/projects/{project_id}/suggestions` has all of them."""

    id: int
    code: str
    score: Score


class QueuedSegmentOut(BaseModel):
    """A segment to look at, with why it comes where it comes."""

    segment: SuggestedSegment
    suggestion: BestSuggestionOut | None = Field(description="The best one that waits on it, if any does.")
    doubt: Score | None = Field(
        description="How unsure the machine is, by which `informative` goes: 1 less the margin between its first two "
        "suggestions, and 1 where it has none; null where all that it suggested has been turned down."
    )
    site_looked_at: int = Field(description="Segments of its site that have been looked at, by which `per_site` goes.")


class QueueOut(BaseModel):
    """What comes next in a coding set."""

    coding_set: str
    order: Order = Field(
        description="That of the items: `reading` in the place of `informative` while no suggestion waits."
    )
    open: int = Field(description="How many segments are still to be looked at.")
    items: list[QueuedSegmentOut]
