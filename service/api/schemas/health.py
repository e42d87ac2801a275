"""Bodies of ``/health``."""

from typing import Literal

from pydantic import BaseModel, Field


class Live(BaseModel):
    """The process answers."""

    status: Literal["ok"]


class Ready(BaseModel):
    """Whether requests can be served now."""

    status: Literal["ok", "not_ready"]
    model: str = Field(description="`ok`, or why the default model cannot be used.")
    database: str = Field(description="`ok`, or why projects cannot be used.")
    models: list[str] = Field(description="Keys that a request may name, the default one first.")
