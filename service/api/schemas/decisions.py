"""Bodies of decisions and codings."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, FailFast, Field

from service import limits
from service.api.schemas.projects import Body, Label

Kind = Literal["accept", "reject", "replace", "code", "uncode", "no_code", "undo"]
Number = Annotated[int, Field(ge=1, le=limits.MAX_INTEGER)]


class WishIn(Body):
    """What to decide."""

    kind: Kind = Field(
        description="`accept`, `reject` or `replace` a suggestion; `code` or `uncode` a segment by hand; `no_code`: no "
        "code applies to the segment; `undo` a decision."
    )
    suggestion: Number | None = Field(default=None, description="Id; for accept, reject and replace.")
    segment: Number | Label | None = Field(
        default=None, description="Id, or `ext:` and yours; for code, uncode and no_code."
    )
    code: Label | None = Field(default=None, description="Id of a code; for replace, code and uncode.")
    decision: Number | None = Field(default=None, description="Id; for undo.")
    suggestions_visible: bool = Field(
        default=True, description="Whether the analyst saw what the machine suggests; kept with the decision."
    )


class DecisionIn(WishIn):
    """A single decision."""

    analyst: Label = Field(default="analyst", description="Who decides.")


class DecisionsIn(Body):
    """Several decisions: all of them, or none."""

    analyst: Label = Field(default="analyst", description="Who decides.")
    decisions: Annotated[list[WishIn], FailFast()] = Field(
        min_length=1, max_length=limits.MAX_DECISIONS_PER_REQUEST, description="In the order in which they are made."
    )


class DecisionOut(BaseModel):
    """What was decided; never changed afterwards."""

    id: int
    number: int = Field(description="Its place among the decisions of its coding set, from 1.")
    kind: Kind
    segment: int
    suggestion: int | None
    code: str | None = Field(description="That was accepted, rejected, put in place, set or taken away.")
    undoes: int | None = Field(description="The decision that this one takes back.")
    analyst: str
    at: datetime
    suggestions_visible: bool


class DecisionsOut(BaseModel):
    """One for each decision asked for, in order."""

    decisions: list[DecisionOut]


class DecisionPage(BaseModel):
    """One page of decisions."""

    items: list[DecisionOut]
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null on the last one.")


class CodingOut(BaseModel):
    """A code that stands on a segment."""

    id: int
    segment: int
    code: str
    origin: Literal["accepted", "replaced", "hand", "file"] = Field(
        description="An accepted suggestion, another code in the place of a suggested one, set by hand, or from a file."
    )
    score: float | None = Field(description="What the machine gave it when it was accepted.")
    model_version: str | None
    codebook_version: int
    decision: int | None
    analyst: str | None = Field(description="Who decided, or whose codings the file held.")
    at: datetime | None
    suggestions_visible: bool | None


class CodingPage(BaseModel):
    """One page of codings."""

    items: list[CodingOut]
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null on the last one.")
