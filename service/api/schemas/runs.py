"""Bodies of a project's runs."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from models.codebook import MAX_CODES
from models.context import ContextUse
from models.suggester import DEFAULT_TOP_K
from service import limits
from service.api.schemas.projects import Body, Label
from service.api.schemas.suggest import Score

RunState = Literal["waiting", "working", "completed", "completed_with_failures", "cancelled", "failed"]


class RunIn(Body):
    """What a run is to do."""

    kind: Literal["suggest"] = Field(default="suggest", description="Suggest codes for participants' turns.")
    transcripts: Annotated[list[Annotated[int, Field(ge=1)] | Label], Field(min_length=1, max_length=1_000)] | None = (
        Field(default=None, description="Ids of transcripts, or `ext:…`; without it all of them.")
    )
    sites: Annotated[list[Label], Field(min_length=1, max_length=1_000)] | None = Field(
        default=None, description="Study sites; without it all of them."
    )
    only_changed: bool = Field(
        default=False,
        description="Only segments that no run has suggested for under the newest codebook and this model: new ones, "
        "those before or after which something has changed, and after a change of the codebook all.",
    )
    context: ContextUse = Field(
        default="neighbours",
        description="Whether the turns directly before and after count, whoever spoke, where the numbers of the "
        "paragraphs say that nothing lies between.",
    )
    top_k: int = Field(
        default=DEFAULT_TOP_K, ge=0, le=MAX_CODES, description="How many leaves for each segment; 0 means every one."
    )
    min_score: Score | None = Field(
        default=None,
        description="Withhold suggestions below it; 0 withholds nothing. Without it nothing is suggested where the"
        " machine abstains, and else from the default threshold.",
    )
    model: Annotated[str, Field(max_length=limits.MAX_LABEL_CHARACTERS)] | None = Field(
        default=None, description="Key of a configured model; without it the one that the project uses."
    )


class RunModel(BaseModel):
    """Which model a run is pinned to; hash and version are null until it has begun.

    The key is that of a configured model, or `adaptation/` and the number of one that was fitted to the project.
    """

    key: str | None
    hash: str | None
    version: str | None


class RunPins(BaseModel):
    """What a run rests on: whatever happens meanwhile, and however often a part is done, the same comes of it."""

    codebook_version: int = Field(description="From 1.")
    decision: int | None = Field(description="Number of the last decision that counts; null until it has begun.")
    reference: str | None = Field(description="Hash of the reference statistics; null until all is encoded.")
    model: RunModel


class RunProgress(BaseModel):
    """How far the present step has come."""

    step: str | None = Field(
        description="`encode`, then `score`; `evaluate` or `adapt` for runs of these kinds; null before the first."
    )
    done: int = Field(description="Segments of this step that are done; percent for `adapt`.")
    all: int = Field(description="Segments of this step; 100 for `adapt`.")
    per_second: float | None = Field(description="Of those, since the step began.")
    seconds_left: float | None = Field(description="For this step, at this rate.")


class RunCoverage(BaseModel):
    """What became of the segments so far."""

    segments: int = Field(description="That the run is for; 0 until all is encoded.")
    suggested: int = Field(description="Segments for which something is suggested by default.")
    abstained: int = Field(description="Segments for which nothing is.")
    failed: int = Field(description="Segments that could not be worked on; see `failures`.")
    suggestions: int = Field(description="Suggestions that wait for a decision.")


class RunOut(BaseModel):
    """A run: work in the background over many segments."""

    id: int
    project: int
    kind: str
    state: RunState
    version: int = Field(description="Counts its changes.")
    request: dict[str, Any] = Field(description="What was asked for.")
    pinned: RunPins
    progress: RunProgress
    coverage: RunCoverage
    result: dict[str, Any] | None = Field(description="What came of it, for kinds that have more to say.")
    failure: str | None = Field(description="Why the run as a whole failed, in one word.")
    created_at: datetime
    began_at: datetime | None
    ended_at: datetime | None


class RunPage(BaseModel):
    """One page of runs."""

    items: list[RunOut]
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null on the last one.")


class FailedSegmentOut(BaseModel):
    """A segment that a run could not work on."""

    id: int
    segment: int
    reference: str
    reason: str = Field(
        description="`encoder_failed`: it gave no vector; `worker_stopped`: its process ended or hung three times."
    )


class FailedSegmentPage(BaseModel):
    """One page of failed segments."""

    items: list[FailedSegmentOut]
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null on the last one.")
