"""Bodies of ``/v1/projects``."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from service import limits

Label = Annotated[str, Field(min_length=1, max_length=limits.MAX_LABEL_CHARACTERS)]


class Body(BaseModel):
    """A body that is read strictly."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ProjectIn(Body):
    """A new project."""

    name: Label = Field(description="What people call the study.", examples=["Barriers to care"])
    external_id: Label | None = Field(default=None, description="An id of yours; usable as `ext:…` wherever ours is.")
    note: Annotated[str, Field(max_length=limits.MAX_SEGMENT_CHARACTERS)] = Field(
        default="", description="Anything that those who open the project should know."
    )
    codebook: str | dict[str, Any] = Field(
        default="upsides", description="`upsides`, or a codebook object as for `/v1/suggest`.", examples=["upsides"]
    )


class CodebookVersion(BaseModel):
    """Which state of the codebook holds."""

    number: int = Field(description="From 1.")
    version: str = Field(description="Changes whenever anything in the codebook changes.")


class ProjectOut(BaseModel):
    """A study."""

    id: int
    external_id: str | None
    name: str
    note: str
    version: int = Field(description="Counts its changes; also its ETag.")
    created_at: datetime
    codebook: CodebookVersion


class ProjectPage(BaseModel):
    """One page of projects."""

    items: list[ProjectOut]
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null on the last one.")
