"""Bodies of models fitted to a project."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from service import limits
from service.api.schemas.projects import Body

Share = Annotated[float, Field(ge=0, le=1)]


class AdaptationIn(Body):
    """How to fit a model to a project."""

    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="Of the fit; each gives a slightly other model.")
    model: Annotated[str, Field(max_length=limits.MAX_LABEL_CHARACTERS)] | None = Field(
        default=None, description="Key of the configured model that is fitted; without it the default one."
    )


class BaseModelOut(BaseModel):
    """The model that was fitted."""

    key: str
    hash: str


class QualityOut(BaseModel):
    """How good suggestions are for segments held out."""

    hit_at_1: Share = Field(description="Share of the segments for which a right code comes first.")
    hit_at_3: Share = Field(description="Share for which one is among the first three.")
    reciprocal_rank: Share = Field(description="Mean of 1 / the rank of the first right code.")


class ComparisonOut(BaseModel):
    """The model as it was and fitted to some of the segments, both on segments that neither had seen."""

    examples: int = Field(description="Segments that were held out, each once.")
    before: QualityOut
    after: QualityOut
    difference: float = Field(description="Mean difference in reciprocal rank; kept if above 0.")
    standard_error: float
    temperature: float = Field(
        default=1.0,
        description="What logits are divided by: a fitted model is too sure of what it knows; 1 changes nothing.",
    )


class AdaptationOut(BaseModel):
    """An attempt to fit a model to a project's codes."""

    number: int = Field(description="In the project, from 1.")
    run: int = Field(description="The run that made it.")
    made_at: datetime
    kept: bool = Field(description="Whether it was better; else there is nothing of it but this.")
    in_use: bool = Field(description="Whether the project uses it now.")
    codebook_version: int
    decision: int = Field(description="Number of the last decision that it learnt from.")
    base: BaseModelOut
    seed: int
    hash: str | None = Field(description="Of the fitted model; null if it was not kept.")
    comparison: ComparisonOut


class AdaptationPage(BaseModel):
    """One page of adaptations."""

    items: list[AdaptationOut]
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null on the last one.")


class ModelChoiceIn(Body):
    """Which model a project is to use."""

    adaptation: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = Field(
        description="Number of one of the project's adaptations; null means the default model."
    )


class ModelChoiceOut(BaseModel):
    """Which model a project uses."""

    adaptation: int | None = Field(description="Number of the adaptation; null means the default model.")
    key: str = Field(description="What the model is called in runs.")
    version: int = Field(description="Counts the choices; also its ETag.")
    chosen_at: datetime | None = Field(description="Null while nobody has chosen.")
