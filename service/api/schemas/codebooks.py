"""Bodies of ``/v1/codebooks``."""

from pydantic import BaseModel, ConfigDict, Field


class CodebookSummary(BaseModel):
    """A codebook without its codes."""

    id: str
    name: str
    version: str = Field(description="Changes whenever anything in the codebook changes.")
    codes: int = Field(description="Number of codes.")
    leaves: int = Field(description="Number of codes without children: the ones that are suggested.")
    levels: int = Field(description="Number of levels of the tree.")


class CodebookPage(BaseModel):
    """One page of codebooks."""

    items: list[CodebookSummary]
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null on the last one.")


class CodeOut(BaseModel):
    """One code; may hold further keys."""

    model_config = ConfigDict(extra="allow")

    id: str
    name: str
    parent: str | None
    description: str = ""


class CodebookOut(BaseModel):
    """A codebook in its file shape, with its version; may hold further keys."""

    model_config = ConfigDict(extra="allow")

    id: str
    name: str
    version: str
    glossary: dict[str, str] = {}
    codes: list[CodeOut]
